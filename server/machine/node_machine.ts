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
  Term,
} from "../../raft/mod.ts";
import {
  applySettings,
  type ClusterSettings,
  NO_CLUSTER_SETTINGS,
} from "./cluster_settings.ts";
import {
  decodePartOperation,
  type OnceKey,
  type PartOperation,
} from "./envelope.ts";
import { noteTerm, termAt, type TermSpan } from "./log_terms.ts";
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
import {
  applySql,
  EMPTY_SQL_QUEUE,
  type SqlOperation,
  type SqlQueue,
} from "./sql_queue.ts";

/** A node's replicated state. */
export interface NodeMachine extends RaftStateMachine {
  readonly kv: KvMachine;
  readonly log: LogMachine;
  /** What nodes told about themselves. */
  members(): MemberTable;
  /** Who reigns over PostgreSQL, and how that came about. */
  cluster(): ClusterState;
  /** The term in which an entry of the log was committed; 0 where that is not known. */
  logTerm(position: number): Term;
  /** What all nodes have alike. */
  settings(): ClusterSettings;
  /** Statements for the primary to run. */
  sql(): SqlQueue;
}

interface State {
  readonly kv: KvMachine;
  readonly log: LogMachine;
  members: MemberTable;
  once: OnceTable;
  cluster: ClusterState;
  logTerms: TermSpan[];
  settings: ClusterSettings;
  sql: SqlQueue;
  applied: Index;
}

/** The sections of a snapshot, each piece with its own in front. */
const SECTIONS = {
  kv: 0,
  log: 1,
  members: 2,
  once: 3,
  cluster: 4,
  logTerms: 5,
  settings: 6,
  sql: 7,
} as const;

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
    logTerms: [],
    settings: NO_CLUSTER_SETTINGS,
    sql: EMPTY_SQL_QUEUE,
    applied: 0,
  };
  return {
    kv: state.kv,
    log: state.log,
    members: () => state.members,
    cluster: () => state.cluster,
    logTerm: (position) => termAt(state.logTerms, position),
    settings: () => state.settings,
    sql: () => state.sql,
    applyOperation: (operation, index, term = 0) =>
      apply(state, operation, { index, term }),
    createSnapshot: (index) => createSnapshot(state, index),
    restoreFromSnapshot: (index) => restore(state, index),
    getLastAppliedIndex: () => state.applied,
  };
}

/** Where an operation stands in the Raft log. */
interface At {
  readonly index: Index;
  readonly term: Term;
}

function apply(state: State, { data }: RaftOperation, at: At): Uint8Array {
  const operation = decodePartOperation(data);
  state.applied = at.index;
  return operation.once
    ? applyOnce(state, operation, operation.once, at)
    : applyPart(state, operation, at);
}

function applyOnce(
  state: State,
  operation: PartOperation,
  once: OnceKey,
  at: At,
): Uint8Array {
  const verdict = lookUpOnce(state.once, once);
  if (verdict.kind === "reused") return Uint8Array.of(ONCE_REUSED);
  if (verdict.kind === "repeated") return verdict.result;
  const inner = applyPart(state, operation, at);
  const result = new Uint8Array(1 + inner.length);
  result[0] = ONCE_ANSWERED;
  result.set(inner, 1);
  keepOnce(state.once, once, result);
  return result;
}

function applyPart(
  state: State,
  { part, data }: PartOperation,
  at: At,
): Uint8Array {
  switch (part) {
    case "kv":
      return state.kv.applyOperation({ kind: "custom", data }, at.index);
    case "log":
      return applyLog(state, data, at);
    case "members":
      applyMemberInfo(state.members, data);
      return new Uint8Array();
    case "cluster": {
      const applied = applyCommand(state.cluster, decodeCommand(data));
      state.cluster = applied.state;
      return encodeJson(applied.result);
    }
    case "settings": {
      const applied = applySettings(state.settings, data);
      state.settings = applied.state;
      return encodeJson(applied.result);
    }
    case "sql": {
      const { phase } = state.cluster;
      const openEpoch = phase.kind === "open" ? phase.epoch : 0;
      const applied = applySql(state.sql, data, { ...at, openEpoch });
      state.sql = applied.queue;
      return encodeJson(applied.result);
    }
  }
}

function applyLog(state: State, data: Uint8Array, at: At): Uint8Array {
  const { log, logTerms } = state;
  const before = log.lastPosition();
  const result = log.applyOperation({ kind: "wal_entry", data }, at.index);
  const position = log.lastPosition();
  if (position > before) {
    noteTerm(logTerms, position, at.term, log.firstPosition());
  }
  return result;
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function decodeJson<T>(bytes: Uint8Array): T {
  return JSON.parse(new TextDecoder().decode(bytes));
}

function createSnapshot(state: State, index: Index): Iterable<Uint8Array> {
  // All parts are taken at this very moment; their pieces are pulled later.
  return joinSections([
    [SECTIONS.members, snapshotMembers(state.members)],
    [SECTIONS.once, snapshotOnce(state.once)],
    [SECTIONS.cluster, [encodeState(state.cluster)]],
    [SECTIONS.logTerms, [encodeJson(state.logTerms)]],
    [SECTIONS.settings, [encodeJson(state.settings)]],
    [SECTIONS.sql, state.sql.operations.map(encodeJson)],
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
  let logTerms: TermSpan[] = [];
  let settings = NO_CLUSTER_SETTINGS;
  const operations: SqlOperation[] = [];
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
        case SECTIONS.logTerms:
          logTerms = decodeJson(piece);
          return;
        case SECTIONS.settings:
          settings = decodeJson(piece);
          return;
        case SECTIONS.sql:
          operations.push(decodeJson(piece));
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
      state.logTerms = logTerms;
      state.settings = settings;
      state.sql = { operations };
      state.applied = index;
    },
  };
}
