import {
  decodeKvResult,
  encodeKvOperation,
  type KvOperation,
  type KvResult,
} from "../../../raft/machines/mod.ts";
import {
  proposePart,
  raftStatus,
  readAs,
  requireMember,
} from "../../api/mod.ts";
import { Problem } from "../../http/mod.ts";
import { textAt } from "../arguments.ts";
import { bytesOfText, requireTextOf, shownText } from "../bytes.ts";
import type { BridgeContext, Operation } from "../context.ts";
import { writing } from "../leading.ts";
import type { Argument } from "../statement.ts";
import { isoTime } from "../times.ts";

/** How many keys a list has at most. */
const MAX_KEYS = 10_000;
/** All keys. */
const EVERYTHING = { key: "", rangeEnd: "\0" };

type Done = Exclude<KvResult, { type: "refused" }>;

async function change(
  context: BridgeContext,
  operation: KvOperation,
): Promise<Done> {
  const { node } = context;
  requireMember(node);
  const options = writing(context);
  const data = encodeKvOperation(operation);
  const result = decodeKvResult(
    await proposePart(node, { part: "kv", once: null, data }, options),
  );
  if (result.type !== "refused") return result;
  const code = result.reason === "full" ? "busy" : "bad_request";
  throw new Problem(code, result.message);
}

/** A key that may be one. */
function keyOf(args: readonly Argument[]): string | null {
  const key = args[0] ?? null;
  return key === null || key === ""
    ? null
    : bytesOfText(textAt(args, 0, "key"));
}

async function put(
  context: BridgeContext,
  args: readonly Argument[],
): Promise<boolean> {
  const key = keyOf(args);
  if (key === null || (args[1] ?? null) === null) return false;
  const value = bytesOfText(textAt(args, 1, "value"));
  const atMs = Date.now();
  const set = { type: "put", key, value, returnPrevious: false, atMs } as const;
  await change(context, set);
  context.keys.puts += 1;
  return true;
}

async function remove(
  context: BridgeContext,
  args: readonly Argument[],
): Promise<boolean> {
  const key = keyOf(args);
  if (key === null) return false;
  const result = await change(context, {
    type: "delete",
    key,
    rangeEnd: "",
    returnPrevious: false,
  });
  context.keys.deletes += 1;
  return result.type === "delete" && result.deleted > 0;
}

async function get(
  context: BridgeContext,
  args: readonly Argument[],
): Promise<string | null> {
  const key = keyOf(args);
  if (key === null) return null;
  const { node } = context;
  const record = await readAs(node, false, () => node.machine.kv.get(key));
  context.keys.gets += 1;
  return record === null
    ? null
    : requireTextOf(record.value, `The value of "${args[0]}"`);
}

async function exists(
  context: BridgeContext,
  args: readonly Argument[],
): Promise<boolean> {
  const key = keyOf(args);
  if (key === null) return false;
  const { node } = context;
  context.keys.gets += 1;
  return await readAs(node, false, () => node.machine.kv.get(key) !== null);
}

function stats(context: BridgeContext): Record<string, number> {
  const { node, keys } = context;
  const { appliedIndex } = raftStatus(node);
  const count = node.machine.kv.size();
  return {
    num_entries: count,
    total_operations: keys.puts + keys.deletes + keys.gets,
    last_applied_index: appliedIndex,
    puts: keys.puts,
    deletes: keys.deletes,
    gets: keys.gets,
    active_entries: count,
    deleted_entries: 0,
  };
}

function listHere({ node }: BridgeContext): unknown {
  raftStatus(node);
  const { records } = node.machine.kv.list(EVERYTHING, { limit: MAX_KEYS });
  return records.map((record) => ({
    key: shownText(record.key),
    value: shownText(record.value),
    version: record.version,
    create_revision: record.createRevision,
    mod_revision: record.modRevision,
    created_at: timeOf(record.createdAtMs),
    updated_at: timeOf(record.updatedAtMs),
  }));
}

/** Null for a key from before there were times. */
function timeOf(atMs: number): string | null {
  return isoTime(atMs === 0 ? null : atMs);
}

/** What the bridge does with the key-value store. */
export const KV_OPERATIONS: Readonly<Record<string, Operation>> = {
  pgraft_kv_put: put,
  pgraft_kv_get: get,
  pgraft_kv_delete: remove,
  pgraft_kv_exists: exists,
  pgraft_kv_list_keys: async ({ node }) => {
    const keys = await readAs(
      node,
      false,
      () => node.machine.kv.list(EVERYTHING, { limit: MAX_KEYS }).records,
    );
    return JSON.stringify(keys.map(({ key }) => shownText(key)));
  },
  pgraft_kv_get_stats: (context) => [stats(context)],
  pgraft_kv_status: (context) => {
    const counts = stats(context);
    const status = counts.num_entries === 0 ? "EMPTY" : "HEALTHY";
    return [{ ...counts, status }];
  },
  pgraft_kv_compact: ({ node }) => {
    raftStatus(node);
    node.raft.takeSnapshot();
    return true;
  },
  pgraft_kv_reset: async (context) => {
    await change(context, {
      type: "delete",
      ...EVERYTHING,
      returnPrevious: false,
    });
    return true;
  },
  kv_status: listHere,
  kv: listHere,
  endpoint_hashkv: ({ node }) => {
    raftStatus(node);
    const { kv } = node.machine;
    return [{
      endpoint: node.apiAddress,
      hash: kv.digest(),
      hash_revision: kv.revision(),
    }];
  },
  snapshot_status: ({ node }) => {
    raftStatus(node);
    const { kv } = node.machine;
    return [{
      hash: kv.digest(),
      revision: kv.revision(),
      total_key: kv.size(),
      total_size: kv.sizeBytes(),
      version: node.version,
    }];
  },
};
