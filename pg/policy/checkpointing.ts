import type { ClusterState } from "../cluster/mod.ts";
import { ownReign } from "./own.ts";
import type { LocalView } from "./view.ts";

/**
 * Whether this node's primary shall make a checkpoint on its timeline: nobody can be rewound to it before (T17).
 * Clients need not wait for it. But who must be rewound may be all that is left to hold its barrier, so that it
 * would never open if it waited for that.
 *
 * @param state The replicated state.
 * @param view What is known of this node's PostgreSQL.
 * @param isAwaited Whether another member tells that it waits for one.
 * @returns Whether to make one now.
 */
export function wantsCheckpoint(
  state: ClusterState,
  view: LocalView,
  isAwaited: boolean,
): boolean {
  const { server, saved, rendered, checkpointEpoch } = view;
  const reigning = ownReign(state, view);
  if (!reigning || server.kind !== "primary") return false;
  const { phase: { kind, epoch } } = reigning;
  if (saved.epoch !== epoch || checkpointEpoch === epoch) return false;
  const isOpen = kind === "open" && rendered.hba === "open";
  return isOpen || isAwaited;
}
