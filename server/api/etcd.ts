import type { KvRange, KvRecord } from "../../raft/machines/mod.ts";
import {
  type Answer,
  type Call,
  jsonAnswer,
  parseObject,
  Problem,
  type Route,
} from "../http/mod.ts";
import { type NodeContext, raftStatus } from "./context.ts";
import { fromBase64 } from "./input.ts";
import { change } from "./kv.ts";
import { readAs } from "./reading.ts";

/** How many keys a range returns when the caller names no limit. */
const MAX_RANGE = 10_000;

/**
 * Etcd's JSON routes, so that programs written for its gateway run unchanged. As there, what is zero,
 * empty or false is left out of answers.
 */
export function etcdRoutes(context: NodeContext): Route[] {
  const route = (
    path: string,
    access: Route["access"],
    summary: string,
    handle: (context: NodeContext, call: Call) => Promise<Answer> | Answer,
  ): Route => ({
    method: "POST",
    path,
    access,
    anyContentType: true,
    summary,
    handle: (call) => handle(context, call),
  });
  return [
    route("/v3/kv/put", "change", "Set a key, as etcd does", put),
    route("/v3/kv/range", "read", "Read keys, as etcd does", range),
    route("/v3/kv/deleterange", "change", "Delete keys, as etcd does", remove),
    route("/v3/maintenance/status", "read", "The member's state", status),
  ];
}

type Body = Record<string, unknown>;

/** Fields of etcd's that would change an answer, and the values that ask for nothing more. */
const LIMITED_FIELDS: ReadonlyMap<string, readonly unknown[]> = new Map([
  ["sort_order", ["NONE", "ASCEND", 0, 1]],
  ["sort_target", ["KEY", 0]],
  ["min_mod_revision", [0, "0"]],
  ["max_mod_revision", [0, "0"]],
  ["min_create_revision", [0, "0"]],
  ["max_create_revision", [0, "0"]],
  ["ignore_value", [false]],
  ["ignore_lease", [false]],
]);

/** Parses a body; like etcd it passes over names that mean nothing, but not over what it can't do. */
function parseFields(text: string): Body {
  const body = parseObject(text);
  for (const name in body) {
    const accepted = LIMITED_FIELDS.get(name);
    if (!accepted || accepted.includes(body[name])) continue;
    throw new Problem(
      "bad_request",
      `${name}: this node does not do that; leave it out`,
    );
  }
  return body;
}

async function put(context: NodeContext, call: Call): Promise<Answer> {
  const body = parseFields(call.body);
  const key = keyIn(body);
  const value = bytesIn(body, "value");
  if (numberIn(body, "lease") !== 0) {
    throw new Problem("bad_request", "lease: this node knows no leases yet");
  }
  const withPrevious = flagIn(body, "prev_kv");
  const result = await change(context, call, {
    type: "put",
    key,
    value,
    returnPrevious: withPrevious,
  });
  const header = headerOf(context, result.revision);
  const previous = result.type === "put" ? result.previous : null;
  if (!previous) return jsonAnswer({ header });
  return jsonAnswer({ header, prev_kv: recordToEtcd(previous) });
}

async function range(context: NodeContext, call: Call): Promise<Answer> {
  const body = parseFields(call.body);
  const range = rangeIn(body);
  if (numberIn(body, "revision") > 0) {
    throw new Problem(
      "bad_request",
      "revision: only the newest revision is kept; leave it out",
    );
  }
  const asked = numberIn(body, "limit");
  // As in etcd, a limit that is not positive is none.
  const limit = asked > 0 ? Math.min(asked, MAX_RANGE) : MAX_RANGE;
  const countOnly = flagIn(body, "count_only");
  const keysOnly = flagIn(body, "keys_only");
  const { kv } = context.machine;
  const stale = flagIn(body, "serializable");
  const answer = await readAs(context, stale, () => ({
    listing: listRange(context, range, countOnly ? 0 : limit),
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

function listRange(
  { machine: { kv } }: NodeContext,
  range: KvRange,
  limit: number,
): { records: readonly KvRecord[]; count: number; more: boolean } {
  if (range.rangeEnd !== "") return kv.list(range, { limit });
  const record = kv.get(range.key);
  const records = record && limit > 0 ? [record] : [];
  return { records, count: record ? 1 : 0, more: false };
}

async function remove(context: NodeContext, call: Call): Promise<Answer> {
  const body = parseFields(call.body);
  const withPrevious = flagIn(body, "prev_kv");
  const result = await change(context, call, {
    type: "delete",
    ...rangeIn(body),
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

function headerOf(
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

function recordToEtcd(
  record: KvRecord,
  keysOnly = false,
): Record<string, string> {
  return {
    key: btoa(record.key),
    create_revision: String(record.createRevision),
    mod_revision: String(record.modRevision),
    version: String(record.version),
    ...(keysOnly || record.value === "" ? {} : { value: btoa(record.value) }),
  };
}

function rangeIn(body: Body): KvRange {
  const key = keyIn(body);
  const rangeEnd = bytesIn(body, "range_end");
  // A key of one zero byte begins at the first key there is.
  return { key: key === "\0" && rangeEnd !== "" ? "" : key, rangeEnd };
}

function keyIn(body: Body): string {
  const key = bytesIn(body, "key");
  if (key !== "") return key;
  throw new Problem("bad_request", "key: a key is not empty");
}

function bytesIn(body: Body, name: string): string {
  const value = body[name];
  if (value === undefined) return "";
  if (typeof value === "string") return fromBase64(name, value);
  throw new Problem("bad_request", `${name}: send base64 text`);
}

function numberIn(body: Body, name: string): number {
  const value = body[name] ?? 0;
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number)) return number;
  throw new Problem("bad_request", `${name}: send a whole number`);
}

function flagIn(body: Body, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value === "boolean") return value;
  throw new Problem("bad_request", `${name}: send true or false`);
}
