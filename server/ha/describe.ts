import { formatLsn } from "../../base/mod.ts";
import {
  type ClusterState,
  type ConfigVersion,
  currentPrimary,
  type DataMember,
  describeRule,
  type HistoryRecord,
  type MemberOrder,
  newestGrant,
  newestRule,
  type Rule,
  type Tags,
} from "../../pg/cluster/mod.ts";
import {
  type CopyProgress,
  explainMembers,
  type Report,
  type RoleChange,
} from "../../pg/policy/mod.ts";
import type { PostgresStatus } from "../metrics/mod.ts";
import { clusterToText, textOf } from "./cluster_settings.ts";
import { diffParameters } from "./config.ts";
import type { HighAvailability } from "./ha.ts";
import { troubleWords } from "./role_change.ts";

/** A JSON object. */
export type Json = Record<string, unknown>;

/** The reigning primary for `/v1/cluster`; null while nobody is open. */
export function primaryToJson(ha: HighAvailability): Json | null {
  const state = ha.state();
  const grant = newestGrant(state);
  const primary = currentPrimary(state);
  if (state.phase.kind !== "open" || !grant || !primary) return null;
  const report = ha.watch.report(primary.id);
  return {
    id: primary.id,
    epoch: grant.epoch,
    timeline: grant.timeline,
    lsn: formatLsn(report?.primary?.flushLsn ?? grant.startLsn),
  };
}

/** Who must hold commits, for `/v1/cluster`; null while there is no rule. */
export function syncToJson(ha: HighAvailability): Json | null {
  const state = ha.state();
  const rule = newestRule(state);
  if (!rule) return null;
  return {
    mode: state.mode,
    standbys: rule.standbys.map(({ id }) => id).toSorted((a, b) => a - b),
    required: rule.required,
    degraded: isDegraded(state, rule),
  };
}

/** What `/v1/cluster` says of a member's PostgreSQL; null for one without. */
export function memberPostgresToJson(
  ha: HighAvailability,
  id: number,
): Json | null {
  const state = ha.state();
  const member = state.members.get(id);
  if (!member) return null;
  const seen = ha.watch.observations().get(id);
  const report = seen?.report ?? null;
  const isHeard = seen?.agent === "alive";
  return {
    role: isHeard ? roleOf(state, member, report) : "none",
    state: isHeard ? report?.state ?? "starting" : "stopped",
    host: member.host,
    port: member.port,
    timeline: report?.timeline ?? 0,
    lsn: report?.position ? formatLsn(report.position.lsn) : null,
    lag_bytes: lagOf(ha, state, report),
    open: report?.primary?.open ?? false,
    sync_waiters: report?.primary?.syncWaiters ?? 0,
    trouble: isHeard ? report?.trouble ?? null : "Its agent does not answer",
    copy: copyToJson(report?.copy),
    maintenance: member.maintenance,
    order: member.order ? orderToJson(member.order) : null,
    config: memberConfigToJson(report),
    role_change: roleChangeToJson(report?.roleChange),
    tags: tagsToJson(member.tags),
  };
}

/** How far the copy is that a member is taking; null for none. */
function copyToJson(copy: CopyProgress | undefined): Json | null {
  if (!copy) return null;
  const { doneBytes, totalBytes } = copy;
  return { done_bytes: doneBytes, total_bytes: totalBytes };
}

function orderToJson({ number, kind, atMs, outcome }: MemberOrder): Json {
  return {
    number,
    kind,
    at_ms: atMs,
    state: outcome === null ? "under way" : outcome.done ? "done" : "refused",
    why: outcome?.why ?? "",
  };
}

/** How far a member has the parameters in force. */
function memberConfigToJson(report: Report | null): Json {
  const { version, pendingRestart, pendingPrimary = [], fault } =
    report?.config ?? { version: 0, pendingRestart: [], fault: null };
  return {
    version,
    pending_restart: pendingRestart,
    pending_primary: pendingPrimary,
    fault,
  };
}

/** A version of the configuration, and how far each member has the one in force (`/v1/config`). */
export function configToJson(
  ha: HighAvailability,
  config: ConfigVersion,
): Json {
  const members = [...ha.state().members.keys()].toSorted((a, b) => a - b);
  return {
    ...configHeadToJson(config),
    parameters: config.parameters,
    cluster: config.cluster ? clusterToText(config.cluster) : null,
    members: members.map((id) => ({
      id,
      ...memberConfigToJson(ha.watch.report(id)),
    })),
  };
}

function configHeadToJson(
  { version, author, comment, atMs }: ConfigVersion,
): Json {
  return { version, author, comment, at_ms: atMs };
}

