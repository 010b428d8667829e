import { parseHostPort } from "../../../base/mod.ts";
import { currentPrimary, newestGrant } from "../../../pg/cluster/mod.ts";
import type { MemberStatus, RaftStatus } from "../../../raft/mod.ts";
import { newLeader, raftStatus, requireMember } from "../../api/mod.ts";
import type { BridgeContext, Operation } from "../context.ts";

/** A node that takes no part has no status; what it shows then is nobody's lead. */
export function statusOf({ node }: BridgeContext): RaftStatus | null {
  const stage = node.stage();
  return stage === "running" || stage === "removed" ? node.raft.status() : null;
}

/** This node's role in the group, in the words of the functions. */
export function stateOf(context: BridgeContext): string {
  const role = statusOf(context)?.role;
  if (role === undefined || context.node.stage() !== "running") {
    return "unknown";
  }
  return role === "pre_candidate" ? "candidate" : role;
}

/** The leader that this node knows; 0 for none. */
export function leaderOf(context: BridgeContext): number {
  return statusOf(context)?.leaderId ?? 0;
}

function termOf(context: BridgeContext): number {
  return statusOf(context)?.term ?? 0;
}

function leads(context: BridgeContext): boolean {
  return stateOf(context) === "leader" && leaderOf(context) === context.node.id;
}

/** In the words of the worker of old. */
function workerState({ node }: BridgeContext): string {
  if (node.isStopping()) return "STOPPING";
  switch (node.stage()) {
    case "founding":
    case "joining":
      return "INITIALIZING";
    case "running":
      return "RUNNING";
    case "removed":
      return "ERROR";
  }
}

/** Seconds since the agent's start. */
export function uptimeSeconds({ node }: BridgeContext): number {
  return Math.round((node.nowMs() - node.startedAtMs) / 1000);
}

/** Whether a member is reached, as far as this node knows. */
export function isReached(
  { node }: BridgeContext,
  member: MemberStatus,
): boolean {
  if (member.id === node.id) return true;
  return member.active ??
    (!member.gone && node.peer(member.id)?.lastContactMs === 0);
}

/** A member's name. */
export function nameOf({ node }: BridgeContext, id: number): string {
  return node.machine.members().get(id)?.name ?? `node${id}`;
}

function nodesOf(
  context: BridgeContext,
): { id: number; address: string; port: number; isLeader: boolean }[] {
  const { members, leaderId } = raftStatus(context.node);
  return members.map(({ id, address }) => {
    const at = parseHostPort(address);
    return {
      id,
      address: at?.host ?? address,
      port: at?.port ?? 0,
      isLeader: id === leaderId,
    };
  });
}

function clusterStatus(context: BridgeContext): Record<string, unknown> {
  const { messagesReceived, heartbeatsSent, electionsStarted } = context
    .traffic();
  return {
    node_id: context.node.id,
    current_term: termOf(context),
    leader_id: leaderOf(context),
    state: stateOf(context),
    num_nodes: statusOf(context)?.members.length ?? 0,
    messages_processed: messagesReceived,
    heartbeats_sent: heartbeatsSent,
    elections_triggered: electionsStarted,
  };
}

function ownStatus(context: BridgeContext): Record<string, unknown> {
  const { node } = context;
  const ha = node.ha();
  const state = ha?.state();
  const report = ha?.watch.report(node.id);
  const isOpen = state?.phase.kind === "open";
  const leaderId = leaderOf(context);
  return {
    node_id: node.id,
    node_name: node.name,
    state: node.stage(),
    waiting_for: node.waitingFor(),
    raft_state: stateOf(context),
    term: termOf(context),
    leader_id: leaderId,
    is_leader: leads(context),
    has_quorum: leaderId !== 0,
    num_nodes: statusOf(context)?.members.length ?? 0,
    primary_id: state && isOpen ? currentPrimary(state)?.id ?? 0 : 0,
    epoch: state ? newestGrant(state)?.epoch ?? 0 : 0,
    postgres_role: report?.role ?? null,
    postgres_state: report?.state ?? null,
    uptime_seconds: uptimeSeconds(context),
  };
}

