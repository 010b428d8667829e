import type { ClusterState } from "../cluster/mod.ts";
import { plan } from "./plan.ts";
import { copy, cutStandby, done, primaryServer } from "./policy_test_kit.ts";
import { isWaiting, type Step } from "./steps.ts";
import type { LocalView } from "./view.ts";

/** The next step's kind. */
export function kindOf(state: ClusterState, view: LocalView): Step["kind"] {
  return plan(state, view).kind;
}

/** A directory without anything. */
export const EMPTY = { kind: "empty" } as const;

/** A directory that no server can start from. */
export const UNUSABLE = { kind: "unusable", why: "half" } as const;

/** A server that does not run. */
export const STOPPED = { kind: "stopped" } as const;

/** What a step does to what is seen, as the agent does it. */
export function effectOf(view: LocalView, step: Step): LocalView {
  const { saved, rendered } = view;
  const server = view.server.kind === "standby" ? view.server : cutStandby();
  switch (step.kind) {
    case "pledge":
      return { ...view, saved: { ...saved, pledge: step.epoch } };
    case "cut_upstream":
      return {
        ...view,
        saved: { ...saved, upstream: null },
        server: { ...server, receiver: false, streaming: false },
      };
    case "set_slots":
      return { ...view, slots: step.wanted };
    case "set_rule":
      return {
        ...view,
        rendered: { ...rendered, rule: step.rule?.number ?? 0 },
      };
    case "close":
      return {
        ...view,
        rendered: { ...rendered, hba: "closed" },
        server: { ...server, sessions: 0 },
      };
    case "finish_replay":
      return {
        ...view,
        server: { ...server, replayLsn: server.endLsn, replayDone: true },
      };
    case "own":
      return { ...view, saved: { ...saved, epoch: step.epoch } };
    case "promote":
      return { ...view, server: primaryServer({ timeline: step.timeline }) };
    case "barrier":
      return { ...view, barrier: step.rule.number };
    case "open":
      return { ...view, rendered: { ...rendered, hba: "open" } };
    case "stop":
      return {
        ...view,
        server: STOPPED,
        rendered: { hba: null, rule: null, upstream: null },
        barrier: 0,
        slots: [],
      };
    case "start":
      return {
        ...view,
        server: cutStandby({
          timeline: view.data.kind === "present" ? view.data.timeline : 1,
        }),
        rendered: { hba: "closed", rule: 0, upstream: null },
        saved: { ...saved, upstream: null },
      };
    case "follow":
      return {
        ...view,
        server: { ...server, receiver: true, streaming: true },
        saved: {
          ...saved,
          epoch: step.epoch,
          pledge: Math.max(saved.pledge, step.epoch),
          upstream: { id: step.upstream, epoch: step.epoch },
        },
      };
    default:
      return view;
  }
}

/** What a step has committed. */
export function committed(
  state: ClusterState,
  view: LocalView,
  step: Step,
): ClusterState {
  const winner = copy(view.id, view.saved.incarnation ?? 0);
  switch (step.kind) {
    case "announce_promotion":
      return done(state, {
        type: "promoted",
        epoch: step.epoch,
        winner,
        switchLsn: 100,
        atMs: 0,
      });
    case "announce_opening":
      return done(state, {
        type: "opened",
        epoch: step.epoch,
        winner,
        rule: step.rule,
        barrierAtMs: 0,
        gapMs: null,
        atMs: 0,
      });
    case "retire_rules":
      return done(state, {
        type: "retire_rules",
        epoch: step.epoch,
        primary: winner,
        rule: step.rule.number,
      });
    case "propose":
      return done(state, step.command);
    default:
      return state;
  }
}

/** The server is told what is noted. */
function told(view: LocalView): LocalView {
  const { upstream } = view.saved;
  return { ...view, rendered: { ...view.rendered, upstream } };
}

/** The steps that were taken, and what they led to. */
export interface Walk {
  readonly kinds: readonly string[];
  readonly view: LocalView;
  readonly state: ClusterState;
}

/** Takes step after step until there is nothing to do. */
export function walk(state: ClusterState, view: LocalView): Walk {
  const kinds: string[] = [];
  for (let i = 0; i < 30; i += 1) {
    const step = plan(state, view);
    if (isWaiting(step)) {
      return { kinds, view, state };
    }
    kinds.push(step.kind);
    state = committed(state, view, step);
    view = told(effectOf(view, step));
  }
  throw new Error(`It goes on for ever: ${kinds.join(", ")}`);
}
