import * as v from "valibot";
import {
  type KvListing,
  type KvRange,
  type KvRecord,
  REVISION_COMPACTED,
  REVISION_IN_FUTURE,
} from "../../raft/machines/mod.ts";
import {
  type Answer,
  type AnswerShapes,
  type Call,
  jsonAnswer,
  type Route,
} from "../http/mod.ts";
import { etcdAnswer } from "./answers.ts";
import { type NodeContext, raftStatus } from "./context.ts";
import { type Body, defineRoute } from "./define.ts";
import {
  BYTES,
  etcdBody,
  type Fields,
  type FieldsOf,
  FLAG,
  inert,
  KEY,
  NATURAL,
  rangeOf,
  WHOLE,
} from "./etcd_body.ts";
import { etcdProblem } from "./etcd_errors.ts";
import { change } from "./kv.ts";
import { readAs } from "./reading.ts";

/** How many keys a range returns when the caller names no limit. */
const MAX_RANGE = 10_000;

/** The fields of a put. */
export const PUT = {
  key: KEY,
  value: BYTES,
  lease: NATURAL,
  prev_kv: FLAG,
  ignore_value: inert(false),
  ignore_lease: inert(false),
};
/** The fields of a range. */
export const RANGE = {
  key: KEY,
  range_end: BYTES,
  limit: WHOLE,
  revision: WHOLE,
  serializable: FLAG,
  keys_only: FLAG,
  count_only: FLAG,
  sort_order: inert("NONE", "ASCEND", 0, 1),
  sort_target: inert("KEY", 0),
  min_mod_revision: inert(0, "0"),
  max_mod_revision: inert(0, "0"),
  min_create_revision: inert(0, "0"),
  max_create_revision: inert(0, "0"),
};
/** The fields of a deletion. */
export const DELETE = { key: KEY, range_end: BYTES, prev_kv: FLAG };

/** A key with its value and history. */
export const RECORD = v.looseObject({
  key: v.string(),
  create_revision: v.string(),
  mod_revision: v.string(),
  version: v.string(),
  value: v.optional(v.string()),
});
const TEXT = v.string();

/** A route of etcd's. */
export interface EtcdRoute<F extends Fields> {
  readonly path: string;
  readonly access: Route["access"];
  readonly isData?: boolean;
  readonly summary: string;
  readonly fields: F;
  readonly answers: AnswerShapes;
  readonly handle: (
    context: NodeContext,
    body: FieldsOf<F>,
    call: Call,
  ) => Promise<Answer> | Answer;
}

/** Makes a route as etcd's gateway has it. */
export function etcdRoute<F extends Fields>(
  context: NodeContext,
  { fields, handle, ...rest }: EtcdRoute<F>,
): Route {
  const body: Body<FieldsOf<F>> = etcdBody(fields);
  return defineRoute({
    ...rest,
    method: "POST",
    anyContentType: true,
    body,
    handle: ({ body }, call) => handle(context, body, call),
  });
}

/**
 * Etcd's JSON routes, so that programs written for its gateway run unchanged. As there, what is zero,
 * empty or false is left out of answers.
 */
export function etcdRoutes(context: NodeContext): Route[] {
  return [
    etcdRoute(context, {
      path: "/v3/kv/put",
      access: "change",
      isData: true,
      summary: "Set a key, as etcd does",
      fields: PUT,
      answers: etcdAnswer("It is set", { prev_kv: RECORD }),
      handle: put,
    }),
    etcdRoute(context, {
      path: "/v3/kv/range",
      access: "read",
      summary: "Read keys, as etcd does",
      fields: RANGE,
      answers: etcdAnswer("The keys", {
        kvs: v.array(RECORD),
        more: v.boolean(),
        count: TEXT,
      }),
      handle: range,
    }),
    etcdRoute(context, {
      path: "/v3/kv/deleterange",
      access: "change",
      isData: true,
      summary: "Delete keys, as etcd does",
      fields: DELETE,
      answers: etcdAnswer("They are gone", {
        deleted: TEXT,
        prev_kvs: v.array(RECORD),
      }),
      handle: remove,
    }),
    etcdRoute(context, {
      path: "/v3/maintenance/status",
      access: "read",
      summary: "The member's state",
      fields: {},
      answers: etcdAnswer("The member's state", {
        version: TEXT,
        dbSize: TEXT,
        leader: TEXT,
        raftIndex: TEXT,
        raftTerm: TEXT,
        raftAppliedIndex: TEXT,
        dbSizeInUse: TEXT,
        isLearner: v.boolean(),
      }),
      handle: status,
    }),
  ];
}

