/** One record of a write-ahead log. Two logs hold the same record when they hold the same object. */
export interface WalRecord {
  /** Its place in every log that holds it. */
  readonly ordinal: number;
  readonly lsn: number;
  readonly end: number;
  readonly timeline: number;
  /** The reign that wrote it; 0 for a promotion that nobody granted. */
  readonly epoch: number;
  readonly kind: "init" | "row" | "probe" | "checkpoint" | "switch";
  /** The number of the row that it commits; 0 for none. */
  readonly row: number;
}

/** Where a timeline begins, as a history file says it. */
export interface TimelineStart {
  readonly timeline: number;
  readonly lsn: number;
}

/** A write-ahead log as it is on a disk. */
export interface Wal {
  /** Whole records. */
  records: WalRecord[];
  /** Bytes of the next record that have come, too few for it to count (R13). */
  tail: number;
  /** Oldest first; the last is the present one. */
  history: TimelineStart[];
}

/** A new stream begins at the start of a segment of so many bytes (T12). */
export const SEGMENT_BYTES = 1000;

/** Makes the log of a database that was just made. */
export function createWal(): Wal {
  return { records: [], tail: 0, history: [{ timeline: 1, lsn: 0 }] };
}

/** Where the whole records end. */
export function endOf({ records }: Wal): number {
  return records.at(-1)?.end ?? 0;
}

/** The present timeline. */
export function timelineOf({ history }: Wal): number {
  return history.at(-1)?.timeline ?? 1;
}

/** The end of the first records of a log. */
export function endAfter({ records }: Wal, count: number): number {
  return count === 0 ? 0 : records[count - 1]?.end ?? 0;
}

/** Whether a log holds a record. */
export function holds({ records }: Wal, record: WalRecord): boolean {
  return records[record.ordinal] === record;
}

/** Appends a record that came over a stream, or that the server wrote itself. */
export function appendRecord(wal: Wal, record: WalRecord): void {
  wal.records.push(record);
  wal.tail = 0;
  if (timelineOf(wal) !== record.timeline) {
    wal.history = [
      ...wal.history,
      { timeline: record.timeline, lsn: record.lsn },
    ];
  }
}

/** Makes the next record of a log and appends it. */
export function writeRecord(
  wal: Wal,
  { kind, epoch, row = 0, bytes, timeline = timelineOf(wal) }: {
    readonly kind: WalRecord["kind"];
    readonly epoch: number;
    readonly row?: number;
    readonly bytes: number;
    readonly timeline?: number;
  },
): WalRecord {
  const lsn = endOf(wal);
  const ordinal = wal.records.length;
  const end = lsn + bytes;
  const record = { ordinal, lsn, end, timeline, epoch, kind, row };
  appendRecord(wal, record);
  return record;
}

/** Whether all records of `a` are the first records of `b`. */
export function isPrefix(a: Wal, b: Wal): boolean {
  const last = a.records.at(-1);
  // Logs only grow together or branch, so the last record decides.
  return last === undefined || holds(b, last);
}

/** A copy that grows on its own. */
export function copyWal({ records, history }: Wal): Wal {
  return { records: [...records], tail: 0, history: [...history] };
}
