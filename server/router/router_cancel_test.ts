import { assertEquals } from "@std/assert";
import { present } from "../../base/mod.ts";
import { openPhase, sealingPhase } from "./routes/routes_test_kit.ts";
import {
  ASK_TLS,
  cancelPacket,
  type FakeServer,
  message,
  openScene,
  type Scene,
  WELCOME_BYTES,
} from "./router_test_kit.ts";

function primaryOf({ servers }: Scene): FakeServer {
  return present(servers[0], "server 1");
}

const CANCEL_BYTES = 16;

Deno.test("a router carries a cancel request to the server of its session only", async () => {
  await using scene = await openScene();
  const client = await scene.login("read_only");
  await present(scene.servers[1], "server 2").session();
  await client.take(WELCOME_BYTES);
  const cancel = await scene.dial();
  await cancel.send(cancelPacket(1, 1001));
  const carried = await present(scene.servers[1], "server 2").next();
  assertEquals(await carried.take(CANCEL_BYTES), cancelPacket(1, 1001));
  carried[Symbol.dispose]();
  assertEquals(await cancel.rest(), "");
  assertEquals(primaryOf(scene).count(), 0);
});

Deno.test("a router carries a cancel request that it can't place to all servers with sessions", async () => {
  await using scene = await openScene();
  // A session behind TLS: its key can't be seen.
  const hidden = await scene.dial();
  await hidden.send(ASK_TLS);
  const primary = await primaryOf(scene).next();
  await primary.take(ASK_TLS.length);
  await primary.send("S");
  await hidden.take(1);
  const reader = await scene.login("read_only");
  await present(scene.servers[1], "server 2").session();
  await reader.take(WELCOME_BYTES);
  const cancel = await scene.dial();
  await cancel.send(cancelPacket(77, 78));
  for (const server of scene.servers.slice(0, 2)) {
    const carried = await server.next();
    assertEquals(await carried.take(CANCEL_BYTES), cancelPacket(77, 78));
    carried[Symbol.dispose]();
  }
  assertEquals(await cancel.rest(), "");
  assertEquals(scene.servers[2]?.count(), 0);
});

Deno.test("a router carries a cancel request whose sender has left", async () => {
  await using scene = await openScene();
  const client = await scene.login();
  await primaryOf(scene).session();
  await client.take(WELCOME_BYTES);
  const cancel = await scene.dial();
  await cancel.send(cancelPacket(1, 1001));
  cancel[Symbol.dispose]();
  const carried = await primaryOf(scene).next();
  assertEquals(await carried.take(CANCEL_BYTES), cancelPacket(1, 1001));
});

/** A session whose statement waits for standbys, and a cancel request that is held for it. */
async function hold(scene: Scene): Promise<{
  server: Awaited<ReturnType<FakeServer["session"]>>;
  client: Awaited<ReturnType<Scene["login"]>>;
  cancel: Awaited<ReturnType<Scene["dial"]>>;
}> {
  const client = await scene.login();
  const server = await primaryOf(scene).session();
  await client.take(WELCOME_BYTES);
  scene.know({ waits: true });
  const cancel = await scene.dial();
  await cancel.send(cancelPacket(1, 1001));
  await scene.until(({ cancels }) => cancels === 1);
  return { client, server, cancel };
}

Deno.test("a router holds a cancel request while the commit waits, and drops it when the statement is over", async () => {
  await using scene = await openScene();
  const { server, client, cancel } = await hold(scene);
  await server.send(message("Z", "I"));
  await client.take(6);
  scene.know({ waits: false });
  assertEquals(await cancel.rest(), "");
  assertEquals(primaryOf(scene).count(), 1);
  const { heldCancels } = await scene.router.stats();
  assertEquals(heldCancels, 1);
});

Deno.test("a router carries a held cancel request on where the statement goes on after the wait", async () => {
  await using scene = await openScene();
  await hold(scene);
  scene.know({ waits: false });
  const carried = await primaryOf(scene).next();
  assertEquals(await carried.take(CANCEL_BYTES), cancelPacket(1, 1001));
});

Deno.test("a router drops a held cancel request when the reign is over", async () => {
  await using scene = await openScene();
  const { cancel, client } = await hold(scene);
  scene.know({ phase: sealingPhase(2) });
  assertEquals(await cancel.rest(), "");
  assertEquals(await client.rest(), "");
  scene.know({ phase: openPhase(1), waits: false });
  await scene.until(({ cancels }) => cancels === 0);
  assertEquals(primaryOf(scene).count(), 1);
});
