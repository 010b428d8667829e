import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { sealingPhase } from "./routes/routes_test_kit.ts";
import {
  ASK_TLS,
  cancelPacket,
  echo,
  message,
  openScene,
  type Scene,
  serverOf,
  stand,
  type Wire,
} from "./router_test_kit.ts";

const THREADS = 3;
const CANCEL_BYTES = 16;

type Session = Awaited<ReturnType<typeof stand>>;

/** Fills a router with sessions until all of its threads have some of them, and as many as the others. */
async function crowd(
  scene: Scene,
  id = 1,
  door: "read_write" | "read_only" = "read_write",
): Promise<Session[]> {
  const sessions: Session[] = [];
  const add = async (count: number): Promise<void> => {
    while (sessions.length < count) {
      sessions.push(await stand(scene, id, door));
    }
  };
  await add(5);
  await scene.until(({ threads }) => threads.length === 2);
  await add(10);
  await scene.until(({ threads }) => threads.length === THREADS);
  await add(15);
  const { threads } = await scene.router.stats();
  assertEquals(threads, [5, 5, 5]);
  return sessions;
}

Deno.test("a router gets threads as clients come, and each serves as many of them", async () => {
  await using scene = await openScene({ threads: THREADS });
  const sessions = await crowd(scene);
  for (const { client, server } of sessions) {
    await echo(client, server, "to the server");
    await echo(server, client, "to the client");
  }
  const stats = await scene.router.stats();
  assertEquals(stats.sessions, [
    { door: "read_write", member: 1, epoch: 1, count: 15 },
  ]);
  assertEquals(stats.accepted, 15);
  assert(stats.bytesFromClients >= 15 * "to the server".length);
});

Deno.test("a router with one thread stays with it", async () => {
  await using scene = await openScene({ threads: 1 });
  for (let left = 12; left > 0; left--) await stand(scene);
  assertEquals((await scene.router.stats()).threads, [12]);
});

Deno.test("a router's threads end all sessions of an epoch when the attempt on the next is applied", async () => {
  await using scene = await openScene({ threads: THREADS });
  const sessions = await crowd(scene);
  scene.know({ phase: sealingPhase(2) });
  for (const { client, server } of sessions) {
    assertEquals(await client.rest(), "");
    assertEquals(await server.rest(), "");
  }
  const { ended, threads } = await scene.router.stats();
  assertEquals([ended.epoch_over, threads], [15, [0, 0, 0]]);
});

Deno.test("a router's threads keep its limits together, and give back what is free again", async () => {
  await using scene = await openScene({
    threads: THREADS,
    maxConnections: 16,
    maxWaiting: 2,
  });
  const sessions = await crowd(scene);
  for (const { client, server } of sessions.slice(3)) {
    client[Symbol.dispose]();
    await server.rest();
    server[Symbol.dispose]();
  }
  await scene.until(({ threads }) => threads.every((count) => count <= 3));
  for (let left = 13; left > 0; left--) await stand(scene);
  assertStringIncludes(await (await scene.login()).rest(), "53300");
  scene.know({ phase: sealingPhase(2) });
  await scene.until(({ threads }) => threads.every((count) => count === 0));
  await scene.login();
  await scene.login();
  await scene.until(({ waiting }) => waiting === 2);
  assertStringIncludes(await (await scene.login()).rest(), "53300");
  const { refused } = await scene.router.stats();
  assertEquals([refused.waiting_full, refused.too_many], [1, 1]);
});

Deno.test("a router's threads lead readers to standbys in turn, all together", async () => {
  await using scene = await openScene({ threads: THREADS });
  const sessions = await crowd(scene);
  for (let left = 5; left > 0; left--) {
    sessions.push(await stand(scene, 2, "read_only"));
    sessions.push(await stand(scene, 3, "read_only"));
  }
  const { sessions: counts } = await scene.router.stats();
  assertEquals(
    counts.filter(({ epoch }) => epoch === 0).map(({ count }) => count),
    [5, 5],
  );
});

Deno.test("a cancel request reaches its session in whatever thread that is", async () => {
  await using scene = await openScene({ threads: THREADS });
  const sessions = await crowd(scene);
  const reader = await stand(scene, 2, "read_only");
  for (const at of sessions.keys()) {
    const packet = cancelPacket(at + 1, 1001 + at);
    const cancel = await scene.dial();
    await cancel.send(packet);
    const carried = await serverOf(scene, 1).next();
    assertEquals(await carried.take(CANCEL_BYTES), packet);
    carried[Symbol.dispose]();
    assertEquals(await cancel.rest(), "");
  }
  await echo(reader.client, reader.server, "unhurt");
  assertEquals(serverOf(scene, 1).count(), 2 * sessions.length);
  assertEquals(serverOf(scene, 2).count(), 1);
  await scene.until(({ cancels }) => cancels === 0);
});

