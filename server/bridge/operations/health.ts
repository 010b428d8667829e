import { notReadyReason, raftStatus } from "../../api/mod.ts";
import { booleanAt } from "../arguments.ts";
import type { BridgeContext, Operation } from "../context.ts";
import { isoTime } from "../times.ts";
import { isReached, uptimeSeconds } from "./state.ts";

function clusterHealth(context: BridgeContext): string {
  const { health } = context;
  const seen = health.look();
  return JSON.stringify({
    overall_status: seen.status,
    healthy_nodes: seen.healthyNodes,
    total_nodes: seen.totalNodes,
    failed_checks: health.failedChecks(),
    warnings_count: seen.warnings.length,
    errors_count: seen.errors.length,
    last_check: isoTime(health.lastCheckMs()),
    last_healthy: isoTime(health.lastHealthyMs()),
    uptime_seconds: uptimeSeconds(context),
  });
}

function performance(context: BridgeContext): string {
  const counts = context.activity.counts();
  const good = counts.requests - counts.failed;
  return JSON.stringify({
    total_requests: counts.requests,
    successful_requests: good,
    failed_requests: counts.failed,
    success_rate: counts.requests === 0 ? 1 : good / counts.requests,
    current_connections: context.connections.now,
    max_connections: context.connections.max,
    heartbeat_count: counts.heartbeats,
    election_count: counts.elections,
    log_entries_appended: counts.appended,
    log_entries_committed: counts.committed,
    last_activity: isoTime(counts.lastAtMs),
    uptime_seconds: uptimeSeconds(context),
  });
}

function system(context: BridgeContext): string {
  const counts = context.activity.counts();
  return JSON.stringify({
    metrics_initialized: true,
    total_requests: counts.requests,
    current_connections: context.connections.now,
    max_connections: context.connections.max,
    last_activity: isoTime(counts.lastAtMs),
    uptime_seconds: uptimeSeconds(context),
  });
}

function quorum(context: BridgeContext): string {
  const { members, leaderId } = raftStatus(context.node);
  const voters = members.filter(({ role }) => role !== "learner");
  return JSON.stringify({
    has_quorum: leaderId !== 0,
    voters: voters.length,
    required: Math.floor(voters.length / 2) + 1,
    reachable: voters.filter((one) => isReached(context, one)).length,
    leader_id: leaderId,
  });
}

const SAMPLE =
  /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (-?(?:[\d.]+(?:e[+-]?\d+)?|Inf)|NaN)$/i;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Reads Prometheus's text, of which this process is the author. */
function samplesOf(text: string): unknown[] {
  return text.split("\n").flatMap((line) => {
    const match = SAMPLE.exec(line);
    if (!match) return [];
    const [, name = "", labels = "", value = ""] = match;
    const pairs = [...labels.matchAll(LABEL)].map(([, key, quoted = ""]) => [
      key,
      quoted.replaceAll(
        /\\(.)/g,
        (_, one: string) => one === "n" ? "\n" : one,
      ),
    ]);
    return [{
      name,
      labels: JSON.stringify(Object.fromEntries(pairs)),
      value: value.replace("Inf", "Infinity").replace("+", ""),
    }];
  });
}

/** What the bridge tells of health and measurements. */
export const HEALTH_OPERATIONS: Readonly<Record<string, Operation>> = {
  pgraft_get_cluster_health: clusterHealth,
  pgraft_is_cluster_healthy: ({ health }) => health.look().status === "ok",
  pgraft_is_healthy: ({ node }) => {
    const trouble = node.ha()?.watch.report(node.id)?.trouble ?? null;
    return notReadyReason(node) === null && trouble === null;
  },
  pgraft_get_performance_metrics: performance,
  pgraft_get_system_stats: system,
  pgraft_get_quorum_status: quorum,
  pgraft_reset_metrics: ({ activity }) => {
    activity.reset();
    return true;
  },
  pgraft_get_metrics: async ({ metricsText }) => samplesOf(await metricsText()),
  pgraft_set_debug: ({ setDebug }, args) => {
    setDebug(booleanAt(args, 0, "enabled"));
    return true;
  },
  pgraft_get_logs: ({ recentLogs }) =>
    recentLogs().map(({ atMs, level, source, message }) => ({
      logged_at: isoTime(atMs),
      level,
      source,
      message,
    })),
  settings: ({ settings }) =>
    settings().map((one) => ({
      name: one.name,
      setting: one.setting,
      unit: one.unit,
      scope: one.scope,
      change: one.change,
      file_setting: one.fileSetting,
      state: one.state,
      reason: one.reason,
      description: one.description,
    })),
};
