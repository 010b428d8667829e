import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  openPhase,
  primaryTells,
  sealingPhase,
  seenOf,
  standbyTells,
} from "./routes/routes_test_kit.ts";
import {
  ASK_TLS,
  echo,
  message,
  openScene,
  serverOf,
  stand,
  startupPacket,
  WELCOME_BYTES,
} from "./router_test_kit.ts";

const NEXT_REIGN = {
  phase: openPhase(2),
  grant: { winner: 2, epoch: 2 },
  seen: seenOf([2, primaryTells(2, 2)], [3, standbyTells(3, 2)]),
};

Deno.test("a router leads writers to the primary and passes on what they say", async () => {
  await using scene = await openScene();
  const { client, server } = await stand(scene);
  await echo(client, server, "to the server");
  await echo(server, client, "to the client");
  const { sessions } = await scene.router.stats();
  assertEquals(sessions, [
    { door: "read_write", member: 1, epoch: 1, count: 1 },
  ]);
});

Deno.test("a router lets writers wait for a primary, and leads them when it opens", async () => {
  await using scene = await openScene({}, { phase: sealingPhase(2) });
  const clients = [await scene.login(), await scene.login()];
  await scene.until(({ waiting }) => waiting === 2);
  scene.know(NEXT_REIGN);
  for (const client of clients) {
    await serverOf(scene, 2).session();
    await client.take(WELCOME_BYTES);
  }
  const { waiting, longestWaitEverMs } = await scene.router.stats();
  assertEquals(waiting, 0);
  assert(longestWaitEverMs > 0);
});

Deno.test("a router turns a writer away that has waited long enough, and says why", async () => {
  await using scene = await openScene(
    { waitTimeoutMs: 200 },
    { phase: sealingPhase(2) },
  );
  const text = await (await scene.login()).rest();
  assertStringIncludes(text, "57P03");
  assertStringIncludes(text, "epoch 2 begins");
  const { refused } = await scene.router.stats();
  assertEquals(refused.wait_timeout, 1);
});

Deno.test("a router tells a client that asked for TLS in clear why it is turned away", async () => {
  await using scene = await openScene(
    { waitTimeoutMs: 100 },
    { phase: sealingPhase(2) },
  );
  const client = await scene.dial();
  await client.send(ASK_TLS);
  assertEquals(await client.take(1), Uint8Array.of("N".charCodeAt(0)));
  await client.send(startupPacket());
  assertStringIncludes(await client.rest(), "57P03");
});

Deno.test("a router turns clients away beyond its limits", async () => {
  await using scene = await openScene({ maxWaiting: 1, maxConnections: 2 }, {
    phase: sealingPhase(2),
  });
  await scene.login();
  await scene.until(({ waiting }) => waiting === 1);
  assertStringIncludes(await (await scene.login()).rest(), "53300");
  scene.know(NEXT_REIGN);
  await serverOf(scene, 2).session();
  const second = await scene.login();
  await serverOf(scene, 2).session();
  assertStringIncludes(await (await scene.login()).rest(), "53300");
  const { refused } = await scene.router.stats();
  assertEquals([refused.waiting_full, refused.too_many], [1, 1]);
  second[Symbol.dispose]();
  await scene.until(({ sessions }) =>
    sessions.every(({ count }) => count === 1)
  );
  await stand(scene, 2);
});

Deno.test("a router ends sessions of an epoch when it applies the attempt on the next", async () => {
  await using scene = await openScene();
  const writer = await stand(scene);
  const reader = await stand(scene, 2, "read_only");
  scene.know({ phase: sealingPhase(2) });
  assertEquals(await writer.client.rest(), "");
  assertEquals(await writer.server.rest(), "");
  await echo(reader.client, reader.server, "still here");
  const { ended } = await scene.router.stats();
  assertEquals(ended.epoch_over, 1);
});

Deno.test("a router ends readers of the standby that takes over", async () => {
  await using scene = await openScene();
  const [second, third] = [
    await stand(scene, 2, "read_only"),
    await stand(scene, 3, "read_only"),
  ];
  scene.know({ ...NEXT_REIGN, phase: { kind: "granted", epoch: 2 } });
  assertEquals(await second.client.rest(), "");
  await echo(third.client, third.server, "still here");
});

