import { join } from "node:path";
import { formatLsn, type Lsn, messageOf, parseLsn } from "../../base/mod.ts";
import { listBackup } from "./backup_files.ts";
import { encodeBackup, MAX_PIECE_BYTES } from "./backup_frames.ts";
import { listLog, segmentName, segmentOf } from "./backup_log.ts";
import type { OwnConnection } from "./connection.ts";
import { readControl } from "./control_file.ts";
import { InstanceError } from "./errors.ts";
import type { Place } from "./place.ts";
import { within } from "./wait.ts";

/** A checkpoint, which the start of a backup makes, may take long on a slow disk. */
const CHECKPOINT_TIMEOUT_MS = 600_000;
const STATEMENT_TIMEOUT_MS = 30_000;
/** How often the reader hears of this node while nothing is sent. */
const TELL_EVERY_MS = 5_000;
/** After so many bytes of files the log that has been finished meanwhile is sent, so that it can go. */
const LOG_EVERY_BYTES = 64 * 1024 * 1024;
/** Who does not take a piece in this time has gone, or is frozen. */
const READER_TIMEOUT_MS = 60_000;

/** The session must bear to be idle for as long as the copy takes. */
const SESSION_SETTINGS = {
  statement_timeout: "0",
  idle_session_timeout: "0",
  lock_timeout: "0",
};

/** A backup that has begun; it ends with its session. */
interface Backup {
  readonly place: Place;
  readonly session: OwnConnection;
  readonly major: number;
  readonly slot: string;
  readonly segmentBytes: number;
  readonly timeline: number;
  /** The number of the first file of the log that was not sent yet. */
  nextSegment: number;
  pieces: number;
  /** Since the log was last sent. */
  bytes: number;
}

function lsnOf(text: string | undefined): Lsn {
  const lsn = parseLsn(text ?? "");
  if (lsn !== null) return lsn;
  throw new InstanceError(
    "query_failed",
    `PostgreSQL said "${text}" for a position of its log: see its log`,
  );
}

/** Up to 14 the functions had other names. */
function startStatement(major: number): string {
  return major < 15
    ? "select pg_start_backup($1, true, false)::text as lsn"
    : "select pg_backup_start($1, true)::text as lsn";
}

function stopStatement(major: number): string {
  const columns = "lsn::text, labelfile as label, spcmapfile as map";
  return major < 15
    ? `select ${columns} from pg_stop_backup(false, false)`
    : `select ${columns} from pg_backup_stop(false)`;
}

/** A standby that does not stream has what may be on no history that goes on. */
const SOURCE_STATE = `
select pg_is_in_recovery() as standby,
  (select received_tli from pg_stat_wal_receiver where status = 'streaming') as received`;

/** The log of a backup is sent as files of one timeline. */
function isBetween({ dataDir }: Place): InstanceError {
  return new InstanceError(
    "command_failed",
    `The standby in "${dataDir}" follows another timeline than its last checkpoint is on: clone from the primary, or later`,
  );
}

/** A slot of the session's own holds the log from before the backup's beginning. */
async function begin(place: Place, session: OwnConnection): Promise<Backup> {
  const { major } = place.options.binaries;
  const [now] = await session.run<
    { standby: boolean; received: number | null }
  >(
    SOURCE_STATE,
    [],
    STATEMENT_TIMEOUT_MS,
  );
  const received = now?.received ?? null;
  if (now?.standby !== false && received === null) {
    throw new InstanceError(
      "query_failed",
      "This node is no primary, and streams from none: clone from the one that is",
    );
  }
  const slot = `pgraft_backup_${crypto.randomUUID().slice(0, 8)}`;
  await session.run(
    "select pg_create_physical_replication_slot($1, true, true)",
    [slot],
    STATEMENT_TIMEOUT_MS,
  );
  const [started] = await session.run<{ lsn: string }>(
    startStatement(major),
    ["pgraft"],
    CHECKPOINT_TIMEOUT_MS,
  );
  const control = await readControl(place.dataDir);
  if (typeof control === "string") {
    throw new InstanceError(
      "unreadable_data",
      `The pg_control of "${place.dataDir}" cannot be used, ${control}: check the disk`,
    );
  }
  const { segmentBytes, timeline } = control;
  if (received !== null && received !== timeline) throw isBetween(place);
  const startLsn = lsnOf(started?.lsn);
  return {
    place,
    session,
    major,
    slot,
    segmentBytes,
    timeline,
    nextSegment: segmentOf(startLsn, segmentBytes),
    pieces: 0,
    bytes: 0,
  };
}

