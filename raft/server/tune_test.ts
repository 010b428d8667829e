import { assertEquals, assertThrows } from "@std/assert";
import { createCounterMachine } from "../machines/mod.ts";
import { createMemoryLogStore, createMemoryNetwork } from "../memory/mod.ts";
import { RaftError } from "../errors.ts";
import { createRaftServer } from "./server.ts";

Deno.test("tune() takes times that fit together, and refuses others without a change", async () => {
  const server = createRaftServer({
    id: 1,
    cluster: {
      clusterId: "tune",
      electionTimeoutMs: 200,
      heartbeatIntervalMs: 50,
    },
    stateMachine: createCounterMachine(),
    store: createMemoryLogStore(),
    transport: createMemoryNetwork().transport(1),
  });
  assertThrows(() => server.tune({ heartbeatIntervalMs: 10 }), RaftError);
  const { identity } = await server.initialize();
  await server.bootstrap([{
    id: 1,
    incarnation: identity.incarnation,
    address: "",
  }]);
  await server.start();
  try {
    await server.read(() => {});
    server.tune({ heartbeatIntervalMs: 20, electionTimeoutMs: 300 });
    for (
      const wrong of [
        { heartbeatIntervalMs: 200 },
        { heartbeatIntervalMs: 0 },
        { snapshotDistance: -1 },
        { maxAppendEntries: 0 },
      ]
    ) assertThrows(() => server.tune(wrong), RaftError);
    // What was refused has left everything as it was: this fits the times of before only.
    server.tune({ heartbeatIntervalMs: 150, maxAppendEntries: 1 });
    await server.read(() => {});
    assertEquals(server.status().role, "leader");
  } finally {
    await server.stop();
  }
});
