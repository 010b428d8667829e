import { invariant } from "../../base/mod.ts";
import {
  configurationAt,
  type Core,
  type Input,
  type SnapshotCommand,
  type SnapshotMeta,
  termAt,
} from "../core/mod.ts";
import { DiskFullError, RaftError } from "../errors.ts";
import type { Applier } from "./applier.ts";
import { createFrameReader, encodeFrame, type Section } from "./frames.ts";
import { askMachine, beginMachineSnapshot } from "./machine.ts";
import type { DiskSnapshotWriter, DriverPorts } from "./ports.ts";
import {
  createSessionTable,
  restoreSession,
  snapshotSessions,
} from "./sessions.ts";

/** A snapshot on its way in. */
export interface Incoming {
  readonly index: number;
  writer: DiskSnapshotWriter | null;
}

/** What a node does with snapshots at this time. */
export interface Snapshots {
  /** One of this node's own state is being written. */
  taking: boolean;
  /** The disk was full: no other one before then. */
  notBeforeMs: number;
  incoming: Incoming | null;
}

/** When to take snapshots. */
export interface SnapshotPolicy {
  /** No sooner than this many entries after the last one; 0 for never. */
  readonly distanceEntries: number;
  /**
   * Nor before the log has this size, unless it is `MAX_DISTANCE_RATIO` times as many entries: a snapshot
   * of a small state would follow every moment of a heavy load.
   */
  readonly minLogBytes: number;
  /** How much is read at a time when one is put into the machine. */
  readonly readBytes: number;
}

/** So many times the distance is reason enough for a snapshot, however short the log is. */
export const MAX_DISTANCE_RATIO = 5;

/** How long a full disk puts the next snapshot off. */
export const DISK_FULL_PAUSE_MS = 10_000;

/** Makes the book of snapshots. */
export function createSnapshots(): Snapshots {
  return { taking: false, notBeforeMs: 0, incoming: null };
}

/** Whether it is time: enough entries, and a log as large as the state that would replace it. */
export function isSnapshotDue(
  snapshots: Snapshots,
  policy: SnapshotPolicy,
  core: Pick<Core, "nowMs" | "snapshot" | "log">,
  applier: Pick<Applier, "applied" | "restoring">,
): boolean {
  if (snapshots.taking || applier.restoring || policy.distanceEntries === 0) {
    return false;
  }
  if (core.nowMs < snapshots.notBeforeMs) return false;
  const distance = applier.applied - (core.snapshot?.index ?? 0);
  const { distanceEntries, minLogBytes } = policy;
  const isLong = core.log.sizeBytes >= minLogBytes ||
    distance >= distanceEntries * MAX_DISTANCE_RATIO;
  return distance >= distanceEntries && isLong &&
    core.log.sizeBytes >= (core.snapshot?.sizeBytes ?? 0);
}

/** Writes a snapshot of what is applied now, piece by piece, while more is applied. */
export function takeSnapshot(
  snapshots: Snapshots,
  core: Core,
  applier: Applier,
  ports: DriverPorts,
  input: (input: Input) => void,
): void {
  const index = applier.applied;
  const term = termAt(core.log, index);
  invariant(term !== null, `entry ${index} was compacted before its snapshot`);
  const at = configurationAt(core.configurations, index);
  const meta = {
    index,
    term,
    configuration: at.configuration,
    configurationIndex: at.index,
  };
  const startedAtMs = ports.nowMs();
  snapshots.taking = true;
  const frames = framesOf(applier, ports, index);
  const fail = (error: Error, writer?: DiskSnapshotWriter): void => {
    frames.return?.();
    snapshots.taking = false;
    if (!(error instanceof DiskFullError)) return ports.fail(error);
    // The log goes on without it; the next one may find room.
    writer?.abort();
    snapshots.notBeforeMs = ports.nowMs() + DISK_FULL_PAUSE_MS;
  };
  ports.disk.beginSnapshot(meta, (writer) => {
    if (writer instanceof Error) return fail(writer);
    writeFrames(frames, writer, (error) => fail(error, writer), () => {
      writer.commit((snapshot) => {
        if (snapshot instanceof Error) return fail(snapshot, writer);
        snapshots.taking = false;
        const tookMs = ports.nowMs() - startedAtMs;
        ports.observer.snapshotTaken?.(snapshot.sizeBytes, tookMs);
        input({ kind: "snapshot_taken", snapshot });
      });
    });
  });
}

function framesOf(
  applier: Applier,
  ports: DriverPorts,
  index: number,
): Iterator<Uint8Array> {
  // Begun in this very turn: both copies are of the same moment.
  const sessions = snapshotSessions(applier.sessions)[Symbol.iterator]();
  const machine = beginMachineSnapshot(ports.machine, index);
  return {
    next(): IteratorResult<Uint8Array> {
      const session = sessions.next();
      if (!session.done) return framed("sessions", session.value);
      const piece = machine.next();
      return piece.done ? piece : framed("machine", piece.value);
    },
    return(): IteratorResult<Uint8Array> {
      return machine.return?.() ?? { done: true, value: undefined };
    },
  };
}

function framed(
  section: Section,
  piece: Uint8Array,
): IteratorResult<Uint8Array> {
  return { done: false, value: encodeFrame(section, piece) };
}

