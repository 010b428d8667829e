import { memberPostgresToJson, primaryToJson, syncToJson } from "../ha/mod.ts";
import type { MemberStatus, RaftStatus } from "../../raft/mod.ts";
import { type Answer, jsonAnswer, Problem, type Route } from "../http/mod.ts";
import { type NodeContext, raftStatus } from "./context.ts";
import * as answers from "./answers.ts";
import { defineRoute, MEMBER_ID } from "./define.ts";

/** The routes that show this node and its cluster. */
export function clusterRoutes(context: NodeContext): Route[] {
  return [
    {
      method: "GET",
      path: "/v1/status",
      access: "read",
      summary: "This node",
      answers: answers.STATUS,
      handle: () => jsonAnswer(statusToJson(context)),
    },
    {
      method: "GET",
      path: "/v1/cluster",
      access: "read",
      summary: "The cluster as this node sees it",
      answers: answers.CLUSTER,
      handle: () => jsonAnswer(clusterToJson(context)),
    },
    {
      method: "GET",
      path: "/v1/nodes",
      access: "read",
      summary: "The members",
      answers: answers.NODES,
      handle: () => jsonAnswer(nodesToJson(context)),
    },
    defineRoute({
      method: "GET",
      path: "/v1/nodes/:id",
      access: "read",
      summary: "One member",
      params: { id: MEMBER_ID },
      answers: answers.ONE_NODE,
      handle: ({ params }) => oneNode(context, params.id),
    }),
  ];
}

/** A JSON object. */
export type Json = Record<string, unknown>;

function statusToJson(context: NodeContext): Json {
  const stage = context.stage();
  const takesPart = stage === "running" || stage === "removed";
  return {
    id: context.id,
    incarnation: context.incarnation,
    name: context.name,
    version: context.version,
    cluster: context.clusterName,
    state: stage,
    waiting_for: context.waitingFor(),
    uptime_ms: Math.round(context.nowMs() - context.startedAtMs),
    disk_full: context.isDiskFull(),
    raft_address: context.raftAddress,
    api: context.apiAddress,
    server_log: context.serverLog,
    raft: takesPart ? raftToJson(context.raft.status()) : null,
  };
}

function raftToJson(raft: RaftStatus): Json {
  return {
    role: raft.role,
    term: raft.term,
    leader_id: raft.leaderId,
    commit_index: raft.commitIndex,
    applied_index: raft.appliedIndex,
    last_index: raft.lastIndex,
    durable_index: raft.durableIndex,
    first_index: raft.firstIndex,
    snapshot_index: raft.snapshotIndex,
    log_bytes: raft.logSizeBytes,
    configuration_index: raft.configurationIndex,
  };
}

/** The cluster as a node sees it, for `/v1/cluster`. */
export function clusterToJson(context: NodeContext): Json {
  const raft = raftStatus(context);
  const ha = context.ha();
  return {
    name: context.clusterName,
    leader_id: raft.leaderId,
    term: raft.term,
    // A leader steps down, and a follower forgets its leader, within an election timeout.
    has_quorum: raft.leaderId !== 0,
    paused: ha?.state().paused ?? false,
    primary: ha ? primaryToJson(ha) : null,
    sync: ha ? syncToJson(ha) : null,
    members: raft.members.map((member) => memberToJson(context, raft, member)),
  };
}

function memberToJson(
  context: NodeContext,
  raft: RaftStatus,
  member: MemberStatus,
): Json {
  const info = context.machine.members().get(member.id);
  const ha = context.ha();
  return {
    id: member.id,
    name: info?.name ?? `node${member.id}`,
    kind: info?.kind ?? (member.role === "witness" ? "witness" : "data"),
    role: "none",
    state: isReached(context, member) ? "running" : "stopped",
    raft: member.id === raft.leaderId
      ? "leader"
      : member.role === "learner"
      ? "learner"
      : "follower",
    raft_address: member.address,
    api: info?.api ?? "",
    last_contact_ms: lastContactMs(context, member),
    tags: {},
    ...(ha ? memberPostgresToJson(ha, member.id) : null),
  };
}

function isReached(context: NodeContext, member: MemberStatus): boolean {
  if (member.id === context.id) return true;
  return member.active ?? (!member.gone && context.peer(member.id) !== null);
}

/** The leader knows when a member answered; others when they heard anything of it. */
function lastContactMs(
  context: NodeContext,
  member: MemberStatus,
): number | null {
  if (member.id === context.id) return 0;
  const ms = member.lastContactMs ?? context.peer(member.id)?.lastContactMs;
  return ms === undefined || ms === null ? null : Math.round(ms);
}

function nodesToJson(context: NodeContext): Json {
  const raft = raftStatus(context);
  return {
    nodes: raft.members.map((member) => nodeToJson(context, raft, member)),
    configuration_index: raft.configurationIndex,
  };
}

function nodeToJson(
  context: NodeContext,
  raft: RaftStatus,
  member: MemberStatus,
): Json {
  const info = context.machine.members().get(member.id);
  return {
    id: member.id,
    incarnation: member.incarnation,
    name: info?.name ?? `node${member.id}`,
    role: member.role,
    raft_address: member.address,
    api: info?.api ?? "",
    version: info?.version ?? "",
    leader: member.id === raft.leaderId,
    match_index: member.matchIndex,
    last_contact_ms: lastContactMs(context, member),
    active: isReached(context, member),
  };
}

function oneNode(context: NodeContext, id: number): Answer {
  const raft = raftStatus(context);
  const member = raft.members.find((one) => one.id === id);
  if (member) return jsonAnswer(nodeToJson(context, raft, member));
  throw new Problem("not_found", `Node ${id} is no member of the cluster`);
}
