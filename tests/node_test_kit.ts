import { assert, assertEquals } from "@std/assert";
import { type Answer, type ClusterNode, until } from "./nodes/mod.ts";

/** What tests read of a node's `GET /v1/status`. */
export interface Status {
  readonly state: string;
  readonly waiting_for: string | null;
  readonly disk_full: boolean;
  readonly raft: {
    readonly term: number;
    readonly leader_id: number;
    readonly first_index: number;
    readonly last_index: number;
    readonly applied_index: number;
    readonly snapshot_index: number;
  } | null;
}

/** What tests read of a member in `GET /v1/nodes`. */
export interface MemberView {
  readonly id: number;
  readonly incarnation: number;
  readonly role: string;
  readonly name: string;
  readonly leader: boolean;
}

/** The value of an answer that must be a success. */
export function valueOf<T>(answer: Answer<T>): T {
  if (answer.kind === "ok") return answer.value;
  throw new Error(`${answer.status} ${answer.code}: ${answer.detail}`);
}

/** Reads a node's status. */
export async function statusOf({ client }: ClusterNode): Promise<Status> {
  return valueOf(await client.request("GET", "/v1/status")) as Status;
}

/** Reads the members as a node knows them. */
export async function membersOf(
  { client }: ClusterNode,
): Promise<MemberView[]> {
  const answer = valueOf(await client.request("GET", "/v1/nodes"));
  return (answer as { nodes: MemberView[] }).nodes;
}

/** Why a node says that it is not ready. */
export async function unreadyReason({ client }: ClusterNode): Promise<string> {
  const answer = await client.request("GET", "/readyz");
  assert(answer.kind !== "ok", "the node says that it is ready");
  assertEquals(answer.status, 503);
  return JSON.parse(answer.detail).reason;
}

/** Waits for text in what a node has written since it was last started. */
export async function untilWritten(
  node: ClusterNode,
  pattern: RegExp,
): Promise<void> {
  const what = `node ${node.id} writes ${pattern}`;
  await until(() => pattern.test(node.process().output()) || null, { what });
}

/** Writes until a write is acknowledged. */
export async function untilWritable(node: ClusterNode): Promise<void> {
  await until(
    async () => (await node.client.put("probe", "1")).kind === "ok" || null,
    { what: `a put through node ${node.id} is acknowledged` },
  );
}

/** All entries of the log as a node's own copy has them. */
export async function logOf({ client }: ClusterNode): Promise<string[]> {
  const entries: string[] = [];
  while (true) {
    const path = `/v1/log?stale=true&limit=1000&from=${entries.length + 1}`;
    const page = valueOf(await client.request("GET", path)) as {
      entries: { data: string }[];
    };
    if (page.entries.length === 0) return entries;
    entries.push(...page.entries.map(({ data }) => data));
  }
}

/** Tells whether there is something at a path. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