Deno.test("a router that has lost the quorum lets new writers wait and old sessions be", async () => {
  await using scene = await openScene();
  const old = await stand(scene);
  scene.know({ hasContact: false });
  await scene.until(({ isTrusted }) => !isTrusted);
  const client = await scene.login();
  await scene.until(({ waiting }) => waiting === 1);
  await stand(scene, 2, "read_only");
  await echo(old.client, old.server, "still here");
  scene.know({ hasContact: true });
  await serverOf(scene, 1).session();
  await client.take(WELCOME_BYTES);
});

Deno.test("a router asks for the state to be confirmed while writers come, and only then", async () => {
  await using scene = await openScene();
  await stand(scene, 2, "read_only");
  assertEquals(scene.confirms(), 0);
  const count = 20;
  for (let left = count; left > 0; left--) await stand(scene);
  assert(scene.confirms() >= 1);
  assert(scene.confirms() <= count);
});

Deno.test("a router leads readers to standbys in turn, and past one that can't be reached", async () => {
  await using scene = await openScene();
  await stand(scene, 2, "read_only");
  await stand(scene, 3, "read_only");
  serverOf(scene, 2)[Symbol.dispose]();
  await stand(scene, 3, "read_only");
  await stand(scene, 3, "read_only");
  serverOf(scene, 3)[Symbol.dispose]();
  await stand(scene, 1, "read_only");
});

Deno.test("a router lets readers wait where they must not go to the primary", async () => {
  await using scene = await openScene({
    readOnlyFallback: false,
    waitTimeoutMs: 200,
  }, { seen: seenOf([1, primaryTells(1, 1)]) });
  const text = await (await scene.login("read_only")).rest();
  assertStringIncludes(text, "57P03");
  assertEquals(serverOf(scene, 1).count(), 0);
});

Deno.test("a router tries a primary that can't be reached until the client has waited enough", async () => {
  await using scene = await openScene({ waitTimeoutMs: 400 });
  serverOf(scene, 1)[Symbol.dispose]();
  const text = await (await scene.login()).rest();
  assertStringIncludes(text, "08006");
  assertStringIncludes(text, "node 1 can't be reached");
});

Deno.test("a router closes bad clients by their deadlines, and others are unhurt", async () => {
  await using scene = await openScene({
    startupTimeoutMs: 300,
    stallTimeoutMs: 300,
  });
  const good = await stand(scene);
  const [silent, half, strange, deaf] = [
    await scene.dial(),
    await scene.dial(),
    await scene.dial(),
    await stand(scene),
  ];
  await half.send(startupPacket().subarray(0, 10));
  await strange.send("GET / HTTP/1.1\r\n\r\n");
  // It never reads: what is for it fills all buffers, and holds its server back.
  const flood = deaf.server.send(new Uint8Array(64 << 20)).then(
    () => "taken",
    () => "cut",
  );
  assertEquals(await silent.rest(), "");
  assertStringIncludes(await half.rest(), "08P01");
  assertStringIncludes(await strange.rest(), "08P01");
  assertEquals(await flood, "cut");
  await echo(good.client, good.server, "unhurt");
  const { refused, ended } = await scene.router.stats();
  assertEquals(
    [refused.startup_timeout, refused.bad_startup, ended.stalled],
    [2, 1, 1],
  );
});

Deno.test("a router passes on that one side writes no more", async () => {
  await using scene = await openScene();
  const { client, server } = await stand(scene);
  await client.conn.closeWrite();
  assertEquals(await server.rest(), "");
  await echo(server, client, "an answer all the same");
  await server.conn.closeWrite();
  assertEquals(await client.rest(), "");
  await scene.until(({ sessions }) => sessions.length === 0);
});

Deno.test("a router holds a fast side back and loses no byte", async () => {
  await using scene = await openScene();
  const { client, server } = await stand(scene);
  const bytes = new Uint8Array(16 << 20);
  for (let at = 0; at < bytes.length; at += 4) {
    bytes[at] = at >>> 16;
    bytes[at + 1] = at >>> 8;
  }
  for (const [from, to] of [[client, server], [server, client]] as const) {
    const chunk = new Uint8Array(1 << 20);
    const sending = from.send(bytes);
    const got = new Uint8Array(bytes.length);
    for (let at = 0; at < bytes.length;) {
      const count = await to.conn.read(chunk) ?? 0;
      assert(count > 0);
      got.set(chunk.subarray(0, count), at);
      at += count;
    }
    await sending;
    assertEquals(asText(got), asText(bytes));
  }
});

