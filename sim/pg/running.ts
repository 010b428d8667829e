import { schedule, tell } from "../mod.ts";
import {
  type Agent,
  count,
  isFrozen,
  type PgNode,
  type PgSim,
} from "./node.ts";
import { type Doer, StepFailed, type Work } from "./work.ts";

/** Runs work as long as its agent lives, and never while the machine is frozen. */
export function runWork(
  { sim, node, agent }: Doer,
  work: Work,
  failed: (error: StepFailed) => void = () => {},
): void {
  const { world } = sim;
  const next = (): void => {
    if (node.agent !== agent) return;
    if (isFrozen(sim, node)) {
      schedule(world, node.frozenUntilMs - world.nowMs + 0.01, next);
      return;
    }
    try {
      const { done, value } = work.next();
      if (!done) schedule(world, Math.max(0.01, value), next);
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      failed(error);
    }
  };
  schedule(world, 0.01, next);
}

/** Runs a long task beside the agent's other work. */
export function runJob(doer: Doer, kind: string, work: Work): void {
  const { agent, sim, node } = doer;
  const whole = function* (): Work {
    yield* struck(doer, kind, work);
    agent.job = null;
    agent.failures = 0;
  };
  runWork(doer, whole(), (error) => {
    agent.job = null;
    noteFailure(sim, node, agent, kind, error);
  });
}

/** Counts what did not come off. */
export function noteFailure(
  { world }: PgSim,
  { id }: PgNode,
  agent: Agent,
  kind: string,
  error: StepFailed,
): void {
  agent.failures = agent.failedKind === kind ? agent.failures + 1 : 1;
  agent.failedKind = kind;
  agent.failure = error.message;
  tell(world, () => `${id} ${kind} fails: ${error.message}`);
}

/** Lets an ambush end the agent in the middle of what it waits for. */
export function* struck(doer: Doer, kind: string, work: Work): Work {
  const { sim, node } = doer;
  let turns = 0;
  for (;;) {
    const { ambush } = sim;
    if (ambush?.kind === kind && ambush.after === turns) {
      sim.ambush = null;
      count(sim, `ambush: ${kind}`);
      ambush.strike(node);
      yield 1;
    }
    const { done, value } = work.next();
    if (done) return;
    turns += 1;
    yield value;
  }
}
