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
import {
  bytesOf,
  bytesToJson,
  parseBody,
  queryFlag,
  queryNumber,
  wholeNumber,
} from "./input.ts";

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

/** The routes of the key-value store. */
export function kvRoutes(context: NodeContext): Route[] {
  return [
    {
      method: "GET",
      path: "/v1/kv",
      access: "read",
      summary: "List keys by prefix",
      handle: (call) => list(context, call),
    },
    {
      method: "GET",
      path: "/v1/kv/:key*",
      access: "read",
      summary: "Read a key",
      handle: (call) => get(context, call),
    },
    {
      method: "PUT",
      path: "/v1/kv/:key*",
      access: "change",
      summary: "Set a key, always or under a condition",
      handle: (call) => put(context, call),
    },
    {
      method: "DELETE",
      path: "/v1/kv/:key*",
      access: "change",
      summary: "Delete a key, always or under a condition",
      handle: (call) => remove(context, call),
    },
  ];
}

function keyOf({ params }: Call): string {
  return textToByteString(params.key ?? "");
}

async function get(context: NodeContext, call: Call): Promise<Answer> {
  const { kv } = context.machine;
  const key = keyOf(call);
  const stale = queryFlag(call.query, "stale");
  const { record, revision } = await readAs(context, stale, () => ({
    record: kv.get(key),
    revision: kv.revision(),
  }));
  if (record) return jsonAnswer({ ...recordToJson(record), revision });
  const detail = `The key "${call.params.key}" does not exist`;
  throw new Problem("not_found", detail, { extra: { revision } });
}

async function list(context: NodeContext, call: Call): Promise<Answer> {
  const { kv } = context.machine;
  const prefix = textToByteString(call.query.get("prefix") ?? "");
  const limits = { min: 0, max: MAX_LIST };
  const limit = queryNumber(call.query, "limit", DEFAULT_LIST, limits);
  const stale = queryFlag(call.query, "stale");
  const { listing, revision } = await readAs(context, stale, () => ({
    listing: kv.list(prefixRange(prefix), { limit }),
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

async function put(context: NodeContext, call: Call): Promise<Answer> {
  const body = parseBody(PUT_BODY, call.body);
  const value = bytesOf("value", body.value, body.value_base64);
  if (value === undefined) {
    throw new Problem("bad_request", "value: send value or value_base64");
  }
  const ifValue = bytesOf("if_value", body.if_value, body.if_value_base64);
  const expected = expectationOf(body.if_revision, ifValue);
  const key = keyOf(call);
  const operation: KvOperation = expected
    ? { type: "compare_and_set", key, expected, value }
    : { type: "put", key, value, returnPrevious: false };
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

async function remove(context: NodeContext, call: Call): Promise<Answer> {
  const key = keyOf(call);
  const condition = call.query.get("if_revision");
  if (condition === null) {
    const result = await change(context, call, {
      type: "delete",
      key,
      rangeEnd: "",
      returnPrevious: false,
    });
    const deleted = result.type === "delete" ? result.deleted : 0;
    return jsonAnswer({ revision: result.revision, deleted });
  }
  const modRevision = wholeNumber("if_revision", condition, { min: 1 });
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
  const code = refusal.reason === "full" ? "busy" : "bad_request";
  return new Problem(code, refusal.message);
}

function recordToJson(record: KvRecord): Record<string, unknown> {
  return {
    ...bytesToJson("key", record.key),
    ...bytesToJson("value", record.value),
    create_revision: record.createRevision,
    mod_revision: record.modRevision,
    version: record.version,
  };
}