/** Sends a file as far as it goes now; one that was dropped meanwhile is no loss, since the log says so. */
async function* sendFile(
  backup: Backup,
  path: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(join(backup.place.dataDir, path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  try {
    // What is added from now on is in the log.
    const { size } = await file.stat();
    let offset = 0;
    do {
      const buffer = new Uint8Array(Math.min(MAX_PIECE_BYTES, size - offset));
      const length = buffer.length === 0 ? 0 : await file.read(buffer) ?? 0;
      const data = buffer.subarray(0, length);
      yield encodeBackup({ type: "piece", path, offset }, data);
      backup.pieces += 1;
      backup.bytes += length;
      if (length === 0) return;
      offset += length;
    } while (offset < size);
  } finally {
    file.close();
  }
}

/** Sends the files of the log before a number, which must be complete, and lets the server reuse them. */
async function* sendLog(
  backup: Backup,
  until: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { session, slot, segmentBytes, place, timeline } = backup;
  backup.bytes = 0;
  if (backup.nextSegment >= until) return;
  for (; backup.nextSegment < until; backup.nextSegment++) {
    const name = segmentName(timeline, backup.nextSegment, segmentBytes);
    const before = backup.pieces;
    yield* sendFile(backup, `pg_wal/${name}`);
    if (backup.pieces > before) continue;
    throw new InstanceError(
      "command_failed",
      `The log's file ${name} in "${place.dataDir}" is gone, since more log was written during the copy than max_slot_wal_keep_size allows: raise it, or install pg_basebackup`,
    );
  }
  await session.run(
    "select pg_replication_slot_advance($1, $2::pg_lsn)",
    [slot, formatLsn(until * segmentBytes)],
    STATEMENT_TIMEOUT_MS,
  );
}

async function* sendFinishedLog(
  backup: Backup,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const [row] = await backup.session.run<{ lsn: string }>(
    `select (case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
       else pg_current_wal_flush_lsn() end)::text as lsn`,
    [],
    STATEMENT_TIMEOUT_MS,
  );
  yield* sendLog(backup, segmentOf(lsnOf(row?.lsn), backup.segmentBytes));
}

/** Ends the backup and sends the rest of the log: with it, whoever starts from the copy reaches a whole state. */
async function* finish(
  backup: Backup,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { session, place, segmentBytes, major } = backup;
  const stopping = session.run<{ lsn: string; label: string; map: string }>(
    stopStatement(major),
    [],
    CHECKPOINT_TIMEOUT_MS,
  );
  yield* tellWhile(place, stopping);
  const [row] = await stopping;
  await checkTimeline(backup);
  const lastByte = lsnOf(row?.lsn) - 1;
  yield* sendLog(backup, segmentOf(lastByte, segmentBytes) + 1);
  // Fillers too (R17): recovery looks for newer timelines one number after the other.
  for (const name of await listLog(place.dataDir, /^[0-9A-F]{8}\.history$/)) {
    yield* sendFile(backup, `pg_wal/${name}`);
  }
  yield encodeBackup({
    type: "end",
    label: row?.label ?? "",
    tablespaceMap: row?.map ?? "",
    pieces: backup.pieces,
  });
}

/** A standby may have followed its upstream to another timeline meanwhile, where the copy's end then lies. */
async function checkTimeline({ place, timeline }: Backup): Promise<void> {
  const control = await readControl(place.dataDir);
  if (typeof control === "string") return;
  const { minRecoveryTimeline } = control;
  if (minRecoveryTimeline !== 0 && minRecoveryTimeline !== timeline) {
    throw isBetween(place);
  }
}

/** Tells the reader that this node lives, while something takes its time. */
async function* tellWhile(
  { clock }: Place,
  work: Promise<unknown>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const ended = work.then(() => true, () => true);
  while (!await within(clock, TELL_EVERY_MS, ended, () => false)) {
    yield encodeBackup({ type: "wait" });
  }
}

async function* send(
  place: Place,
  session: OwnConnection,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const beginning = begin(place, session);
  yield* tellWhile(place, beginning);
  const backup = await beginning;
  const { directories, tablespaces, files } = await listBackup(place.dataDir);
  const control = await readControl(place.dataDir);
  yield encodeBackup({
    type: "begin",
    systemId: typeof control === "string" ? "" : control.systemId,
    major: backup.major,
    totalBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
  });
  for (const path of directories) {
    if (path.startsWith("pg_tblspc/")) continue;
    yield encodeBackup({ type: "directory", path });
  }
  for (const tablespace of tablespaces) {
    yield encodeBackup({ type: "tablespace", ...tablespace });
  }
  for (const path of directories) {
    if (!path.startsWith("pg_tblspc/")) continue;
    yield encodeBackup({ type: "directory", path });
  }
  for (const { path } of files) {
    for await (const piece of sendFile(backup, path)) {
      yield piece;
      if (backup.bytes >= LOG_EVERY_BYTES) yield* sendFinishedLog(backup);
    }
  }
  yield* finish(backup);
}

async function* sendOrSayWhyNot(
  place: Place,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let session: OwnConnection | null = null;
  try {
    session = await place.connections.open({
      timeoutMs: STATEMENT_TIMEOUT_MS,
      settings: SESSION_SETTINGS,
    });
    yield* send(place, session);
  } catch (error) {
    const why = messageOf(error);
    place.options.log("warning", `A copy for another node failed: ${why}`);
    yield encodeBackup({ type: "failed", why });
  } finally {
    // The server ends a backup and drops its slot with the session that began it.
    await session?.end();
  }
}

/**
 * Makes a copy of this server's data for another node, as a backup of the server's own: from its first byte to
 * its last one session is held open, and what is left of it goes with that session. A standby's is as good, while
 * it streams: its log up to the least position of recovery that its pg_control names, which is sent last, is there.
 *
 * @param place Whose data.
 * @returns The frames of the backup. They are made no faster than they are read; a reader that stops reading
 * for long is given up.
 */
export function backup(place: Place): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = sendOrSayWhyNot(place);
  let timer: { cancel(): void } | null = null;
  const end = async (): Promise<void> => {
    timer?.cancel();
    await pieces.return(undefined);
  };
  return new ReadableStream({
    pull: async (controller) => {
      timer?.cancel();
      const { done, value } = await pieces.next();
      if (done) return controller.close();
      controller.enqueue(value);
      timer = place.clock.after(READER_TIMEOUT_MS, () => {
        place.options.log(
          "warning",
          `A copy for another node was given up: nobody has read for ${READER_TIMEOUT_MS} ms`,
        );
        // It lacks its end, by which its reader knows that it is torn.
        controller.close();
        end().catch(() => {});
      });
    },
    cancel: end,
  });
}
