import { present } from "../base/mod.ts";
import {
  type Configuration,
  type Core,
  decodeConfiguration,
  EMPTY_CONFIGURATION,
  type Entry,
  entryAt,
  type Index,
  lastIndex,
  memberOf,
  type Message,
  type NodeId,
  sizeOf,
  type Term,
  termAt,
} from "../raft/core/mod.ts";

/** A promise that the simulated cluster broke. */
export class Violation extends Error {
  override readonly name = "Violation";
}

interface KnownEntry {
  readonly data: Uint8Array;
  readonly kind: string;
  readonly prevTerm: Term;
}

/** What the whole cluster has shown so far; every node is held against it. */
export interface Checks {
  /** Who led each term. */
  readonly leaders: Map<Term, NodeId>;
  /** Whom each data directory voted for in each term. */
  readonly votes: Map<string, NodeId>;
  /** Every entry ever seen, by term and index: equal there means equal before (log matching). */
  readonly entries: Map<string, KnownEntry>;
  /** What was committed, by index - 1. */
  readonly committed: Entry[];
  /** In which term each was, by index - 1: that of the leader, who knows it first. */
  readonly committedIn: Term[];
  /** Who granted a pre-vote, by whom it went to and its term. */
  readonly preVotes: Map<string, Set<NodeId>>;
  /** The newest committed configuration and where it stands. */
  configuration: Configuration;
  configurationIndex: Index;
  membershipChanges: number;
  /** How far each node's log, commit index and machine were looked at, in this life of it. */
  readonly seen: Map<NodeId, NodeView>;
  leaderChanges: number;
}

interface NodeView {
  term: Term;
  commit: Index;
  applied: Index;
  wasLeader: boolean;
  /** The last entry whose log was compared. */
  logIndex: Index;
  logTerm: Term;
}

/** Makes the book of a cluster that has done nothing yet. */
export function createChecks(): Checks {
  return {
    leaders: new Map(),
    votes: new Map(),
    entries: new Map(),
    committed: [],
    committedIn: [],
    preVotes: new Map(),
    configuration: EMPTY_CONFIGURATION,
    configurationIndex: 0,
    membershipChanges: 0,
    seen: new Map(),
    leaderChanges: 0,
  };
}

/** A node starts: what it remembers is what its disk holds. */
export function noteStart(checks: Checks, core: Core, applied: Index): void {
  checks.seen.set(core.id, {
    term: core.term,
    commit: 0,
    applied,
    wasLeader: false,
    logIndex: core.log.baseIndex,
    logTerm: core.log.baseTerm,
  });
}

/** Holds one node against all that is known, looking only at what changed. */
export function checkNode(checks: Checks, core: Core, applied: Index): void {
  const view = present(checks.seen.get(core.id), "the view of a node");
  checkTerm(core, view);
  checkLog(checks, core, view);
  checkCommit(checks, core, view);
  checkLeader(checks, core, view);
  if (applied > core.commit) {
    fail(core, `applied ${applied} beyond its commit index`);
  }
}

function checkTerm(core: Core, view: NodeView): void {
  if (core.term < view.term) fail(core, `term went back from ${view.term}`);
  if (core.commit < view.commit) {
    fail(core, `commit index went back from ${view.commit}`);
  }
  view.term = core.term;
}

/** Every entry that is new here must be what others hold at that index and term, after the same one. */
function checkLog(checks: Checks, core: Core, view: NodeView): void {
  const { log } = core;
  const last = lastIndex(log);
  const unchanged = termAt(log, view.logIndex) === view.logTerm;
  const from = Math.max(
    log.baseIndex,
    unchanged ? view.logIndex : view.commit,
  );
  for (let index = from + 1; index <= last; index++) {
    const entry = entryAt(log, index);
    const prevTerm = termAt(log, index - 1) ?? 0;
    const key = `${entry.term}:${index}`;
    const known = checks.entries.get(key);
    if (!known) {
      const { data, kind } = entry;
      checks.entries.set(key, { data, kind, prevTerm });
    } else if (
      known.prevTerm !== prevTerm || known.kind !== entry.kind ||
      !sameBytes(known.data, entry.data)
    ) {
      fail(core, `entry ${index} of term ${entry.term} differs from another's`);
    }
  }
  view.logIndex = last;
  view.logTerm = termAt(log, last) ?? 0;
}

