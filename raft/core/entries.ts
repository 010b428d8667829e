import { invariant } from "../../base/mod.ts";
import {
  type ConfigurationAt,
  configurationAt,
  decodeConfiguration,
  memberOf,
  truncateConfigurations,
} from "./configuration.ts";
import {
  append,
  appendNew,
  entryAt,
  lastIndex,
  sizeOf,
  truncate,
} from "./log.ts";
import type { Core, LeaderState } from "./state.ts";
import type { Entry, EntryKind, Index } from "./types.ts";

/** Appends an entry of the leader's own; a configuration is in force at once (paper §6). */
export function appendOwn(
  core: Core,
  leader: LeaderState,
  kind: EntryKind,
  data: Uint8Array,
): Entry {
  invariant(core.role === "leader", `a ${core.role} can't append of its own`);
  const entry = appendNew(core.log, core.term, kind, data);
  leader.uncommittedBytes += sizeOf(entry);
  noteConfiguration(core, entry);
  return entry;
}

/** Appends an entry that the leader sent. */
export function appendReceived(core: Core, entry: Entry): void {
  append(core.log, entry);
  noteConfiguration(core, entry);
}

function noteConfiguration(core: Core, entry: Entry): void {
  if (entry.kind !== "configuration") return;
  const configuration = decodeConfiguration(entry.data);
  core.configurations.push({ index: entry.index, configuration });
}

/**
 * Drops entries that contradict the leader's, from `index` on, and the configurations among them.
 * A write of them that is still under way no longer makes anything durable: the same index may be
 * written again before it is answered.
 */
export function truncateFrom(core: Core, index: Index): void {
  invariant(
    index > core.commit,
    `entry ${index} is committed (up to ${core.commit}) and can't be dropped`,
  );
  truncate(core.log, index);
  truncateConfigurations(core.configurations, index);
  for (const persist of core.persists) {
    persist.lastIndex = Math.min(persist.lastIndex, index - 1);
  }
}

/** Moves the commit index on. */
export function advanceCommit(core: Core, index: Index): void {
  invariant(
    index <= lastIndex(core.log),
    `can't commit ${index} beyond the log's end ${lastIndex(core.log)}`,
  );
  if (index <= core.commit) return;
  if (core.leader) {
    for (let at = core.commit + 1; at <= index; at++) {
      core.leader.uncommittedBytes -= sizeOf(entryAt(core.log, at));
    }
  }
  const before = configurationAt(core.configurations, core.commit);
  core.commit = index;
  const after = configurationAt(core.configurations, index);
  if (after.index > before.index) settleConfiguration(core, before, after);
}

/** Notes whether the configuration that is now committed has this node. */
function settleConfiguration(
  core: Core,
  before: ConfigurationAt,
  after: ConfigurationAt,
): void {
  const wasMember = memberOf(before.configuration, core.id) !== undefined;
  const isMember = memberOf(after.configuration, core.id) !== undefined;
  if (wasMember && !isMember) core.removedAt = after.index;
  if (isMember) core.removedAt = 0;
}

/** Counts what a new leader found in its log beyond the commit index. */
export function recountUncommitted(core: Core, leader: LeaderState): void {
  leader.uncommittedBytes = 0;
  for (let at = core.commit + 1; at <= lastIndex(core.log); at++) {
    leader.uncommittedBytes += sizeOf(entryAt(core.log, at));
  }
}
