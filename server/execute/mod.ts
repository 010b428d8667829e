/**
 * Replicated SQL: statements that go through the Raft log, and that the primary runs once and in order.
 *
 * @module
 */
export {
  type Executor,
  type ExecutorOptions,
  startExecutor,
} from "./executor.ts";
export { refusalOf, statementWords } from "./statements.ts";
export {
  operationAt,
  type OperationSource,
  operationToJson,
  SQL_KINDS,
  type Submission,
  submissionCommand,
  submissionIndex,
  whenRun,
} from "./submit.ts";
export { targetTableOf } from "./target_table.ts";
