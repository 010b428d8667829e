/**
 * Real nodes with real PostgreSQL for whole-system tests and benchmarks, what can befall them, and clients
 * that keep a ledger of what they were told.
 *
 * @module
 */
export {
  type PgCluster,
  type PgClusterOptions,
  type Reign,
  startPgCluster,
  withPgCluster,
} from "./cluster.ts";
export {
  connectToPrimary,
  type Ledger,
  LEDGER_TABLE,
  type LedgerOptions,
  type Outcome,
  type Row,
  startLedger,
} from "./ledger.ts";
export { type PgNode, type PgPlace } from "./node.ts";
export {
  commandLineOf,
  processesIn,
  processesNaming,
  signalTo,
} from "./processes.ts";
export { checkLedger, type LedgerVerdict } from "./verdict.ts";
export {
  type ClusterView,
  type ExplainView,
  type FindingView,
  type MemberView,
  type RecordView,
} from "./views.ts";
export {
  connectPostgres,
  type Place,
  requestCancel,
  type Result,
  type WireConnection,
  WireError,
  type WireFailure,
  type WireOptions,
} from "./wire.ts";
