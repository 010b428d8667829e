import type { ClusterCommand } from "../../pg/cluster/mod.ts";
import { patchSaved, type Saved } from "../../pg/policy/mod.ts";
import { between } from "../mod.ts";
import { checkSaved } from "./checks_local.ts";
import { propose } from "./consensus.ts";
import type { Agent, PgNode, PgProcess, PgSim } from "./node.ts";

/** Work in virtual time: each value is how long to wait, and between any two the agent may die. */
export type Work<T = void> = Generator<number, T, void>;

/** A step did not come off; the agent counts it and plans anew. */
export class StepFailed extends Error {
  override readonly name = "StepFailed";
}

/** What a step needs to know of whose it is. */
export interface Doer {
  readonly sim: PgSim;
  readonly node: PgNode;
  readonly agent: Agent;
}

/** How long a step waits for what it waits for. */
export const DEADLINE_MS = 4000;

/** Waits until something holds, or fails. */
export function* until(
  { sim }: Doer,
  holds: () => boolean,
  what: string,
  deadlineMs: number = DEADLINE_MS,
): Work {
  const endMs = sim.world.nowMs + deadlineMs;
  while (!holds()) {
    if (sim.world.nowMs > endMs) throw new StepFailed(`${what} took too long`);
    yield 2;
  }
}

/** Writes down what binds across restarts, synced (R12, R15). */
export function* save({ sim, node }: Doer, patch: Partial<Saved>): Work {
  const { world } = sim;
  const hungMs = Math.max(0, node.diskHungUntilMs - world.nowMs);
  yield hungMs + between(world, 0.2, 4);
  const next = patchSaved(node.saved, patch);
  checkSaved(node, next);
  node.saved = next;
}

/** The running server, or the step fails. */
export function serverOf({ node }: Doer): PgProcess {
  const { proc } = node;
  if (!proc?.hasPostmaster) throw new StepFailed("PostgreSQL does not run");
  return proc;
}

/** Has a command committed and sees it applied here. */
export function* commitCommand(doer: Doer, command: ClusterCommand): Work {
  const { sim, node, agent } = doer;
  let answer: number | null | undefined;
  propose(sim, node, command, (index) => {
    answer = index;
  });
  yield* until(doer, () => answer !== undefined, `Committing ${command.type}`);
  const index = answer ?? null;
  if (index === null) throw new StepFailed(`${command.type} got no answer`);
  yield* until(doer, () => agent.applied >= index, "Applying it");
  const result = sim.consensus.results[index - 1];
  if (result?.kind === "refused") throw new StepFailed(result.why);
}