function checkCommit(checks: Checks, core: Core, view: NodeView): void {
  const { committed } = checks;
  const from = Math.max(view.commit, core.log.baseIndex);
  for (let index = from + 1; index <= core.commit; index++) {
    const entry = entryAt(core.log, index);
    const known = committed[index - 1];
    if (!known && committed.length === index - 1) {
      noteCommitted(checks, entry, core.term);
    } else if (known?.term !== entry.term) {
      fail(
        core,
        `committed entry ${index} has term ${entry.term}, another's ${known?.term}`,
      );
    }
  }
  view.commit = core.commit;
}

function noteCommitted(checks: Checks, entry: Entry, term: Term): void {
  checks.committed.push(entry);
  checks.committedIn.push(term);
  if (entry.kind !== "configuration") return;
  checks.configuration = decodeConfiguration(entry.data);
  checks.configurationIndex = entry.index;
  checks.membershipChanges += 1;
}

function checkLeader(checks: Checks, core: Core, view: NodeView): void {
  if (core.role !== "leader") {
    view.wasLeader = false;
    return;
  }
  const other = checks.leaders.get(core.term);
  if (other !== undefined && other !== core.id) {
    fail(core, `leads a term that ${other} led`);
  }
  const isMember = memberOf(checks.configuration, core.id) !== undefined;
  if (!isMember && core.commit >= checks.configurationIndex) {
    fail(core, "leads a group that it is no member of");
  }
  if (view.wasLeader && other !== undefined) return;
  view.wasLeader = true;
  if (other === undefined) checks.leaderChanges += 1;
  checks.leaders.set(core.term, core.id);
  const last = committedBefore(checks, core.term);
  const committed = checks.committed[last - 1];
  if (committed && termAt(core.log, last) !== committed.term) {
    if (last > core.log.baseIndex) {
      fail(core, `leads without the committed entry ${last}`);
    }
  }
}

/**
 * The last entry that was committed in a term before this one. A vote may arrive when a later leader has long
 * committed more: who then leads an old term lacks that, and commits nothing.
 */
function committedBefore({ committedIn }: Checks, term: Term): Index {
  let last = committedIn.length;
  while (last > 0 && (committedIn[last - 1] ?? 0) >= term) last--;
  return last;
}

/** Recomputes what is kept by adding and subtracting. */
export function checkAccounts(core: Core): void {
  const { log, leader } = core;
  let total = 0;
  let uncommitted = 0;
  for (const entry of log.entries) {
    total += sizeOf(entry);
    if (entry.index > core.commit) uncommitted += sizeOf(entry);
  }
  if (total !== log.sizeBytes) {
    fail(core, `counts ${log.sizeBytes} bytes of log, has ${total}`);
  }
  if (!leader) return;
  if (uncommitted !== leader.uncommittedBytes) {
    fail(
      core,
      `counts ${leader.uncommittedBytes} uncommitted bytes, has ${uncommitted}`,
    );
  }
  for (const progress of leader.progress.values()) {
    const inflight = progress.inflight.reduce(
      (sum, { bytes }) => sum + bytes,
      0,
    );
    if (inflight !== progress.inflightBytes) {
      fail(
        core,
        `counts ${progress.inflightBytes} bytes in flight, has ${inflight}`,
      );
    }
    if (progress.match >= progress.next || progress.match > lastIndex(log)) {
      fail(
        core,
        `matches ${progress.match} of ${progress.id}, sends ${progress.next} next`,
      );
    }
  }
}

