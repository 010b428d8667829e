import {
  type ClusterState,
  type Epoch,
  type HistoryRecord,
  MAX_HISTORY,
} from "./types.ts";

/** What is known of a change of primary when it begins. */
export type RecordStart = Pick<
  HistoryRecord,
  | "epoch"
  | "kind"
  | "reason"
  | "detail"
  | "from"
  | "lostAtMs"
  | "detectedAtMs"
>;

/** Begins the record of an epoch. */
export function beginRecord(
  state: ClusterState,
  start: RecordStart,
  patch: Partial<HistoryRecord> = {},
): ClusterState {
  const record: HistoryRecord = {
    to: 0,
    timeline: 0,
    startLsn: 0,
    sealed: [],
    why: "",
    gaveUp: [],
    grantedAtMs: null,
    promotedAtMs: null,
    barrierAtMs: null,
    openedAtMs: null,
    gapMs: null,
    givenUp: [],
    ...start,
    ...patch,
  };
  return { ...state, history: [...state.history, record].slice(-MAX_HISTORY) };
}

/** Adds to the record of an epoch, if it is remembered. */
export function amendRecord(
  state: ClusterState,
  epoch: Epoch,
  patch: Partial<HistoryRecord>,
): ClusterState {
  const history = state.history.map((record) =>
    record.epoch === epoch ? { ...record, ...patch } : record
  );
  return { ...state, history };
}
