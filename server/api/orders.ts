import * as v from "valibot";
import {
  type Answer,
  type Call,
  jsonAnswer,
  Problem,
  type Route,
} from "../http/mod.ts";
import type { RaftServer } from "../../raft/mod.ts";
import {
  type LeaderOrder,
  type NodeContext,
  type Progress,
  requireMember,
  requirePart,
} from "./context.ts";
import { leaveRules } from "../ha/mod.ts";
import { parseBody, queryFlag, wholeNumber } from "./input.ts";

const ID = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000));
const INDEX = v.pipe(v.number(), v.integer(), v.minValue(0));
const ADD_BODY = v.strictObject({
  id: ID,
  incarnation: v.pipe(v.number(), v.integer(), v.minValue(1)),
  raft_address: v.pipe(v.string(), v.nonEmpty()),
  role: v.optional(v.picklist(["voter", "witness", "learner"]), "voter"),
  expected_configuration_index: v.optional(INDEX),
});
const TRANSFER_BODY = v.strictObject({ target: v.optional(ID) });
const EMPTY_BODY = v.strictObject({});

/** How long an election that was asked for may take. */
const ELECTION_WAIT_MS = 5000;

/** What orders need of their node. */
export interface OrderContext
  extends Progress, Pick<NodeContext, "id" | "order" | "ha"> {
  readonly raft: Pick<
    RaftServer,
    "leadership" | "onChange" | "forceElection" | "takeSnapshot"
  >;
}

/** The routes that change members and leadership. */
export function orderRoutes(context: OrderContext): Route[] {
  const route = (
    method: Route["method"],
    path: string,
    summary: string,
    handle: (context: OrderContext, call: Call) => Promise<Answer> | Answer,
  ): Route => ({
    method,
    path,
    access: "change",
    summary,
    handle: (call) => handle(context, call),
  });
  return [
    route("POST", "/v1/nodes", "Add a member", add),
    route("DELETE", "/v1/nodes/:id", "Remove a member", remove),
    route("POST", "/v1/nodes/:id/promote", "Make a learner a voter", promote),
    route("POST", "/v1/transfer", "Hand leadership over", transfer),
    route("POST", "/v1/election", "Have this node lead", election),
    route("POST", "/v1/snapshot", "Take a snapshot now", snapshot),
  ];
}

async function add(context: OrderContext, call: Call): Promise<Answer> {
  const body = parseBody(ADD_BODY, call.body);
  await order(context, {
    kind: "add",
    id: body.id,
    incarnation: body.incarnation,
    address: body.raft_address,
    role: body.role,
    expectedIndex: body.expected_configuration_index ?? null,
  });
  return jsonAnswer({ id: body.id, added: true }, 201);
}

async function remove(context: OrderContext, call: Call): Promise<Answer> {
  const id = idOf(call);
  const ha = context.ha();
  requireMember(context);
  // R18: rule, walsender and slot first, then Raft.
  if (ha && !queryFlag(call.query, "force")) await leaveRules(ha, id);
  await order(context, {
    kind: "remove",
    id,
    force: queryFlag(call.query, "force"),
  });
  return jsonAnswer({ id, removed: true });
}

async function promote(context: OrderContext, call: Call): Promise<Answer> {
  const id = idOf(call);
  await order(context, { kind: "promote", id });
  return jsonAnswer({ id, promoted: true });
}

async function transfer(context: OrderContext, call: Call): Promise<Answer> {
  const { target = 0 } = parseBody(TRANSFER_BODY, call.body);
  requirePart(context);
  const { term } = context.raft.leadership();
  await order(context, { kind: "transfer", target });
  // A follower still names the former leader for a moment after the order was carried out.
  return await newLeader(
    context,
    (leader) => target === 0 ? leader.term > term : leader.id === target,
  );
}

async function election(context: OrderContext, call: Call): Promise<Answer> {
  parseBody(EMPTY_BODY, call.body);
  requireMember(context);
  context.raft.forceElection();
  return await newLeader(context, ({ id }) => id === context.id);
}

function snapshot(context: OrderContext, call: Call): Answer {
  parseBody(EMPTY_BODY, call.body);
  requirePart(context);
  context.raft.takeSnapshot();
  return jsonAnswer({ started: true }, 202);
}

function order(context: OrderContext, value: LeaderOrder): Promise<void> {
  requireMember(context);
  return context.order(value);
}

function idOf({ params }: Call): number {
  return wholeNumber("id", params.id ?? "", { min: 1, max: 1000 });
}

/**
 * Answers once this node knows the leader that was asked for.
 *
 * @param context The node.
 * @param isExpected Whether that is who was asked for.
 * @throws {Problem} When none such was seen in time.
 */
export async function newLeader(
  { raft }: Pick<OrderContext, "raft">,
  isExpected: (leader: { id: number; term: number }) => boolean,
): Promise<Answer> {
  const holds = (): boolean => {
    const { leaderId: id, term } = raft.leadership();
    return id !== 0 && isExpected({ id, term });
  };
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ELECTION_WAIT_MS);
  const forget = raft.onChange(() => {
    if (holds()) resolve();
  });
  try {
    if (!holds()) await promise;
  } finally {
    clearTimeout(timer);
    forget();
  }
  const { leaderId, term } = raft.leadership();
  if (holds()) return jsonAnswer({ leader_id: leaderId, term });
  throw new Problem(
    "outcome_unknown",
    "No such leader was seen in time; look at /v1/cluster",
  );
}