/** What a crash of a node leaves. */
export interface Durable {
  readonly lastIndex: Index;
  readonly term: Term;
  readonly votedFor: NodeId;
}

/**
 * A message may speak only of what a crash leaves.
 *
 * @param checks The book.
 * @param message The message.
 * @param durable What its sender's disk holds.
 * @param voters Who votes, as its sender sees it; null when it stands for election no more.
 */
export function checkMessage(
  checks: Checks,
  message: Message,
  durable: Durable,
  voters: readonly NodeId[] | null,
): void {
  const { from, term } = message;
  switch (message.kind) {
    case "append_response":
      if (!message.ok || message.index <= durable.lastIndex) return;
      throw new Violation(
        `Node ${from} acknowledges ${message.index} but only ${durable.lastIndex} is durable`,
      );
    case "vote_response":
      if (message.granted) checkVote(checks, message, message.to, durable);
      return;
    case "pre_vote_response": {
      if (!message.granted) return;
      const key = `${message.to}:${term}`;
      const granted = checks.preVotes.get(key) ?? new Set();
      checks.preVotes.set(key, granted.add(from));
      return;
    }
    case "vote": {
      checkVote(checks, message, from, durable);
      if (message.transfer || !voters) return;
      const granted = checks.preVotes.get(`${from}:${term}`);
      const willing = voters.filter((id) => id === from || granted?.has(id));
      if (willing.length * 2 > voters.length) return;
      throw new Violation(
        `Node ${from} stands for term ${term} though no majority is willing`,
      );
    }
  }
}

function checkVote(
  checks: Checks,
  { from, fromIncarnation, term }: Message,
  candidate: NodeId,
  durable: Durable,
): void {
  const key = `${from}/${fromIncarnation}:${term}`;
  const before = checks.votes.get(key);
  if (before !== undefined && before !== candidate) {
    throw new Violation(
      `Node ${from} votes for ${candidate} in term ${term}, where it voted for ${before}`,
    );
  }
  checks.votes.set(key, candidate);
  const kept = durable.term > term ||
    (durable.term === term && durable.votedFor === candidate);
  if (!kept) {
    throw new Violation(
      `Node ${from} votes in term ${term}, which a crash would lose`,
    );
  }
}

/** An entry that is applied must be the next, and the committed one. */
export function checkApply(
  checks: Checks,
  core: Core,
  entry: Entry,
): void {
  const view = present(checks.seen.get(core.id), "the view of a node");
  if (entry.index !== view.applied + 1) {
    fail(core, `applies ${entry.index} after ${view.applied}`);
  }
  view.applied = entry.index;
  const committed = checks.committed[entry.index - 1];
  if (committed && committed.term !== entry.term) {
    fail(core, `applies another entry ${entry.index} than was committed`);
  }
}

/** A snapshot took the place of entries. */
export function noteInstalled(checks: Checks, core: Core, index: Index): void {
  const view = present(checks.seen.get(core.id), "the view of a node");
  view.applied = Math.max(view.applied, index);
}

/** Two whole logs must be equal wherever both reach, if they are equal at one place. */
export function checkLogsMatch(cores: readonly Core[]): void {
  for (const one of cores) {
    for (const other of cores) {
      if (one.id < other.id) compareLogs(one, other);
    }
  }
}

function compareLogs(one: Core, other: Core): void {
  const from = Math.max(one.log.baseIndex, other.log.baseIndex);
  let index = Math.min(lastIndex(one.log), lastIndex(other.log));
  while (index > from && termAt(one.log, index) !== termAt(other.log, index)) {
    index--;
  }
  for (; index > from; index--) {
    const a = entryAt(one.log, index);
    const b = entryAt(other.log, index);
    if (a.term !== b.term || !sameBytes(a.data, b.data)) {
      fail(one, `log differs from that of ${other.id} at ${index}`);
    }
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function fail(core: Core, what: string): never {
  throw new Violation(
    `Node ${core.id} (${core.role}, term ${core.term}) ${what}`,
  );
}