/** Compared as one string: millions of numbers would take long. */
function asText(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

Deno.test("a router takes the client's address from a balancer, and nobody without one", async () => {
  await using scene = await openScene({ proxyProtocol: true });
  const client = await scene.dial();
  const signature = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];
  const address = [10, 1, 2, 3, 10, 9, 9, 9, 0x1f, 0x90, 0x1d, 8];
  await client.send(Uint8Array.of(...signature, 0x21, 0x11, 0, 12, ...address));
  await client.send(startupPacket());
  await serverOf(scene, 1).session();
  await client.take(WELCOME_BYTES);
  assertStringIncludes(await (await scene.login()).rest(), "PROXY");
});

Deno.test("a router goes on in clear where the server does not encrypt, and blindly where it does", async () => {
  await using scene = await openScene();
  const [clear, blind] = [await scene.dial(), await scene.dial()];
  const warning = message("N", "RSyncRepWaitForLSN\0\0");
  await clear.send(ASK_TLS);
  const plain = await serverOf(scene, 1).next();
  await plain.take(ASK_TLS.length);
  await plain.send("N");
  await clear.take(1);
  await clear.send(startupPacket());
  await plain.take(startupPacket().length);
  await plain.send(message("Z", "I"));
  await clear.take(6);
  await plain.send(warning);
  assertEquals(await clear.rest(), "");
  await blind.send(ASK_TLS);
  const server = await serverOf(scene, 1).next();
  await server.take(ASK_TLS.length);
  await server.send("S");
  await blind.take(1);
  await server.send(warning);
  assertEquals(await blind.take(warning.length), warning);
});

Deno.test("a router makes a lost connection of a success that nobody else holds", async () => {
  await using scene = await openScene();
  const { client, server } = await stand(scene);
  await server.send(Uint8Array.of(
    ...message("D", "a row"),
    ...message("N", "SWARNING\0RSyncRepWaitForLSN\0\0"),
    ...message("C", "COMMIT\0"),
    ...message("Z", "I"),
  ));
  assertEquals(
    await client.rest(),
    new TextDecoder().decode(message("D", "a row")),
  );
  const { ended } = await scene.router.stats();
  assertEquals(ended.cancelled_wait, 1);
});

Deno.test("a router that is drained takes nobody new, and resumes", async () => {
  await using scene = await openScene();
  const old = await stand(scene);
  const { isDrained } = await scene.router.setDrained(true);
  assertEquals(isDrained, true);
  await assertRejects(() => scene.dial(), Deno.errors.ConnectionRefused);
  await echo(old.client, old.server, "still here");
  await scene.router.setDrained(false);
  await stand(scene);
});

Deno.test("a router ends sessions in which nothing is said, where that is wanted", async () => {
  await using scene = await openScene({ idleTimeoutMs: 300 });
  const { client } = await stand(scene);
  assertEquals(await client.rest(), "");
  const { ended } = await scene.router.stats();
  assertEquals(ended.idle, 1);
});

Deno.test("a router says that its port is taken", async () => {
  await using scene = await openScene();
  const port = scene.router.doors.read_write ?? 0;
  await assertRejects(
    () => openScene({ readWrite: { host: "127.0.0.1", port } }),
    Error,
    "is taken by another process",
  );
});

Deno.test("a router keeps nothing of many short sessions", async () => {
  await using scene = await openScene();
  const countFiles = (): number =>
    [...Deno.readDirSync("/proc/self/fd")].length;
  const round = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left--) {
      const { client, server } = await stand(scene);
      (left % 2 === 0 ? client : server)[Symbol.dispose]();
      await (left % 2 === 0 ? server : client).rest();
      client[Symbol.dispose]();
      server[Symbol.dispose]();
    }
    await scene.until(({ sessions, opening, waiting }) =>
      sessions.length + opening + waiting === 0
    );
  };
  await round(20);
  const before = countFiles();
  await round(500);
  assert(countFiles() <= before + 2, `${before} files, then ${countFiles()}`);
});
