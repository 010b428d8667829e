import { createFileLogStore } from "../../raft/file/mod.ts";
import { createKvMachine, type KvMachine } from "../../raft/machines/mod.ts";
import {
  createMemoryLogStore,
  createMemoryNetwork,
  createRaftServer,
  foundCluster,
  type MemoryNetwork,
  type NodeId,
  type RaftLogStore,
  type RaftServer,
} from "../../raft/mod.ts";

const IDS: readonly NodeId[] = [1, 2, 3];
const DEADLINE_MS = 10_000;

/** One node, and the machine that it drives. */
export interface DemoNode {
  readonly id: NodeId;
  readonly server: RaftServer;
  readonly machine: KvMachine;
}

/** Three nodes and what they share. */
export interface Demo {
  readonly network: MemoryNetwork;
  readonly nodes: Map<NodeId, DemoNode>;
  readonly storeOf: (id: NodeId) => RaftLogStore;
}

/** Writes a line for the reader. */
export function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Makes three nodes, and founds their group or starts it again. */
export async function startDemo(directory: string | null): Promise<Demo> {
  const demo: Demo = {
    network: createMemoryNetwork(),
    nodes: new Map(),
    storeOf: directory === null
      ? storesInMemory()
      : (id) => createFileLogStore(`${directory}/node${id}`),
  };
  for (const id of IDS) makeNode(demo, id);
  const servers = [...demo.nodes].map(([id, { server }]) =>
    [id, server] as const
  );
  await foundCluster(new Map(servers));
  return demo;
}

function storesInMemory(): (id: NodeId) => RaftLogStore {
  const stores = new Map(IDS.map((id) => [id, createMemoryLogStore()]));
  return (id) => stores.get(id) ?? createMemoryLogStore();
}

function makeNode(demo: Demo, id: NodeId): DemoNode {
  const machine = createKvMachine();
  const server = createRaftServer({
    id,
    cluster: { clusterId: "demo", snapshotDistance: 100 },
    stateMachine: machine,
    store: demo.storeOf(id),
    transport: demo.network.transport(id),
  });
  const node = { id, server, machine };
  demo.nodes.set(id, node);
  return node;
}

/** Ends a node as a crash does: nobody is told. */
export async function kill({ server }: DemoNode): Promise<void> {
  await server.stop({ handOver: false });
}

/** Starts a node again: an empty machine, and the log that it had. */
export async function restart(demo: Demo, id: NodeId): Promise<DemoNode> {
  const node = makeNode(demo, id);
  await node.server.start();
  return node;
}

/** Stops all nodes. */
export async function stopAll({ nodes }: Demo): Promise<void> {
  await Promise.all([...nodes.values()].map(kill));
}

/** Some of the nodes. */
export function pick({ nodes }: Demo, ids: readonly NodeId[]): DemoNode[] {
  return [...nodes.values()].filter(({ id }) => ids.includes(id));
}

/** All nodes but one. */
export function idsBut({ nodes }: Demo, id: NodeId): NodeId[] {
  return [...nodes.keys()].filter((other) => other !== id);
}

/** Waits until these nodes follow the same one of them. */
export async function leaderAmong(
  demo: Demo,
  ids: readonly NodeId[] = IDS,
): Promise<DemoNode> {
  const nodes = pick(demo, ids);
  const leader = (): DemoNode | undefined => {
    const named = nodes.map(({ server }) => server.status().leaderId);
    const agreed = named.every((id) => id === named[0]);
    return agreed ? nodes.find(({ id }) => id === named[0]) : undefined;
  };
  await until(nodes, () => leader() !== undefined);
  const found = leader();
  if (!found) throw new Error("The leader was lost again");
  return found;
}

/** Waits for something that changes with the state of these nodes. */
export async function until(
  nodes: readonly DemoNode[],
  holds: () => boolean,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => {
    if (holds()) resolve();
  };
  const ends = nodes.map(({ server }) => server.onChange(look));
  const timer = setTimeout(
    () => reject(new Error("What the demo waits for did not come")),
    DEADLINE_MS,
  );
  look();
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    for (const end of ends) end();
  }
}
