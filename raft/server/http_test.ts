import { assert } from "@std/assert";
import { freePort, present } from "../../base/mod.ts";
import { createHttpTransport } from "../http/mod.ts";
import type { NodeId } from "../core/mod.ts";
import { createKvMachine } from "../machines/mod.ts";
import { createMemoryLogStore } from "../memory/mod.ts";
import { foundCluster } from "./found.ts";
import { has, put, type TestServer } from "./group_test_kit.ts";
import { createRaftServer } from "./server.ts";

const TIMEOUT_MS = 30_000;

function nodeAt(id: NodeId, port: number): TestServer {
  const machine = createKvMachine();
  const server = createRaftServer({
    id,
    cluster: {
      clusterId: "test",
      electionTimeoutMs: 300,
      heartbeatIntervalMs: 50,
    },
    stateMachine: machine,
    store: createMemoryLogStore(),
    transport: ({ clusterId, nodeId, incarnation }) =>
      createHttpTransport({
        clusterId,
        nodeId,
        incarnation,
        listen: { hostname: "127.0.0.1", port },
      }),
  });
  return { id, server, machine };
}

Deno.test("three nodes over HTTP elect a leader, replicate, and lose their leader", async () => {
  const ports = new Map([1, 2, 3].map((id) => [id, freePort()]));
  const nodes = [...ports].map(([id, port]) => nodeAt(id, port));
  const addresses = [...ports].map(([id, port]) =>
    [id, `127.0.0.1:${port}`] as const
  );
  try {
    const servers = nodes.map(({ id, server }) => [id, server] as const);
    await foundCluster(new Map(servers), new Map(addresses));
    const { server } = present(nodes[0], "node 1");
    await server.proposeOperation(put("before"), { timeoutMs: TIMEOUT_MS });
    const { leaderId } = server.status();
    const leader = present(nodes[leaderId - 1], `node ${leaderId}`);

    await leader.server.stop({ handOver: false });

    for (const node of nodes.filter(({ id }) => id !== leaderId)) {
      await assertGoesOn(node);
    }
  } finally {
    for (const { server } of nodes) await server.stop({ handOver: false });
  }
});

async function assertGoesOn(node: TestServer): Promise<void> {
  const key = `after${node.id}`;
  const options = { timeoutMs: TIMEOUT_MS };
  await node.server.proposeOperation(put(key), options);
  const seen = await node.server.read(
    () => has(node, "before") && has(node, key),
    options,
  );
  assert(seen, key);
}
