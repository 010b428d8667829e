import { compactConfigurations } from "./configuration.ts";
import { compact } from "./log.ts";
import type { Core } from "./state.ts";
import type { Index, SnapshotMeta } from "./types.ts";

/** Lets go of entries up to `index`, as far as they are durable. */
export function compactLog(core: Core, index: Index): void {
  const { log } = core;
  const target = Math.min(index, log.stableIndex);
  if (target <= log.baseIndex) return;
  compact(log, target);
  core.outbox.snapshots.push({
    kind: "compact",
    index: log.baseIndex,
    term: log.baseTerm,
  });
}

/**
 * Takes note of a snapshot of this node's own and compacts behind it. Some entries stay for followers
 * that are a little behind, and more, up to a bound, while a member is being sent a snapshot: else
 * it would need another one as soon as it has installed this one.
 */
export function onSnapshotTaken(core: Core, snapshot: SnapshotMeta): void {
  if (core.snapshot && core.snapshot.index >= snapshot.index) return;
  core.snapshot = snapshot;
  compactConfigurations(core.configurations, snapshot.index);
  const { trailingEntries, maxTrailingEntries } = core.options;
  let keepFrom = snapshot.index - trailingEntries;
  for (const { state } of core.leader?.progress.values() ?? []) {
    if (state.kind !== "snapshot") continue;
    keepFrom = Math.min(keepFrom, state.snapshot.index);
  }
  compactLog(core, Math.max(keepFrom, snapshot.index - maxTrailingEntries));
}