/** The versions that are remembered, newest first, each with what it changed (`/v1/config/history`). */
export function configVersionsToJson(ha: HighAvailability): Json {
  const { configs } = ha.state();
  const versions = configs.map((config, at) => ({
    ...configHeadToJson(config),
    // What the oldest one changed is forgotten with the one before it.
    changes: at === 0 && config.version > 1 ? null : diffParameters(
      textOf(configs[at - 1] ?? { parameters: {} }),
      textOf(config),
    ),
  }));
  return { versions: versions.toReversed() };
}

function roleChangeToJson(change: RoleChange | undefined): Json | null {
  if (change === undefined) return null;
  const { role, state, exitCode, atMs, tookMs, said } = change;
  const isGood = state === "running" || (state === "done" && exitCode === 0);
  return {
    role,
    state,
    exit_code: exitCode,
    at_ms: atMs,
    took_ms: tookMs,
    said,
    trouble: isGood ? null : troubleWords(change),
  };
}

/** What an operator said about a member. */
export function tagsToJson(
  { failoverPriority, cascadeFrom, ...flags }: Tags,
): Json {
  return {
    ...flags,
    failover_priority: failoverPriority,
    cascade_from: cascadeFrom,
  };
}

/** The primary is whom the state names, once it runs as one; a server that only thinks so is none. */
function roleOf(
  state: ClusterState,
  { id }: DataMember,
  report: Report | null,
): string {
  if (!report) return "none";
  const reigns = currentPrimary(state)?.id === id;
  if (report.role === "primary") return reigns ? "primary" : "none";
  return report.role;
}

function lagOf(
  ha: HighAvailability,
  state: ClusterState,
  report: Report | null,
): number | null {
  const primary = currentPrimary(state);
  const flushLsn = ha.watch.report(primary?.id ?? 0)?.primary?.flushLsn;
  if (flushLsn === undefined || !report?.position) return null;
  return Math.max(0, flushLsn - report.position.lsn);
}

/** What is measured of a node's PostgreSQL. */
export function postgresStatus(
  ha: HighAvailability,
  id: number,
): PostgresStatus {
  const state = ha.state();
  const report = ha.watch.report(id);
  const rule = newestRule(state);
  const gaps = state.history.flatMap(({ gapMs }) => gapMs ?? []);
  return {
    epoch: newestGrant(state)?.epoch ?? 0,
    role: report?.role ?? null,
    open: report?.primary?.open ?? false,
    lagBytes: lagOf(ha, state, report),
    syncWaiters: report?.primary?.syncWaiters ?? 0,
    degraded: rule !== null && isDegraded(state, rule),
    paused: state.paused,
    lastGapMs: gaps.at(-1) ?? null,
  };
}

function isDegraded({ mode, members }: ClusterState, rule: Rule): boolean {
  return mode !== "off" && rule.required === 0 && members.size > 1;
}

/** Why things are as they are (`/v1/explain`). */
export function explainToJson(ha: HighAvailability): Json {
  const state = ha.state();
  const { input, decision } = ha.leading.consider();
  return {
    phase: state.phase.kind,
    epoch: "epoch" in state.phase ? state.phase.epoch : 0,
    paused: state.paused,
    mode: state.mode,
    rules: state.rules.map(describeRule),
    next: decision.command?.type ?? null,
    findings: decision.findings,
    members: explainMembers(state, input),
  };
}

/** The changes of primary, newest first (`/v1/failover/history`). */
export function historyToJson(ha: HighAvailability): Json {
  return { history: ha.state().history.toReversed().map(recordToJson) };
}

/** One of them; times are milliseconds since 1970, phases milliseconds long. */
export function recordToJson(record: HistoryRecord): Json {
  const { lostAtMs, detectedAtMs, grantedAtMs, promotedAtMs } = record;
  const { barrierAtMs, openedAtMs } = record;
  return {
    epoch: record.epoch,
    kind: record.kind,
    reason: record.reason,
    detail: record.detail,
    from: record.from,
    to: record.to,
    timeline: record.timeline,
    start_lsn: formatLsn(record.startLsn),
    why: record.why,
    gave_up: record.gaveUp,
    sealed: record.sealed.map(({ id, position }) => ({
      id,
      epoch: position?.epoch ?? 0,
      lsn: position ? formatLsn(position.lsn) : null,
    })),
    lost_at_ms: lostAtMs,
    detected_at_ms: detectedAtMs,
    granted_at_ms: grantedAtMs,
    promoted_at_ms: promotedAtMs,
    barrier_at_ms: barrierAtMs,
    opened_at_ms: openedAtMs,
    phases_ms: {
      detect: detectedAtMs - lostAtMs,
      seal: between(detectedAtMs, grantedAtMs),
      promote: between(grantedAtMs, promotedAtMs),
      barrier: between(promotedAtMs, barrierAtMs),
      open: between(barrierAtMs, openedAtMs),
    },
    gap_ms: record.gapMs,
    given_up: record.givenUp,
  };
}

function between(from: number | null, to: number | null): number | null {
  return from === null || to === null ? null : to - from;
}
