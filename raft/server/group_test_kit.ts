import { present } from "../../base/mod.ts";
import type { NodeId } from "../core/mod.ts";
import { RaftError } from "../errors.ts";
import { createFileLogStore } from "../file/mod.ts";
import {
  createKvMachine,
  decodeKvResult,
  encodeKvOperation,
  type KvMachine,
  textToByteString,
} from "../machines/mod.ts";
import {
  createMemoryLogStore,
  createMemoryNetwork,
  type MemoryNetwork,
} from "../memory/mod.ts";
import type { RaftLogStore, RaftOperation } from "../ports.ts";
import { foundCluster } from "./found.ts";
import { createRaftServer } from "./server.ts";
import type {
  Applied,
  ProposeOptions,
  RaftServer,
  RaftServerOptions,
} from "./types.ts";

/** How long a test waits for what must happen, before it fails. */
const DEADLINE_MS = 30_000;

/** A node with what it was made of. */
export interface TestServer {
  readonly id: NodeId;
  readonly server: RaftServer;
  readonly machine: KvMachine;
}

/** What a test's nodes share. */
export interface TestGroup {
  readonly network: MemoryNetwork;
  readonly nodes: Map<NodeId, TestServer>;
  readonly settings: GroupSettings;
}

/** How a test's nodes are made. */
export interface GroupSettings {
  readonly size: number;
  /** Makes a node's store; called again when the node is made again. */
  readonly storeOf: (id: NodeId) => RaftLogStore;
  readonly cluster?: Partial<RaftServerOptions["cluster"]>;
  readonly wrapMachine?: (
    machine: KvMachine,
    id: NodeId,
  ) => RaftServerOptions["stateMachine"];
  readonly options?: Partial<RaftServerOptions>;
}

/** Makes stores in memory that last as long as the test. */
export function memoryStores(): (id: NodeId) => RaftLogStore {
  const stores = new Map<NodeId, RaftLogStore>();
  return (id) => {
    const store = stores.get(id) ?? createMemoryLogStore();
    stores.set(id, store);
    return store;
  };
}

/** Makes stores in one directory each. */
export function fileStores(directory: string): (id: NodeId) => RaftLogStore {
  return (id) => createFileLogStore(`${directory}/${id}`);
}

/** Makes a node that has not started. */
export function makeNode(group: TestGroup, id: NodeId): TestServer {
  const { settings, network } = group;
  const machine = createKvMachine();
  const server = createRaftServer({
    id,
    cluster: {
      clusterId: "test",
      heartbeatIntervalMs: 20,
      electionTimeoutMs: 200,
      ...settings.cluster,
    },
    stateMachine: settings.wrapMachine?.(machine, id) ?? machine,
    store: settings.storeOf(id),
    transport: network.transport(id),
    ...settings.options,
  });
  const node = { id, server, machine };
  group.nodes.set(id, node);
  return node;
}

/** Runs a test with a group that is founded, and stopped afterwards. */
export async function withGroup(
  settings: GroupSettings,
  run: (group: TestGroup) => Promise<void>,
): Promise<void> {
  const network = createMemoryNetwork();
  const group: TestGroup = { network, nodes: new Map(), settings };
  for (let id = 1; id <= settings.size; id++) makeNode(group, id);
  try {
    await foundCluster(serversOf(group));
    await run(group);
  } finally {
    await stopAll(group);
  }
}

/** Runs a test in a directory that is removed afterwards. */
export async function inDirectory(
  run: (path: string) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "pgraft-test-" });
  try {
    await run(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** The servers by id. */
export function serversOf({ nodes }: TestGroup): Map<NodeId, RaftServer> {
  return new Map([...nodes].map(([id, { server }]) => [id, server]));
}

/** Stops every node, the followers like the leader: without a goodbye. */
export async function stopAll({ nodes }: TestGroup): Promise<void> {
  const servers = [...nodes.values()].map(({ server }) => server);
  await Promise.all(servers.map((server) => server.stop({ handOver: false })));
}

/** Makes a node anew on the store that it had, and starts it. */
export async function restart(
  group: TestGroup,
  id: NodeId,
): Promise<TestServer> {
  const node = makeNode(group, id);
  await node.server.start();
  return node;
}

/** The node with an id. */
export function nodeOf({ nodes }: TestGroup, id: NodeId): TestServer {
  return present(nodes.get(id), `node ${id}`);
}

/** Whether a node runs. */
export function runs({ server }: TestServer): boolean {
  try {
    return server.status().id > 0;
  } catch {
    return false;
  }
}

/** Waits until `look` finds something, looking again whenever one of the nodes changes. */
export async function until<T>(
  { nodes }: TestGroup,
  what: string,
  look: () => T | null | undefined | false,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const check = (): void => {
    const found = look();
    if (found !== null && found !== undefined && found !== false) {
      resolve(found);
    }
  };
  const all = [...nodes.values()];
  const ends = all.map(({ server }) => server.onChange(check));
  const timer = setTimeout(() => {
    const seen = all.map((node) =>
      runs(node) ? node.server.status().summary : `${node.id} is stopped`
    );
    reject(new Error(`Never came: ${what}; ${seen.join("; ")}`));
  }, DEADLINE_MS);
  try {
    check();
    return await promise;
  } finally {
    clearTimeout(timer);
    for (const end of ends) end();
  }
}

/** Waits for a leader that all of these nodes follow. */
export async function leaderOf(
  group: TestGroup,
  ids: readonly NodeId[] = [...group.nodes.keys()],
): Promise<TestServer> {
  return await until(group, `a leader of ${ids.join(", ")}`, () => {
    const states = ids.map((id) => nodeOf(group, id))
      .filter(runs).map(({ server }) => server.status());
    const leaderId = states[0]?.leaderId ?? 0;
    const agreed = states.every((state) => state.leaderId === leaderId);
    return agreed && ids.includes(leaderId) && nodeOf(group, leaderId);
  });
}

/** A node that follows. */
export async function followerOf(group: TestGroup): Promise<TestServer> {
  const leader = await leaderOf(group);
  const others = [...group.nodes.values()].filter((node) => node !== leader);
  return present(others[0], "a follower");
}

/** An operation that sets a key. */
export function put(key: string, value = "value"): RaftOperation {
  const data = encodeKvOperation({
    type: "put",
    key: textToByteString(key),
    value: textToByteString(value),
    returnPrevious: false,
  });
  return { kind: "custom", data };
}

/** Sets keys one after the other; each was acknowledged. */
export async function putAll(
  { server }: TestServer,
  keys: readonly string[],
  options: ProposeOptions = {},
): Promise<Applied[]> {
  const applied: Applied[] = [];
  for (const key of keys) {
    const done = await server.proposeOperation(put(key), options);
    if (decodeKvResult(done.result).type !== "put") {
      throw new Error(`Key ${key} was not put`);
    }
    applied.push(done);
  }
  return applied;
}

/** Names keys. */
export function keysOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}${at}`);
}

/** Whether a node's machine has a key now. */
export function has({ machine }: TestServer, key: string): boolean {
  return machine.get(textToByteString(key)) !== null;
}

/** Returns the error that a call ends with, which must be one of the library's. */
export async function raftError(work: Promise<unknown>): Promise<RaftError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RaftError) return error;
    throw error;
  }
  throw new Error("A RaftError was expected");
}
