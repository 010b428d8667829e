import {
  changeConfiguration,
  type ChangeRefusal,
  type ConfigurationChange,
  encodeConfiguration,
  latestConfiguration,
  memberOf,
  votersOf,
} from "./configuration.ts";
import { configurationCommitted, maybeCommit } from "./commit.ts";
import type { Input } from "./effects.ts";
import { appendOwn } from "./entries.ts";
import { lastIndex } from "./log.ts";
import { createProgress, type Progress } from "./progress.ts";
import { majority } from "./quorum.ts";
import { configurationOf, type Core, type LeaderState } from "./state.ts";
import { isActive } from "./transfer.ts";
import type { Configuration } from "./types.ts";

type ChangeInput = Extract<Input, { kind: "change" }>;

/** Changes the configuration by one step (dissertation §4.1). */
export function onChange(core: Core, input: ChangeInput): void {
  const { requestId, change } = input;
  const { leader, outbox } = core;
  const next = leader ? decideChange(core, leader, input) : "not_leader";
  if (typeof next === "string" || !leader) {
    const reason = typeof next === "string" ? next : "not_leader";
    outbox.changes.push({ kind: "refused", requestId, reason });
    return;
  }
  const index = appendChange(core, leader, change, next);
  const { term } = core;
  outbox.changes.push({ kind: "appended", requestId, index, term });
}

function decideChange(
  core: Core,
  leader: LeaderState,
  input: ChangeInput,
): Configuration | ChangeRefusal {
  const { change, expectedIndex, force } = input;
  const obstacle = obstacleToChange(core, leader);
  if (obstacle) return obstacle;
  const latest = latestConfiguration(core.configurations);
  if (expectedIndex !== null && expectedIndex !== latest.index) return "stale";
  const next = changeConfiguration(latest.configuration, change);
  if (typeof next === "string") return next;
  const behind = change.kind === "promote" &&
    !hasCaughtUp(core, leader.progress.get(change.id));
  if (behind) return "not_caught_up";
  if (!force && !hasActiveMajority(core, leader, next)) {
    return "would_lose_quorum";
  }
  return next;
}

/**
 * One change at a time, and none before the leader has committed an entry of its own term: else two
 * leaders could each have a change under way over majorities that do not meet.
 */
function obstacleToChange(
  core: Core,
  leader: LeaderState,
): ChangeRefusal | null {
  if (leader.transfer) return "transferring";
  if (core.commit < leader.termStartIndex) return "not_ready";
  return configurationCommitted(core) ? null : "change_pending";
}

function hasActiveMajority(
  core: Core,
  leader: LeaderState,
  next: Configuration,
): boolean {
  const voters = votersOf(next);
  const active = voters.filter((voter) => {
    if (voter === core.id) return true;
    const progress = leader.progress.get(voter);
    return progress !== undefined && isActive(core, progress);
  });
  return active.length >= majority(voters.length);
}

/** Whether a member answers and lacks a few entries at most. */
export function hasCaughtUp(
  core: Core,
  progress: Progress | undefined,
): boolean {
  return progress !== undefined && isActive(core, progress) &&
    progress.match > 0 &&
    lastIndex(core.log) - progress.match <= core.options.promotionLagEntries;
}

/** Makes a voter of a learner that asked for it and has caught up. */
export function maybePromote(
  core: Core,
  leader: LeaderState,
  progress: Progress,
): void {
  const configuration = configurationOf(core);
  const member = memberOf(configuration, progress.id);
  if (member?.role !== "learner" || member.promoteTo === null) return;
  if (obstacleToChange(core, leader) || !hasCaughtUp(core, progress)) return;
  const { id, promoteTo: role } = member;
  const change: ConfigurationChange = { kind: "promote", id, role };
  const next = changeConfiguration(configuration, change);
  if (typeof next !== "string") appendChange(core, leader, change, next);
}

function appendChange(
  core: Core,
  leader: LeaderState,
  change: ConfigurationChange,
  next: Configuration,
): number {
  const data = encodeConfiguration(next);
  const { index } = appendOwn(core, leader, "configuration", data);
  if (change.kind === "add") {
    // Begun at the log's end: the member's first answer says how far back to go.
    const progress = createProgress(change.id, index, core.nowMs);
    leader.progress.set(change.id, progress);
  }
  if (change.kind === "remove") leader.progress.delete(change.id);
  // With fewer voters, what they hold may be a majority already.
  maybeCommit(core);
  return index;
}
