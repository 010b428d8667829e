import {
  type ClusterState,
  grantOf,
  isSameCopy,
  type Phase,
} from "../cluster/mod.ts";
import { idle, ownCopy } from "./own.ts";
import { planFollowing } from "./plan_following.ts";
import { planReign } from "./plan_reign.ts";
import { planSealing } from "./plan_sealing.ts";
import type { Step } from "./steps.ts";
import type { LocalView } from "./view.ts";

/**
 * Finds the next step that brings this node's PostgreSQL to the state. It remembers nothing: an agent
 * that dies anywhere finds its way from what it sees. The caller must have confirmed the state by a
 * read-index in this life of the process (R15).
 *
 * @param state The replicated state.
 * @param view What is known of this node's PostgreSQL.
 * @returns What to do now.
 */
export function plan(state: ClusterState, view: LocalView): Step {
  const { phase } = state;
  if (phase.kind === "unformed") {
    return idle("Waiting for a member to make the database");
  }
  if (phase.kind === "founding") return planFounding(phase, view);
  if (phase.kind === "sealing" && view.saved.pledge < phase.epoch) {
    return { kind: "pledge", epoch: phase.epoch };
  }
  if (view.job) return idle(`Under way: ${view.job.kind}`);
  const stranger = planStranger(state, view);
  if (stranger) return stranger;
  if (phase.kind === "sealing") return planSealing(state, phase, view);
  if (view.saved.pledge > phase.epoch) {
    return idle(`Pledged to epoch ${view.saved.pledge}`);
  }
  const grant = grantOf(state, phase.epoch);
  if (!grant) return idle("The grant is forgotten");
  return isSameCopy(grant.winner, ownCopy(view))
    ? planReign(state, { phase, grant }, view)
    : planFollowing(state, { phase, grant }, view);
}

function planFounding(
  phase: Extract<Phase, { kind: "founding" }>,
  { id, data, saved, job, adopts }: LocalView,
): Step {
  const { founder, attempt } = phase;
  if (job) return idle(`Under way: ${job.kind}`);
  if (founder !== id) return idle(`Node ${founder} makes the database`);
  switch (data.kind) {
    case "empty":
      return { kind: "initialize", attempt };
    case "present":
      if (adopts) {
        const isAdopted = saved.adopted === data.systemId &&
          saved.incarnation !== null;
        return isAdopted
          ? { kind: "announce_founding", attempt }
          : { kind: "adopt", attempt };
      }
      if (saved.founding === 0) {
        return idle(
          "The data directory holds a database that pgraft did not make",
        );
      }
      return saved.incarnation === null
        ? { kind: "move_aside", why: "A founding was cut short" }
        : { kind: "announce_founding", attempt };
    case "unusable":
      return idle(data.why);
  }
}

/** A database of another cluster is never touched, but for what this node made in vain (R34). */
function planStranger(state: ClusterState, view: LocalView): Step | null {
  const { data, server, saved } = view;
  if (data.kind !== "present" || data.systemId === state.systemId) return null;
  if (saved.founding === 0) {
    return idle(
      `The data directory is of another cluster (system identifier ${data.systemId}, ` +
        `this one has ${state.systemId})`,
    );
  }
  const why = "Another member made the database";
  return server.kind === "stopped"
    ? { kind: "move_aside", why }
    : { kind: "stop", mode: "fast", why };
}
