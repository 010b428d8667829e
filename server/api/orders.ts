import * as v from "valibot";
import { type Answer, jsonAnswer, Problem, type Route } from "../http/mod.ts";
import type { RaftServer } from "../../raft/mod.ts";
import {
  type LeaderOrder,
  type NodeContext,
  type Progress,
  requireMember,
  requirePart,
} from "./context.ts";
import { leaveRules } from "../ha/mod.ts";
import * as answers from "./answers.ts";
import {
  bodyOf,
  defineRoute,
  EMPTY_BODY,
  MEMBER_ID,
  yesOrNo,
} from "./define.ts";

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
  return [
    defineRoute({
      method: "POST",
      path: "/v1/nodes",
      access: "change",
      summary: "Add a member",
      body: bodyOf(ADD_BODY),
      answers: answers.ADDED,
      handle: ({ body }) => add(context, body),
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/nodes/:id",
      access: "change",
      summary: "Remove a member",
      params: { id: MEMBER_ID },
      query: { force: yesOrNo("Although too few would be left alive") },
      answers: answers.REMOVED,
      handle: ({ params, query }) => remove(context, params.id, query.force),
    }),
    defineRoute({
      method: "POST",
      path: "/v1/nodes/:id/promote",
      access: "change",
      summary: "Make a learner a voter",
      params: { id: MEMBER_ID },
      answers: answers.PROMOTED,
      handle: ({ params }) => promote(context, params.id),
    }),
    ...leadershipRoutes(context),
  ];
}

function leadershipRoutes(context: OrderContext): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/v1/transfer",
      access: "change",
      summary: "Hand leadership over",
      body: bodyOf(TRANSFER_BODY),
      answers: answers.NEW_LEADER,
      handle: ({ body }) => transfer(context, body.target ?? 0),
    }),
    defineRoute({
      method: "POST",
      path: "/v1/election",
      access: "change",
      summary: "Have this node lead",
      body: EMPTY_BODY,
      answers: answers.NEW_LEADER,
      handle: () => election(context),
    }),
    defineRoute({
      method: "POST",
      path: "/v1/snapshot",
      access: "change",
      summary: "Take a snapshot now",
      body: EMPTY_BODY,
      answers: answers.STARTED,
      handle: () => snapshot(context),
    }),
  ];
}

async function add(
  context: OrderContext,
  body: v.InferOutput<typeof ADD_BODY>,
): Promise<Answer> {
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

async function remove(
  context: OrderContext,
  id: number,
  force: boolean,
): Promise<Answer> {
  const ha = context.ha();
  requireMember(context);
  // R18: rule, walsender and slot first, then Raft.
  if (ha && !force) await leaveRules(ha, id);
  await order(context, { kind: "remove", id, force });
  return jsonAnswer({ id, removed: true });
}

async function promote(context: OrderContext, id: number): Promise<Answer> {
  await order(context, { kind: "promote", id });
  return jsonAnswer({ id, promoted: true });
}

async function transfer(
  context: OrderContext,
  target: number,
): Promise<Answer> {
  requirePart(context);
  const { term } = context.raft.leadership();
  await order(context, { kind: "transfer", target });
  // A follower still names the former leader for a moment after the order was carried out.
  return await newLeader(
    context,
    (leader) => target === 0 ? leader.term > term : leader.id === target,
  );
}

async function election(context: OrderContext): Promise<Answer> {
  requireMember(context);
  context.raft.forceElection();
  return await newLeader(context, ({ id }) => id === context.id);
}

function snapshot(context: OrderContext): Answer {
  requirePart(context);
  context.raft.takeSnapshot();
  return jsonAnswer({ started: true }, 202);
}

function order(context: OrderContext, value: LeaderOrder): Promise<void> {
  requireMember(context);
  return context.order(value);
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
