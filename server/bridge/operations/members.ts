import {
  formatHostPort,
  type HostPort,
  isLoopback,
  messageOf,
  parseHostPort,
} from "../../../base/mod.ts";
import { type LeaderOrder, raftStatus, requireMember } from "../../api/mod.ts";
import { leaveRules } from "../../ha/mod.ts";
import { Problem } from "../../http/mod.ts";
import { numberAt, textAt } from "../arguments.ts";
import type { BridgeContext, Operation } from "../context.ts";
import { SqlProblem } from "../failure.ts";
import { requireLeader } from "../leading.ts";
import type { Argument } from "../statement.ts";

const IDS = { min: 1, max: 1000 };
const PORTS = { min: 1, max: 65_535 };

/** The numbers that the queue's view gives to operations. */
const COMMAND_TYPES: ReadonlyMap<string, number> = new Map([
  ["pgraft_add_node", 1],
  ["pgraft_remove_node", 2],
  ["pgraft_append_log", 3],
  ["pgraft_log_append", 3],
  ["pgraft_kv_put", 4],
  ["pgraft_kv_delete", 5],
]);
const OTHER_COMMAND = 6;

/** Refuses while this node is no member that takes part. */
function requireRunning({ node }: BridgeContext): true {
  requireMember(node);
  return true;
}

function init(context: BridgeContext, args: readonly Argument[]): true {
  if (args.length > 0) requireOwn(context, args);
  return requireRunning(context);
}

function requireOwn(
  { node }: BridgeContext,
  args: readonly Argument[],
): void {
  const id = numberAt(args, 0, "node_id", IDS);
  const given = addressAt(args, 1, 2);
  const member = node.ha()?.state().members.get(node.id);
  const own = [
    parseHostPort(node.raftAddress),
    member ? { host: member.host, port: member.port } : null,
  ];
  if (id === node.id && own.some((one) => one && isSameAddress(one, given))) {
    return;
  }
  throw new SqlProblem(
    "55000",
    `This is node ${node.id} at ${node.raftAddress}, not node ${id} at ${
      formatHostPort(given)
    }`,
    "What a node is stands in its pgraft.conf; restart pgraft serve after a change.",
  );
}

function isSameAddress(a: HostPort, b: HostPort): boolean {
  return a.port === b.port &&
    (a.host === b.host || isLoopback(a.host) && isLoopback(b.host));
}

function addressAt(
  args: readonly Argument[],
  hostAt: number,
  portAt: number,
): HostPort {
  const host = textAt(args, hostAt, "address").trim();
  if (host === "") {
    throw new SqlProblem("22023", "invalid address: it is empty");
  }
  return { host, port: numberAt(args, portAt, "port", PORTS) };
}

async function add(
  context: BridgeContext,
  args: readonly Argument[],
): Promise<true> {
  requireRunning(context);
  requireLeader(context);
  const { node } = context;
  const isShort = args.length === 2;
  const id = numberAt(args, isShort ? 1 : 0, "node_id", IDS);
  const address = isShort
    ? peerAt(args)
    : formatHostPort(addressAt(args, 1, 2));
  refuseDouble(context, id, address);
  const incarnation = await incarnationOf(context, id, address);
  const order: LeaderOrder = {
    kind: "add",
    id,
    incarnation,
    address,
    role: "voter",
    expectedIndex: null,
  };
  await node.order(order);
  return true;
}

function peerAt(args: readonly Argument[]): string {
  const peer = textAt(args, 0, "peer").trim();
  const at = parseHostPort(peer);
  if (at) return formatHostPort(at);
  throw new SqlProblem("22023", `invalid address: "${peer}" is no host:port`);
}

function refuseDouble(
  { node }: BridgeContext,
  id: number,
  address: string,
): void {
  const { members } = raftStatus(node);
  const same = members.find((member) =>
    member.id === id || member.address === address
  );
  if (!same) return;
  throw new SqlProblem(
    "42710",
    `Node ${same.id} at ${same.address} is a member already`,
  );
}

async function incarnationOf(
  context: BridgeContext,
  id: number,
  address: string,
): Promise<number> {
  try {
    return await context.incarnationAt(id, address);
  } catch (error) {
    throw new SqlProblem(
      "08001",
      `No node ${id} answers at ${address}: ${messageOf(error)}`,
      "Start pgraft serve there first, with join naming a member of this cluster; it then comes in by itself.",
    );
  }
}

async function remove(
  context: BridgeContext,
  args: readonly Argument[],
): Promise<true> {
  requireRunning(context);
  const id = numberAt(args, 0, "node_id", IDS);
  requireLeader(context);
  const { node } = context;
  if (!raftStatus(node).members.some((member) => member.id === id)) {
    throw new Problem("not_found", `Node ${id} is no member of the cluster`);
  }
  const ha = node.ha();
  // R18: rule, walsender and slot first, then Raft.
  if (ha) await leaveRules(ha, id);
  await node.order({ kind: "remove", id, force: false });
  return true;
}

function queue({ pending }: BridgeContext): unknown {
  return [...pending].map((change, i) => {
    const type = COMMAND_TYPES.get(change.operation) ?? OTHER_COMMAND;
    const values = change.arguments;
    const isMember = type <= 2;
    const id = isMember ? values.find((one) => typeof one === "number") : null;
    return {
      cmd_position: i + 1,
      command_type: type,
      node_id: id ?? null,
      address: isMember
        ? values.find((one) => typeof one === "string") ?? null
        : null,
      port: isMember && values.length === 3 ? values[2] : null,
      log_data: isMember ? null : values.map(String).join(", "),
    };
  });
}

/** What the bridge does with members. */
export const MEMBER_OPERATIONS: Readonly<Record<string, Operation>> = {
  pgraft_init: init,
  pgraft_start: requireRunning,
  pgraft_stop: (context) => {
    context.stopNode();
    return true;
  },
  pgraft_add_node: add,
  pgraft_remove_node: remove,
  pgraft_get_queue_status: queue,
};
