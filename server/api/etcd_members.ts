import * as v from "valibot";
import { type Answer, jsonAnswer, type Route } from "../http/mod.ts";
import type { MemberStatus } from "../../raft/mod.ts";
import { etcdAnswer } from "./answers.ts";
import { type NodeContext, raftStatus } from "./context.ts";
import { etcdRoute, headerOf } from "./etcd.ts";

const MEMBER = v.looseObject({
  ID: v.string(),
  name: v.optional(v.string()),
  peerURLs: v.array(v.string()),
  clientURLs: v.optional(v.array(v.string())),
  isLearner: v.optional(v.boolean()),
});

/** Etcd's routes about members. */
export function etcdMemberRoutes(context: NodeContext): Route[] {
  return [
    etcdRoute(context, {
      path: "/v3/cluster/member/list",
      access: "read",
      summary: "The members, as etcd lists them",
      fields: {},
      answers: etcdAnswer("The members", { members: v.array(MEMBER) }),
      handle: list,
    }),
  ];
}

function list(context: NodeContext): Answer {
  const { members } = raftStatus(context);
  return jsonAnswer({
    header: headerOf(context, context.machine.kv.revision()),
    members: members.map((member) => memberToEtcd(context, member)),
  });
}

/** A member that has not started yet has neither name nor clients' address, as in etcd. */
function memberToEtcd(
  { machine, schemes }: NodeContext,
  { id, address, role }: MemberStatus,
): Record<string, unknown> {
  const info = machine.members().get(id);
  return {
    ID: String(id),
    ...(info ? { name: info.name } : {}),
    peerURLs: [`${schemes.peers}://${address}`],
    ...(info ? { clientURLs: [`${schemes.api}://${info.api}`] } : {}),
    ...(role === "learner" ? { isLearner: true } : {}),
  };
}