async function put(
  context: NodeContext,
  { key, value, lease, prev_kv: withPrevious }: FieldsOf<typeof PUT>,
  call: Call,
): Promise<Answer> {
  const result = await change(context, call, {
    type: "put",
    key,
    value,
    returnPrevious: withPrevious,
    lease,
    atMs: Date.now(),
  });
  const header = headerOf(context, result.revision);
  const previous = result.type === "put" ? result.previous : null;
  if (!previous) return jsonAnswer({ header });
  return jsonAnswer({ header, prev_kv: recordToEtcd(previous) });
}

async function range(
  context: NodeContext,
  body: FieldsOf<typeof RANGE>,
): Promise<Answer> {
  const range = rangeOf(body);
  const { count_only: countOnly, keys_only: keysOnly } = body;
  const { kv } = context.machine;
  const limit = limitOf(body);
  const answer = await readAs(context, body.serializable, () => ({
    listing: body.revision > 0
      ? listPast(context, range, body.revision, limit)
      : listRange(context, range, limit),
    revision: kv.revision(),
  }));
  const { records, count, more } = answer.listing;
  const header = headerOf(context, answer.revision);
  const kvs = records.map((record) => recordToEtcd(record, keysOnly));
  return jsonAnswer({
    header,
    ...(kvs.length > 0 ? { kvs } : {}),
    ...(more && !countOnly ? { more } : {}),
    ...(count > 0 ? { count: String(count) } : {}),
  });
}

/** How many keys a range returns; as in etcd, a limit that is not positive is none. */
export function limitOf(
  { limit, count_only: countOnly }: Pick<
    FieldsOf<typeof RANGE>,
    "limit" | "count_only"
  >,
): number {
  if (countOnly) return 0;
  return limit > 0 ? Math.min(limit, MAX_RANGE) : MAX_RANGE;
}

/** Reads what was there at a revision, which must have come and be remembered. */
function listPast(
  { machine: { kv } }: NodeContext,
  range: KvRange,
  revision: number,
  limit: number,
): KvListing {
  if (revision > kv.revision()) throw etcdProblem(REVISION_IN_FUTURE);
  const listing = kv.listAt(range, revision, { limit });
  if (listing) return listing;
  throw etcdProblem(REVISION_COMPACTED);
}

function listRange(
  { machine: { kv } }: NodeContext,
  range: KvRange,
  limit: number,
): KvListing {
  if (range.rangeEnd !== "") return kv.list(range, { limit });
  const record = kv.get(range.key);
  const records = record && limit > 0 ? [record] : [];
  return { records, count: record ? 1 : 0, more: false };
}

async function remove(
  context: NodeContext,
  body: FieldsOf<typeof DELETE>,
  call: Call,
): Promise<Answer> {
  const withPrevious = body.prev_kv;
  const result = await change(context, call, {
    type: "delete",
    ...rangeOf(body),
    returnPrevious: withPrevious,
  });
  const header = headerOf(context, result.revision);
  if (result.type !== "delete" || result.deleted === 0) {
    return jsonAnswer({ header });
  }
  const { deleted, previous } = result;
  return jsonAnswer({
    header,
    deleted: String(deleted),
    ...(withPrevious
      ? { prev_kvs: previous.map((record) => recordToEtcd(record)) }
      : {}),
  });
}

function status(context: NodeContext): Answer {
  const raft = raftStatus(context);
  const size = String(context.machine.kv.sizeBytes());
  const isLearner = raft.members.some(({ id, role }) =>
    id === context.id && role === "learner"
  );
  return jsonAnswer({
    header: headerOf(context, context.machine.kv.revision()),
    version: context.version,
    dbSize: size,
    leader: String(raft.leaderId),
    raftIndex: String(raft.commitIndex),
    raftTerm: String(raft.term),
    raftAppliedIndex: String(raft.appliedIndex),
    dbSizeInUse: size,
    ...(isLearner ? { isLearner } : {}),
  });
}

/** What stands in front of every answer. */
export function headerOf(
  context: NodeContext,
  revision: number,
): Record<string, string> {
  return {
    cluster_id: context.clusterNumber,
    member_id: String(context.id),
    revision: String(revision),
    raft_term: String(context.raft.term()),
  };
}

/** A record in etcd's JSON. */
export function recordToEtcd(
  record: KvRecord,
  keysOnly = false,
): Record<string, string> {
  return {
    key: btoa(record.key),
    create_revision: String(record.createRevision),
    mod_revision: String(record.modRevision),
    version: String(record.version),
    ...(record.lease === 0 ? {} : { lease: String(record.lease) }),
    ...(keysOnly || record.value === "" ? {} : { value: btoa(record.value) }),
  };
}
