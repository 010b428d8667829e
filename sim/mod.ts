/**
 * The simulator and the checkers. Only tests and benchmarks import it.
 *
 * @module
 */
export type * from "./history.ts";
export {
  checkLinearizable,
  type LinearizableOptions,
  type LinearizableVerdict,
} from "./linearizable.ts";
export {
  createKvModel,
  createLogModel,
  type KvInput,
  type KvModelState,
  type KvOutput,
  type LogInput,
  type LogOutput,
} from "./linearizable_models.ts";
export type { DeadEnd } from "./linearizable_search.ts";
export { ArgumentsError } from "./arguments.ts";
export { Violation } from "./checks.ts";
export { type SimOptions, type SimReport, simulate } from "./run.ts";
export { runSimulator } from "./main.ts";
export {
  between,
  chance,
  createWorld,
  pick,
  runNext,
  schedule,
  tell,
  type World,
  type WorldEvent,
} from "./world.ts";
