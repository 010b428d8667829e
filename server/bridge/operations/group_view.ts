import { raftStatus } from "../../api/mod.ts";
import type { BridgeContext, Operation } from "../context.ts";
import { isoTime } from "../times.ts";
import { isReached, leaderOf, nameOf, stateOf, statusOf } from "./state.ts";
import { haOf } from "./failover.ts";

function formation(context: BridgeContext): unknown {
  const { node } = context;
  const members = statusOf(context)?.members ?? [];
  return [{
    cluster_name: node.clusterName,
    cluster_id: node.clusterNumber,
    state: node.stage(),
    waiting_for: node.waitingFor(),
    num_nodes: members.length,
    voters: members.filter(({ role }) => role !== "learner").length,
    reachable_nodes: members.filter((one) => isReached(context, one)).length,
    has_quorum: leaderOf(context) !== 0,
  }];
}

function elections(context: BridgeContext): unknown {
  const { heartbeatsSent, electionsStarted } = context.traffic();
  const settings = context.settings();
  const ms = (name: string): number | null => {
    const view = settings.find((one) => one.name === `pgraft.${name}`);
    return view ? Number(view.setting) : null;
  };
  return [{
    node_id: context.node.id,
    state: stateOf(context),
    leader_id: leaderOf(context),
    current_term: statusOf(context)?.term ?? 0,
    elections_triggered: electionsStarted,
    heartbeats_sent: heartbeatsSent,
    heartbeat_interval_ms: ms("heartbeat_interval"),
    election_timeout_ms: ms("election_timeout"),
  }];
}

function network(context: BridgeContext): unknown {
  const { node } = context;
  const others = raftStatus(node).members.filter(({ id }) => id !== node.id);
  return others.map((member) => {
    const link = context.link(member.id);
    return {
      node_id: member.id,
      name: nameOf(context, member.id),
      address: member.address,
      is_reached: isReached(context, member),
      sending: link?.sending ?? false,
      receiving: link?.receiving ?? false,
      rtt_ms: link?.rttMs ?? null,
      messages_received: link?.receivedMessages ?? 0,
      messages_queued: link?.queuedMessages ?? 0,
      messages_dropped: link?.droppedMessages ?? 0,
    };
  });
}

function health({ health }: BridgeContext): unknown {
  const seen = health.look();
  return [{
    overall_status: seen.status,
    healthy_nodes: seen.healthyNodes,
    total_nodes: seen.totalNodes,
    failed_checks: health.failedChecks(),
    warnings: seen.warnings.join("; "),
    errors: seen.errors.join("; "),
    last_check: isoTime(health.lastCheckMs()),
    last_healthy: isoTime(health.lastHealthyMs()),
  }];
}

/** What the bridge shows of the group and this node's place in it. */
export const GROUP_VIEWS: Readonly<Record<string, Operation>> = {
  cluster_formation: formation,
  election_activity: elections,
  network_status: network,
  health_status: health,
  cluster_events: (context) =>
    haOf(context).state().history.toReversed().map((record) => ({
      id: record.epoch,
      event_type: record.kind,
      node_id: record.to,
      details: record.why,
      timestamp: isoTime(record.openedAtMs ?? record.grantedAtMs),
    })),
  watch_status: ({ node, watchers }) => {
    const revision = node.machine.kv.revision();
    return watchers().map(({ id, told, through }) => ({
      watcher_id: id,
      is_active: true,
      watch_count: told,
      watch_pending: revision - through,
    }));
  },
};
