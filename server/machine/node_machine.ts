import {
  applyCommand,
  type ClusterState,
  decodeCommand,
  decodeState,
  EMPTY_STATE,
  encodeState,
} from "../../pg/cluster/mod.ts";
import {
  createKvMachine,
  createLogMachine,
  type KvMachine,
  type LogMachine,
} from "../../raft/machines/mod.ts";
import type {
  Index,
  RaftOperation,
  RaftStateMachine,
  SnapshotRestore,
} from "../../raft/mod.ts";
import {
  decodePartOperation,
  type OnceKey,
  type PartOperation,
} from "./envelope.ts";
import {
  applyMemberInfo,
  type MemberTable,
  snapshotMembers,
} from "./members.ts";
import {
  createOnceTable,
  keepOnce,
  lookUpOnce,
  ONCE_ANSWERED,
  ONCE_REUSED,
  type OnceTable,
  restoreOnce,
  snapshotOnce,
} from "./once.ts";

/** A node's replicated state. */
export interface NodeMachine extends RaftStateMachine {
  readonly kv: KvMachine;
  readonly log: LogMachine;
  /** What nodes told about themselves. */
  members(): MemberTable;
  /** Who reigns over PostgreSQL, and how that came about. */
  cluster(): ClusterState;
}

interface State {
  readonly kv: KvMachine;
  readonly log: LogMachine;
  members: MemberTable;
  once: OnceTable;
  cluster: ClusterState;
  applied: Index;
}

/** The sections of a snapshot, each piece with its own in front. */
const SECTIONS = { kv: 0, log: 1, members: 2, once: 3, cluster: 4 } as const;

/**
 * Makes a node's replicated state, empty.
 *
 * @returns The machine.
 */
export function createNodeMachine(): NodeMachine {
  const state: State = {
    kv: createKvMachine(),
    log: createLogMachine(),
    members: new Map(),
    once: createOnceTable(),
    cluster: EMPTY_STATE,
    applied: 0,
  };
  return {
    kv: state.kv,
    log: state.log,
    members: () => state.members,
    cluster: () => state.cluster,
    applyOperation: (operation, index) => apply(state, operation, index),
    createSnapshot: (index) => createSnapshot(state, index),
    restoreFromSnapshot: (index) => restore(state, index),
    getLastAppliedIndex: () => state.applied,
  };
}

function apply(
  state: State,
  { data }: RaftOperation,
  index: Index,
): Uint8Array {
  const operation = decodePartOperation(data);
  state.applied = index;
  return operation.once
    ? applyOnce(state, operation, operation.once, index)
    : applyPart(state, operation, index);
}

function applyOnce(
  state: State,
  operation: PartOperation,
  once: OnceKey,
  index: Index,
): Uint8Array {
  const verdict = lookUpOnce(state.once, once);
  if (verdict.kind === "reused") return Uint8Array.of(ONCE_REUSED);
  if (verdict.kind === "repeated") return verdict.result;
  const inner = applyPart(state, operation, index);
  const result = new Uint8Array(1 + inner.length);
  result[0] = ONCE_ANSWERED;
  result.set(inner, 1);
  keepOnce(state.once, once, result);
  return result;
}

function applyPart(
  state: State,
  { part, data }: PartOperation,
  index: Index,
): Uint8Array {
  switch (part) {
    case "kv":
      return state.kv.applyOperation({ kind: "custom", data }, index);
    case "log":
      return state.log.applyOperation({ kind: "wal_entry", data }, index);
    case "members":
      applyMemberInfo(state.members, data);
      return new Uint8Array();
    case "cluster": {
      const applied = applyCommand(state.cluster, decodeCommand(data));
      state.cluster = applied.state;
      return new TextEncoder().encode(JSON.stringify(applied.result));
    }
  }
}

function createSnapshot(state: State, index: Index): Iterable<Uint8Array> {
  // All parts are taken at this very moment; their pieces are pulled later.
  return joinSections([
    [SECTIONS.members, snapshotMembers(state.members)],
    [SECTIONS.once, snapshotOnce(state.once)],
    [SECTIONS.cluster, [encodeState(state.cluster)]],
    [SECTIONS.kv, state.kv.createSnapshot(index)],
    [SECTIONS.log, state.log.createSnapshot(index)],
  ]);
}

function joinSections(
  sections: readonly (readonly [number, Iterable<Uint8Array>])[],
): Iterable<Uint8Array> {
  const iterators = sections.map(([section, pieces]) => ({
    section,
    pieces: pieces[Symbol.iterator](),
  }));
  const iterator: Iterator<Uint8Array> = {
    next(): IteratorResult<Uint8Array> {
      for (const { section, pieces } of iterators) {
        const next = pieces.next();
        if (!next.done) {
          return { done: false, value: mark(section, next.value) };
        }
      }
      return { done: true, value: undefined };
    },
    return(): IteratorResult<Uint8Array> {
      // Each part keeps pre-images until its iterator is ended.
      for (const { pieces } of iterators) pieces.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.iterator]: () => iterator };
}

function mark(section: number, piece: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + piece.length);
  bytes[0] = section;
  bytes.set(piece, 1);
  return bytes;
}

function restore(state: State, index: Index): SnapshotRestore {
  const kv = state.kv.restoreFromSnapshot(index);
  const log = state.log.restoreFromSnapshot(index);
  const members: MemberTable = new Map();
  const once = createOnceTable();
  let cluster = EMPTY_STATE;
  return {
    piece(data): void {
      const piece = data.subarray(1);
      switch (data[0]) {
        case SECTIONS.kv:
          return kv.piece(piece);
        case SECTIONS.log:
          return log.piece(piece);
        case SECTIONS.members:
          return applyMemberInfo(members, piece);
        case SECTIONS.once:
          return restoreOnce(once, piece);
        case SECTIONS.cluster:
          cluster = decodeState(piece);
          return;
        default:
          throw new RangeError(
            `Section ${
              data[0]
            } of a snapshot is unknown: run the same version on every member`,
          );
      }
    },
    done(): void {
      kv.done();
      log.done();
      state.members = members;
      state.once = once;
      state.cluster = cluster;
      state.applied = index;
    },
  };
}
