import {
  type Configuration,
  configurationOf,
  type Core,
  type Index,
  memberOf,
  type NodeId,
  type Term,
  termAt,
  votersOf,
} from "../raft/core/mod.ts";
import { Violation } from "./checks.ts";
import type { SimDisk } from "./disk.ts";

/** How much longer than an honest clock says a leader may take to notice something. */
const NOTICE_RATIO = 1.15;

/** Since when a node leads with the same configuration, and whom its process heard when. */
export interface Hearing {
  readonly heardAtMs: Map<NodeId, number>;
  term: Term;
  configurationIndex: Index;
  sinceMs: number;
  /** The commit index that the node began to lead with, and that of the last look. */
  firstCommit: Index;
  lastCommit: Index;
}

/** Makes the hearing of a process that starts. */
export function createHearing(): Hearing {
  return {
    heardAtMs: new Map(),
    term: 0,
    configurationIndex: 0,
    sinceMs: 0,
    firstCommit: 0,
    lastCommit: 0,
  };
}

/**
 * Holds what a node believes to be durable, here and elsewhere, against the disks themselves: a false
 * belief is caught where it begins, not only where it costs an entry.
 *
 * @param core The node.
 * @param diskOf Each node's disk.
 */
export function checkBeliefs(
  core: Core,
  diskOf: (id: NodeId) => SimDisk | undefined,
): void {
  const { log } = core;
  const own = diskOf(core.id);
  if (own && !holds(own, log.stableIndex, termAt(log, log.stableIndex))) {
    fail(core, `takes entry ${log.stableIndex} for durable, which it is not`);
  }
  for (const { id, match } of core.leader?.progress.values() ?? []) {
    const disk = diskOf(id);
    const member = memberOf(configurationOf(core), id);
    if (!disk || disk.identity.incarnation !== member?.incarnation) continue;
    // Who entered a later term may have dropped what it acknowledged to this leader.
    if (disk.hardState.term > core.term) continue;
    if (!holds(disk, match, termAt(log, match))) {
      fail(core, `believes that ${id} holds entry ${match}, which it does not`);
    }
  }
}

function holds(disk: SimDisk, index: Index, term: Term | null): boolean {
  if (index <= disk.baseIndex || term === null) return true;
  return disk.entries[index - disk.baseIndex - 1]?.term === term;
}

/**
 * A leader that no majority spoke to, or whose disk hangs, must notice (dissertation §6.2).
 *
 * @param core The node.
 * @param hearing What its process heard; brought up to date.
 * @param disk Its disk.
 * @param nowMs The true time.
 */
export function checkReign(
  core: Core,
  hearing: Hearing,
  disk: SimDisk,
  nowMs: number,
): void {
  if (core.role !== "leader") return;
  const { electionTimeoutMs, diskStallTimeoutMs } = core.options;
  const pendingMs = disk.pending ? nowMs - disk.pendingSinceMs : 0;
  if (pendingMs > (diskStallTimeoutMs + electionTimeoutMs) * NOTICE_RATIO) {
    fail(core, `leads though its disk hangs since ${Math.round(pendingMs)} ms`);
  }
  const configurationIndex = core.configurations.at(-1)?.index ?? 0;
  const same = hearing.term === core.term &&
    hearing.configurationIndex === configurationIndex;
  if (hearing.term !== core.term) hearing.firstCommit = core.commit;
  if (!same) {
    hearing.term = core.term;
    hearing.configurationIndex = configurationIndex;
    hearing.sinceMs = nowMs;
  }
  const voters = votersOf(configurationOf(core));
  const recent = voters.filter((id) => {
    const heardAtMs = hearing.heardAtMs.get(id) ?? 0;
    const sinceMs = nowMs - Math.max(hearing.sinceMs, heardAtMs);
    return id === core.id || sinceMs <= electionTimeoutMs * NOTICE_RATIO;
  });
  if (recent.length * 2 <= voters.length) {
    fail(core, "leads though it heard from no majority for too long");
  }
  const overdueMs = core.nowMs -
    (core.leader?.transfer?.deadlineMs ?? Infinity);
  if (overdueMs > electionTimeoutMs) fail(core, "does not end a transfer");
}

/**
 * A leader commits what a majority of disks holds, and nothing before it commits an entry of its own
 * term; no more it changes the membership before that (paper §5.4.2, dissertation §4.1).
 *
 * @param core The node.
 * @param hearing What is known of its reign; brought up to date.
 * @param diskOf Each node's disk.
 */
export function checkCommits(
  core: Core,
  hearing: Hearing,
  diskOf: (id: NodeId) => SimDisk | undefined,
): void {
  const { leader, commit, log } = core;
  if (!leader || hearing.term !== core.term) return;
  const { termStartIndex } = leader;
  const configurationIndex = core.configurations.at(-1)?.index ?? 0;
  if (commit < termStartIndex) {
    if (commit > hearing.firstCommit) {
      fail(core, `commits entry ${commit} of an older term by counting`);
    }
    if (configurationIndex >= termStartIndex) {
      fail(core, "changes the membership before it committed in its term");
    }
    return;
  }
  if (commit === hearing.lastCommit) return;
  hearing.lastCommit = commit;
  // The next change may have come in the same turn.
  const held = core.configurations.some(({ configuration }) =>
    isHeld(configuration, commit, termAt(log, commit), diskOf)
  );
  if (!held) fail(core, `commits entry ${commit}, which no majority holds`);
}

function isHeld(
  { members }: Configuration,
  index: Index,
  term: Term | null,
  diskOf: (id: NodeId) => SimDisk | undefined,
): boolean {
  const voters = members.filter(({ role }) => role !== "learner");
  const holders = voters.filter(({ id, incarnation }) => {
    const disk = diskOf(id);
    // A lost disk may have held it.
    if (disk?.identity.incarnation !== incarnation) return true;
    return holds(disk, index, term);
  });
  return holders.length * 2 > voters.length;
}

/** One change of membership at a time, and the newest one in the log is in force (paper §6). */
export function checkConfigurations(core: Core, committed: Index): void {
  const open = core.configurations.filter(({ index }) => index > committed);
  if (open.length > 1) fail(core, "has two changes of membership under way");
  const latest = core.configurations.at(-1)?.index ?? 0;
  const { entries, baseIndex } = core.log;
  const newest = entries.findLast(({ kind }) => kind === "configuration");
  if (newest ? newest.index !== latest : latest > baseIndex) {
    fail(core, `follows the configuration at ${latest}, not that of its log`);
  }
}

function fail(core: Core, what: string): never {
  throw new Violation(
    `Node ${core.id} (${core.role}, term ${core.term}) ${what}`,
  );
}