function ownAddress({ node }: BridgeContext): { host: string; port: number } {
  return parseHostPort(node.raftAddress) ?? { host: node.raftAddress, port: 0 };
}

function clusterState(context: BridgeContext): Record<string, unknown> {
  const { host, port } = ownAddress(context);
  return {
    ...clusterStatus(context),
    address: host,
    port,
    worker_status: workerState(context),
    initialized: context.node.stage() === "running",
    is_leader: leads(context),
  };
}

function memberState(context: BridgeContext, member: MemberStatus): string {
  if (member.id === leaderOf(context)) return "leader";
  if (!isReached(context, member)) return "unavailable";
  return member.role === "learner" ? "learner" : "follower";
}

/** What the bridge tells of this node and the group. */
export const STATE_OPERATIONS: Readonly<Record<string, Operation>> = {
  pgraft_version: ({ node }) => `pgraft ${node.version}`,
  pgraft_get_version: ({ node }) => `pgraft-${node.version}`,
  pgraft_get_state: stateOf,
  pgraft_get_leader: leaderOf,
  pgraft_get_term: termOf,
  pgraft_is_leader: leads,
  pgraft_get_worker_state: workerState,
  pgraft_get_applied_index: ({ node }) => raftStatus(node).appliedIndex,
  pgraft_test: () => true,
  pgraft_test_v1: () => 1,
  pgraft_get_stats: (context) =>
    JSON.stringify({
      state: stateOf(context),
      term: termOf(context),
      leader_id: leaderOf(context),
      last_log_index: context.node.machine.log.lastPosition(),
    }),
  pgraft_get_nodes: (context) =>
    nodesOf(context).map(({ id, isLeader, ...at }) => ({
      node_id: id,
      ...at,
      is_leader: isLeader,
    })),
  pgraft_get_nodes_json: (context) =>
    JSON.stringify({
      nodes: nodesOf(context).map(({ id, address, port }) => ({
        id,
        address,
        port,
      })),
    }),
  pgraft_get_nodes_from_raft: (context) =>
    JSON.stringify(
      raftStatus(context.node).members.map((member) => ({
        id: member.id,
        name: nameOf(context, member.id),
        address: member.address,
        active: isReached(context, member),
      })),
    ),
  pgraft_get_node_info: (context) => {
    const { node } = context;
    return [{
      node_id: node.id,
      node_name: node.name,
      node_ip: ownAddress(context).host,
      is_primary: ownStatus(context).primary_id === node.id,
      cluster_name: node.clusterName,
    }];
  },
  pgraft_status: (context) => [ownStatus(context)],
  pgraft_get_cluster_status: (context) => [clusterStatus(context)],
  pgraft_get_cluster_status_v1: (context) => [{
    node_count: statusOf(context)?.members.length ?? 0,
    is_leader: leads(context),
    leader_id: leaderOf(context),
    has_quorum: leaderOf(context) !== 0,
  }],
  pgraft_force_election: async ({ node }) => {
    requireMember(node);
    node.raft.forceElection();
    await newLeader(node, ({ id }) => id === node.id);
    return true;
  },
  pgraft_cluster_state: (context) => [clusterState(context)],
  pgraft_cluster_overview: (context) => [{
    ...clusterState(context),
    worker_state: workerState(context),
  }],
  pgraft_worker_status: (context) => [{
    worker_state: workerState(context),
    is_running: workerState(context) === "RUNNING",
  }],
  pgraft_nodes: (context) => {
    const { members, term } = raftStatus(context.node);
    return nodesOf(context).map(({ id, address, port, isLeader }, i) => ({
      node_id: id,
      address,
      port,
      is_leader: isLeader,
      current_term: term,
      state: members[i] ? memberState(context, members[i]) : "unavailable",
    }));
  },
};
