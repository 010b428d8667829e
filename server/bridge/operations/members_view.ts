import { clusterToJson, raftStatus } from "../../api/mod.ts";
import type { BridgeContext, Operation } from "../context.ts";
import { isReached, nameOf, uptimeSeconds } from "./state.ts";

function url(scheme: string, address: string): string {
  return address === "" ? "" : `${scheme}://${address}`;
}

function apiOf({ node }: BridgeContext, id: number): string {
  return node.machine.members().get(id)?.api ?? "";
}

function memberList(context: BridgeContext): unknown {
  const { members, leaderId } = raftStatus(context.node);
  const { peers, api } = context.node.schemes;
  return members.map((member) => ({
    memberID: String(member.id),
    peerURLs: url(peers, member.address),
    clientURLs: url(api, apiOf(context, member.id)),
    status: member.id === leaderId
      ? "leader"
      : isReached(context, member)
      ? "follower"
      : "unavailable",
  }));
}

function memberDetails(context: BridgeContext): unknown {
  const { members, leaderId } = raftStatus(context.node);
  const { peers, api } = context.node.schemes;
  return members.map((member) => ({
    ID: String(member.id),
    Name: nameOf(context, member.id),
    PeerURLs: url(peers, member.address),
    ClientURLs: url(api, apiOf(context, member.id)),
    IsLeader: member.id === leaderId,
    IsLearner: member.role === "learner",
  }));
}

function clusterHealth(context: BridgeContext): unknown {
  const { members, leaderId } = raftStatus(context.node);
  return members.map((member) => ({
    member: nameOf(context, member.id),
    isLeader: member.id === leaderId,
    isLearner: member.role === "learner",
    health: isReached(context, member),
  }));
}

function endpointStatus(context: BridgeContext): unknown {
  const { node } = context;
  const raft = raftStatus(node);
  return [{
    endpoint: node.apiAddress,
    isLeader: raft.leaderId === node.id,
    raftTerm: raft.term,
    raftIndex: raft.commitIndex,
    raftAppliedIndex: raft.appliedIndex,
    dbSize: raft.logSizeBytes,
    leader: raft.leaderId,
    leaderIndex: raft.commitIndex,
    uptime: uptimeSeconds(context),
  }];
}

/** How long the try of `endpoint_health` may take. */
const TRY_TIMEOUT_MS = 2000;

async function endpointHealth({ node }: BridgeContext): Promise<unknown> {
  const startedAtMs = node.nowMs();
  let health = true;
  try {
    raftStatus(node);
    await node.raft.read(() => {}, { timeoutMs: TRY_TIMEOUT_MS });
  } catch {
    health = false;
  }
  const took = `${(node.nowMs() - startedAtMs).toFixed(3)}ms`;
  return [{ endpoint: node.apiAddress, health, took }];
}

/** A member of `/v1/cluster`, as far as the view shows it. */
interface MemberJson {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly role: string;
  readonly state: string;
  readonly raft: string;
  readonly last_contact_ms: number | null;
  readonly host?: string;
  readonly port?: number;
  readonly timeline?: number;
  readonly lsn?: string | null;
  readonly lag_bytes?: number | null;
  readonly trouble?: string | null;
}

/** The part of `/v1/cluster` that the view shows. */
interface ClusterJson {
  readonly leader_id: number;
  readonly primary: { readonly id: number } | null;
  readonly sync: { readonly standbys: readonly number[] } | null;
  readonly members: readonly MemberJson[];
}

function overview({ node }: BridgeContext): unknown {
  // What this very process has made.
  const { leader_id, primary, sync, members } = clusterToJson(
    node,
  ) as unknown as ClusterJson;
  return members.map((member) => ({
    node_id: member.id,
    name: member.name,
    kind: member.kind,
    role: member.role,
    state: member.state,
    raft: member.raft,
    is_leader: member.id === leader_id,
    is_primary: member.id === primary?.id,
    host: member.host ?? null,
    port: member.port ?? null,
    timeline: member.timeline ?? null,
    lsn: member.lsn ?? null,
    lag_bytes: member.lag_bytes ?? null,
    sync: sync?.standbys.includes(member.id) ?? false,
    last_contact_ms: member.last_contact_ms,
    trouble: member.trouble ?? null,
  }));
}

/** What the bridge shows of the members. */
export const MEMBER_VIEWS: Readonly<Record<string, Operation>> = {
  cluster_overview: overview,
  member_list: memberList,
  member_details: memberDetails,
  cluster_health: clusterHealth,
  cluster_info: ({ node }) => {
    const raft = raftStatus(node);
    return [{
      clusterID: node.clusterNumber,
      memberCount: raft.members.length,
      leader: raft.leaderId,
      raftTerm: raft.term,
      raftIndex: raft.commitIndex,
      raftAppliedIndex: raft.appliedIndex,
    }];
  },
  endpoint_status: endpointStatus,
  endpoint_health: endpointHealth,
  auth_status: ({ hasAdminToken }) => [{
    enabled: hasAdminToken,
    revision: 0,
  }],
  alarm_list: ({ node }) =>
    node.isDiskFull() ? [{ alarm: "NOSPACE", memberID: String(node.id) }] : [],
};
