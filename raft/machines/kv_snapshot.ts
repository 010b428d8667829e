import type { SnapshotRestore } from "../ports.ts";
import type { ByteString } from "./byte_string.ts";
import { createKeyMap } from "./key_map.ts";
import { createKvHistory } from "./kv_history.ts";
import { type KvLeases, moveKey, restoreLease } from "./kv_leases.ts";
import {
  type KvRecord,
  readRecord,
  type RecordFormat,
  writeRecord,
} from "./kv_record.ts";
import {
  createKvState,
  type KvState,
  putRecord,
  recordOf,
} from "./kv_state.ts";
import { badSnapshot, PIECE_BYTES, type PieceSource } from "./pieces.ts";
import { createSortedKeys, type SortedKeys } from "./sorted_keys.ts";
import {
  createReader,
  createWriter,
  finishWriter,
  readByte,
  readCompletely,
  readNumber,
  writeByte,
  writeNumber,
} from "./wire.ts";

const FORMAT = 3;
/** What each format has of a record: older ones are still read. */
const RECORD_FORMATS: Readonly<Record<number, RecordFormat>> = {
  1: "plain",
  2: "leased",
  [FORMAT]: "timed",
};
const HEADER = 1;
const RECORDS = 2;
const LEASES = 3;

/** Leases in one piece at most. */
const LEASES_PER_PIECE = 1024;

/** Keys looked at for one piece at most, which bounds the time that it takes. */
const KEYS_PER_PIECE = 2048;

/**
 * Begins a snapshot. Records go out in the order of their keys. What changes behind the point
 * reached no longer matters; of what changes before it, the state keeps the old record (or that
 * there was none) until the snapshot has passed.
 *
 * @param state The state, which may change between pieces but through `kv_state.ts` only.
 * @returns The pieces.
 */
export function snapshotKvState(state: KvState): PieceSource {
  const head = [headerPiece(state), ...leasePieces(state.leases)];
  const old = createKeyMap<KvRecord | null>();
  const deleted = createSortedKeys();
  // No key is empty, so every key comes after this.
  let passed: ByteString = "";
  let isEnd = false;

  state.beforeChange = (key, before, change) => {
    if (key <= passed) return;
    const kept = old.get(key);
    if (kept === undefined) old.set(key, before);
    if (change === "put") return;
    // A key that came and went meanwhile is forgotten, or they would pile up.
    if (kept === null) old.remove(key);
    else deleted.insert(key);
  };

  function recordsPiece(): Uint8Array | null {
    const writer = createWriter(PIECE_BYTES);
    writeByte(writer, RECORDS);
    let looked = 0;
    for (const key of keysOfBoth(state.keys, deleted, passed)) {
      const before = old.get(key);
      const record = before === undefined ? recordOf(state, key) : before;
      if (before !== undefined) old.remove(key);
      passed = key;
      if (record !== null) writeRecord(writer, record, "timed");
      looked += 1;
      if (writer.at >= PIECE_BYTES - 1024 || looked === KEYS_PER_PIECE) {
        return finishWriter(writer);
      }
    }
    isEnd = true;
    return looked === 0 ? null : finishWriter(writer);
  }

  return {
    next: () => {
      if (isEnd) return null;
      return head.shift() ?? recordsPiece();
    },
    release: () => {
      state.beforeChange = null;
    },
  };
}

/**
 * Begins to take in a snapshot.
 *
 * @param done Gets the state once it is complete.
 * @returns Takes the pieces.
 */
export function restoreKvState(
  done: (state: KvState) => void,
): SnapshotRestore {
  const state = createKvState();
  let count = -1;
  let recordFormat: RecordFormat = "timed";
  let last: ByteString = "";

  function takeHeader(data: Uint8Array): void {
    const reader = createReader(data);
    readByte(reader);
    const format = RECORD_FORMATS[readByte(reader)];
    state.revision = readNumber(reader);
    count = readNumber(reader);
    if (format !== "plain") {
      state.compacted = readNumber(reader);
      state.leases.clockMs = readNumber(reader);
    }
    if (format === undefined || !readCompletely(reader)) {
      throw badSnapshot("its header is not that of a key-value store");
    }
    recordFormat = format;
  }

  function takeLeases(data: Uint8Array): void {
    const reader = createReader(data);
    readByte(reader);
    while (!reader.failed && reader.at < data.length) {
      const id = readNumber(reader);
      const ttlMs = readNumber(reader);
      const deadlineMs = readNumber(reader);
      restoreLease(state.leases, { id, ttlMs, deadlineMs });
    }
    if (reader.failed) throw badSnapshot("a piece of leases is damaged");
  }

  function takeRecords(data: Uint8Array): void {
    const reader = createReader(data);
    readByte(reader);
    while (!reader.failed && reader.at < data.length) {
      const record = readRecord(reader, recordFormat);
      if (reader.failed || record.key <= last) {
        throw badSnapshot("a piece is damaged or out of order");
      }
      last = record.key;
      putRecord(state, record, null);
      if (!moveKey(state.leases, record.key, 0, record.lease)) {
        throw badSnapshot("a key has a lease that is not there");
      }
    }
  }

  return {
    piece: (data) => {
      if (count === -1 && data[0] === HEADER) takeHeader(data);
      else if (count !== -1 && data[0] === LEASES) takeLeases(data);
      else if (count !== -1 && data[0] === RECORDS) takeRecords(data);
      else throw badSnapshot("a piece has no place in a key-value store");
    },
    done: () => {
      state.history = createKvHistory(state.revision);
      if (count !== state.keys.size()) {
        throw badSnapshot(`it has ${state.keys.size()} of ${count} keys`);
      }
      done(state);
    },
  };
}

function headerPiece(
  { revision, keys, compacted, leases }: KvState,
): Uint8Array {
  const writer = createWriter(32);
  writeByte(writer, HEADER);
  writeByte(writer, FORMAT);
  writeNumber(writer, revision);
  writeNumber(writer, keys.size());
  writeNumber(writer, compacted);
  writeNumber(writer, leases.clockMs);
  return finishWriter(writer);
}

/** They are few, so they are written down at once. */
function leasePieces({ byId }: KvLeases): Uint8Array[] {
  const leases = [...byId.values()];
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < leases.length; at += LEASES_PER_PIECE) {
    const writer = createWriter(LEASES_PER_PIECE);
    writeByte(writer, LEASES);
    for (const lease of leases.slice(at, at + LEASES_PER_PIECE)) {
      writeNumber(writer, lease.id);
      writeNumber(writer, lease.ttlMs);
      writeNumber(writer, lease.deadlineMs);
    }
    pieces.push(finishWriter(writer));
  }
  return pieces;
}

/** Goes through the keys behind `after` that are in either set, in order and once. */
function* keysOfBoth(
  left: SortedKeys,
  right: SortedKeys,
  after: ByteString,
): Generator<ByteString, void, undefined> {
  const rights = right.keysAfter(after);
  let next = rights.next();
  for (const key of left.keysAfter(after)) {
    while (!next.done && next.value < key) {
      yield next.value;
      next = rights.next();
    }
    if (!next.done && next.value === key) next = rights.next();
    yield key;
  }
  while (!next.done) {
    yield next.value;
    next = rights.next();
  }
}