function writeFrames(
  frames: Iterator<Uint8Array>,
  writer: DiskSnapshotWriter,
  fail: (error: Error) => void,
  written: () => void,
): void {
  const next = frames.next();
  if (next.done) {
    written();
    return;
  }
  writer.write(next.value, (error) => {
    if (error) fail(error);
    else writeFrames(frames, writer, fail, written);
  });
}

/** Does what the core wants done with snapshots that travel. */
export function performCommand(
  snapshots: Snapshots,
  command: SnapshotCommand,
  ports: DriverPorts,
  chunkBytes: number,
  input: (input: Input) => void,
): void {
  switch (command.kind) {
    case "read_chunk": {
      const { to, snapshot, offset } = command;
      const { index } = snapshot;
      ports.disk.readSnapshot(index, offset, chunkBytes, (result) => {
        const data = result instanceof Error ? null : result;
        input({ kind: "chunk_read", to, snapshot, offset, data });
      });
      return;
    }
    case "write_chunk":
      return writeChunk(snapshots, command, ports, input);
    case "discard":
      return discard(snapshots);
  }
}

function writeChunk(
  snapshots: Snapshots,
  command: Extract<SnapshotCommand, { kind: "write_chunk" }>,
  ports: DriverPorts,
  input: (input: Input) => void,
): void {
  const { snapshot, offset, data } = command;
  const { index } = snapshot;
  const write = (incoming: Incoming): void => {
    incoming.writer?.write(data, (error) => {
      if (snapshots.incoming !== incoming) return;
      if (error) return failIncoming(snapshots, error, ports, input);
      const nextOffset = offset + data.length;
      input({ kind: "chunk_written", index, nextOffset });
    });
  };
  if (offset > 0) {
    if (snapshots.incoming) write(snapshots.incoming);
    return;
  }
  discard(snapshots);
  const incoming: Incoming = { index, writer: null };
  snapshots.incoming = incoming;
  ports.disk.beginSnapshot(snapshot, (writer) => {
    if (snapshots.incoming !== incoming) {
      if (!(writer instanceof Error)) writer.abort();
      return;
    }
    if (writer instanceof Error) {
      return failIncoming(snapshots, writer, ports, input);
    }
    incoming.writer = writer;
    write(incoming);
  });
}

function failIncoming(
  snapshots: Snapshots,
  error: Error,
  ports: DriverPorts,
  input: (input: Input) => void,
): void {
  const index = snapshots.incoming?.index ?? 0;
  if (!(error instanceof DiskFullError)) return ports.fail(error);
  discard(snapshots);
  input({ kind: "chunk_failed", index });
}

function discard(snapshots: Snapshots): void {
  snapshots.incoming?.writer?.abort();
  snapshots.incoming = null;
}

/** Makes a received snapshot durable, then puts it into the machine. */
export function installSnapshot(
  snapshots: Snapshots,
  applier: Applier,
  policy: SnapshotPolicy,
  ports: DriverPorts,
  installed: (snapshot: SnapshotMeta) => void,
): void {
  const { incoming } = snapshots;
  invariant(
    incoming !== null && incoming.writer !== null,
    "there is no received snapshot to install",
  );
  snapshots.incoming = null;
  applier.restoring = true;
  incoming.writer.commit((snapshot) => {
    if (snapshot instanceof Error) return ports.fail(snapshot);
    restoreMachine(applier, snapshot, policy, ports, () => {
      ports.observer.snapshotInstalled?.(snapshot.sizeBytes);
      installed(snapshot);
    });
  });
}

/**
 * Puts a durable snapshot into the machine and the sessions. Nothing is applied meanwhile, nor until
 * the caller ends `restoring`, when the core knows of the snapshot.
 */
export function restoreMachine(
  applier: Applier,
  snapshot: SnapshotMeta,
  policy: SnapshotPolicy,
  ports: DriverPorts,
  restored: () => void,
): void {
  const { index, sizeBytes } = snapshot;
  applier.restoring = true;
  applier.restores += 1;
  const { restores } = applier;
  const sessions = createSessionTable();
  const what = `to restore the snapshot at ${index}`;
  const restore = askMachine(
    what,
    () => ports.machine.restoreFromSnapshot(index),
  );
  const reader = createFrameReader();
  const readFrom = (offset: number): void => {
    ports.disk.readSnapshot(index, offset, policy.readBytes, (bytes) => {
      if (applier.restores !== restores) return;
      if (bytes instanceof Error) return ports.fail(bytes);
      reader.push(bytes, (section, piece) => {
        if (section === "sessions") restoreSession(sessions, piece);
        else askMachine(what, () => restore.piece(piece));
      });
      const next = offset + bytes.length;
      if (bytes.length > 0 && next < sizeBytes) return readFrom(next);
      if (next < sizeBytes || reader.pendingBytes > 0) {
        return ports.fail(truncatedError(index, next, sizeBytes));
      }
      askMachine(what, () => restore.done());
      applier.sessions = sessions;
      applier.applied = index;
      restored();
    });
  };
  readFrom(0);
}

function truncatedError(
  index: number,
  end: number,
  sizeBytes: number,
): RaftError {
  const message =
    `The snapshot at ${index} ends at byte ${end} of ${sizeBytes}; ` +
    "remove this member and add it again with an empty directory";
  return new RaftError("storage_failed", message);
}