Deno.test("a cancel request that no thread can place goes once to every server with sessions", async () => {
  await using scene = await openScene({ threads: THREADS });
  // Sessions behind TLS in all threads: their keys can't be seen.
  await crowd(scene);
  for (let left = THREADS; left > 0; left--) {
    const hidden = await scene.dial("read_only");
    await hidden.send(ASK_TLS);
    const server = await serverOf(scene, left % 2 === 1 ? 2 : 3).next();
    await server.take(ASK_TLS.length);
    await server.send("S");
    await hidden.take(1);
  }
  const before = scene.servers.map((server) => server.count());
  const cancel = await scene.dial();
  await cancel.send(cancelPacket(77, 78));
  for (const server of scene.servers) {
    const carried = await server.next();
    assertEquals(await carried.take(CANCEL_BYTES), cancelPacket(77, 78));
    carried[Symbol.dispose]();
  }
  assertEquals(await cancel.rest(), "");
  assertEquals(
    scene.servers.map((server) => server.count()),
    before.map((count) => count + 1),
  );
});

/** Sends a cancel request for each session, all of which wait for standbys. */
async function holdCancels(scene: Scene, count: number): Promise<Wire[]> {
  scene.know({ waits: true });
  const wires: Wire[] = [];
  for (let at = 0; at < count; at++) {
    const wire = await scene.dial();
    await wire.send(cancelPacket(at + 1, 1001 + at));
    wires.push(wire);
  }
  await scene.until(({ cancels }) => cancels === count);
  return wires;
}

Deno.test("a cancel request of another thread is held while the commit waits, and dropped when the statement is over", async () => {
  await using scene = await openScene({ threads: THREADS });
  const sessions = await crowd(scene);
  const cancels = await holdCancels(scene, sessions.length);
  for (const [at, { server, client }] of sessions.entries()) {
    // The first one's statement goes on after the wait.
    if (at === 0) continue;
    await server.send(message("Z", "I"));
    await client.take(6);
  }
  scene.know({ waits: false });
  const carried = await serverOf(scene, 1).next();
  assertEquals(await carried.take(CANCEL_BYTES), cancelPacket(1, 1001));
  carried[Symbol.dispose]();
  for (const cancel of cancels) assertEquals(await cancel.rest(), "");
  assertEquals(serverOf(scene, 1).count(), sessions.length + 1);
  assertEquals((await scene.router.stats()).heldCancels, sessions.length);
});

Deno.test("a cancel request of another thread is dropped when the reign is over", async () => {
  await using scene = await openScene({ threads: THREADS });
  const sessions = await crowd(scene);
  const cancels = await holdCancels(scene, sessions.length);
  scene.know({ phase: sealingPhase(2) });
  for (const cancel of cancels) assertEquals(await cancel.rest(), "");
  assertEquals(serverOf(scene, 1).count(), sessions.length);
});

Deno.test("a router's threads drain and resume together", async () => {
  await using scene = await openScene({ threads: THREADS });
  const [session] = await crowd(scene);
  await scene.router.setDrained(true);
  const isRefused = await scene.dial().then(() => false, () => true);
  assert(isRefused);
  if (session) await echo(session.client, session.server, "still here");
  await scene.router.setDrained(false);
  for (let left = THREADS; left > 0; left--) await stand(scene);
});

Deno.test("a router's threads keep nothing of many short sessions", async () => {
  await using scene = await openScene({ threads: THREADS });
  const countFiles = (): number =>
    [...Deno.readDirSync("/proc/self/fd")].length;
  await crowd(scene);
  const before = countFiles();
  for (let left = 300; left > 0; left--) {
    const { client, server } = await stand(scene);
    const [first, second] = left % 2 === 0
      ? [client, server]
      : [server, client];
    first[Symbol.dispose]();
    await second.rest();
    second[Symbol.dispose]();
  }
  await scene.until(({ threads }) =>
    threads.reduce((sum, count) => sum + count) === 15
  );
  assert(countFiles() <= before + 2, `${before} files, then ${countFiles()}`);
});
