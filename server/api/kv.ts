import * as v from "valibot";
import {
  decodeKvResult,
  encodeKvOperation,
  type KvExpectation,
  type KvOperation,
  type KvRecord,
  type KvResult,
  prefixRange,
  textToByteString,
} from "../../raft/machines/mod.ts";
import {
  type Answer,
  type Call,
  jsonAnswer,
  Problem,
  type Route,
} from "../http/mod.ts";
import { type NodeContext, propose } from "./context.ts";
import { readAs } from "./reading.ts";
import * as answers from "./answers.ts";
import { anyText, bodyOf, defineRoute, wholeOr, yesOrNo } from "./define.ts";
import { etcdProblem, isEtcdError } from "./etcd_errors.ts";
import { bytesOf, bytesToJson } from "./input.ts";

/** How many keys a list returns at most. */
const MAX_LIST = 10_000;
const DEFAULT_LIST = 100;

const REVISION = v.pipe(v.number(), v.integer(), v.minValue(0));
const PUT_BODY = v.strictObject({
  value: v.optional(v.string()),
  value_base64: v.optional(v.string()),
  if_revision: v.optional(REVISION),
  if_value: v.optional(v.string()),
  if_value_base64: v.optional(v.string()),
});

const KEY = { key: anyText("The key; slashes may stand as they are") };
const STALE = { stale: yesOrNo("Reads this node's own copy") };

/** The routes of the key-value store. */
export function kvRoutes(context: NodeContext): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/kv",
      access: "read",
      summary: "List keys by prefix",
      query: {
        prefix: anyText("How they begin"),
        limit: wholeOr(DEFAULT_LIST, "How many at most; 0 only counts", {
          max: MAX_LIST,
        }),
        ...STALE,
      },
      answers: answers.KEYS,
      handle: ({ query }) => list(context, query),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/kv/:key*",
      access: "read",
      summary: "Read a key",
      params: KEY,
      query: STALE,
      answers: answers.KEY,
      handle: ({ params, query }) => get(context, params.key, query.stale),
    }),
    defineRoute({
      method: "PUT",
      path: "/v1/kv/:key*",
      access: "change",
      isData: true,
      summary: "Set a key, always or under a condition",
      params: KEY,
      body: bodyOf(PUT_BODY),
      answers: answers.CHANGED,
      handle: ({ params, body }, call) => put(context, params.key, body, call),
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/kv/:key*",
      access: "change",
      isData: true,
      summary: "Delete a key, always or under a condition",
      params: KEY,
      query: {
        if_revision: wholeOr(null, "Only if that last changed it", { min: 1 }),
      },
      answers: answers.DELETED,
      handle: ({ params, query }, call) =>
        remove(context, params.key, query.if_revision, call),
    }),
  ];
}

async function get(
  context: NodeContext,
  name: string,
  stale: boolean,
): Promise<Answer> {
  const { kv } = context.machine;
  const key = textToByteString(name);
  const { record, revision } = await readAs(context, stale, () => ({
    record: kv.get(key),
    revision: kv.revision(),
  }));
  if (record) return jsonAnswer({ ...recordToJson(record), revision });
  const detail = `The key "${name}" does not exist`;
  throw new Problem("not_found", detail, { extra: { revision } });
}

async function list(
  context: NodeContext,
  { prefix, limit, stale }: {
    readonly prefix: string;
    readonly limit: number;
    readonly stale: boolean;
  },
): Promise<Answer> {
  const { kv } = context.machine;
  const range = prefixRange(textToByteString(prefix));
  const { listing, revision } = await readAs(context, stale, () => ({
    listing: kv.list(range, { limit }),
    revision: kv.revision(),
  }));
  const { records, count, more } = listing;
  return jsonAnswer({
    kvs: records.map(recordToJson),
    count,
    more,
    revision,
  });
}

async function put(
  context: NodeContext,
  name: string,
  body: v.InferOutput<typeof PUT_BODY>,
  call: Call,
): Promise<Answer> {
  const value = bytesOf("value", body.value, body.value_base64);
  if (value === undefined) {
    throw new Problem("bad_request", "value: send value or value_base64");
  }
  const ifValue = bytesOf("if_value", body.if_value, body.if_value_base64);
  const expected = expectationOf(body.if_revision, ifValue);
  const key = textToByteString(name);
  const atMs = Date.now();
  const operation: KvOperation = expected
    ? { type: "compare_and_set", key, expected, value, atMs }
    : { type: "put", key, value, returnPrevious: false, atMs };
  const result = await change(context, call, operation);
  return jsonAnswer({ revision: result.revision });
}

function expectationOf(
  modRevision: number | undefined,
  value: string | undefined,
): KvExpectation | null {
  if (modRevision !== undefined && value !== undefined) {
    throw new Problem(
      "bad_request",
      "if_revision and if_value exclude each other; send one of them",
    );
  }
  if (modRevision !== undefined) return { type: "mod_revision", modRevision };
  return value === undefined ? null : { type: "value", value };
}

async function remove(
  context: NodeContext,
  name: string,
  modRevision: number | null,
  call: Call,
): Promise<Answer> {
  const key = textToByteString(name);
  if (modRevision === null) {
    const result = await change(context, call, {
      type: "delete",
      key,
      rangeEnd: "",
      returnPrevious: false,
    });
    const deleted = result.type === "delete" ? result.deleted : 0;
    return jsonAnswer({ revision: result.revision, deleted });
  }
  const result = await change(context, call, {
    type: "compare_and_set",
    key,
    expected: { type: "mod_revision", modRevision },
    value: null,
  });
  return jsonAnswer({ revision: result.revision, deleted: 1 });
}

/** What a store's operation that was carried out came to. */
export type KvDone = Exclude<KvResult, { type: "refused" }>;

/** Has a change committed; a condition that did not hold, or a refusal, is a problem. */
export async function change(
  context: NodeContext,
  call: Call,
  operation: KvOperation,
): Promise<KvDone> {
  const data = encodeKvOperation(operation);
  const result = decodeKvResult(await propose(context, call, "kv", data));
  if (result.type === "refused") throw refusalProblem(result);
  if (result.type !== "compare_and_set" || result.succeeded) return result;
  const { current, revision } = result;
  const extra = { revision, current: current ? recordToJson(current) : null };
  throw new Problem(
    "precondition_failed",
    current
      ? "The key is not as expected; decide anew on what it is"
      : "The key does not exist; decide anew",
    { extra },
  );
}

function refusalProblem(
  refusal: Extract<KvResult, { type: "refused" }>,
): Problem {
  if (isEtcdError(refusal.message)) return etcdProblem(refusal.message);
  const code = refusal.reason === "full" ? "busy" : "bad_request";
  return new Problem(code, refusal.message);
}

/** A record in JSON. */
export function recordToJson(record: KvRecord): Record<string, unknown> {
  return {
    ...bytesToJson("key", record.key),
    ...bytesToJson("value", record.value),
    create_revision: record.createRevision,
    mod_revision: record.modRevision,
    version: record.version,
  };
}
