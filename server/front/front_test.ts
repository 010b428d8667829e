import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { systemClock } from "../../base/mod.ts";
import { openFront } from "./front.ts";
import {
  connect,
  createEndless,
  HOST,
  readAll,
  textOf,
  until,
  withFront,
  write,
} from "./front_test_kit.ts";
import { FRONT_LIMITS } from "./limits.ts";

const hello = (): Response => new Response("hello");

Deno.test("a front passes requests on, and says where they come from", () =>
  withFront(
    {},
    (_request, { remoteAddr }) =>
      new Response(`${remoteAddr.hostname} ${remoteAddr.port}`),
    async (front) => {
      using conn = await connect(front);
      const { localAddr } = conn;
      await write(conn, "GET / HTTP/1.0\r\n\r\n");
      assert(localAddr.transport === "tcp");
      assertMatch(
        await readAll(conn),
        new RegExp(`${HOST} ${localAddr.port}$`),
      );
    },
  ));

Deno.test("a header that comes byte by byte is cut, and meanwhile others are served", () =>
  withFront({ firstRequestMs: 150 }, hello, async (front, url, client) => {
    using conn = await connect(front);
    let isOver = false;
    const dripping = (async () => {
      await write(conn, "GET / HTTP/1.1\r\nx-drip: ");
      while (!isOver) {
        await write(conn, "a").catch(() => {});
        assertEquals(await textOf(url, client), "hello");
      }
    })();
    assertEquals(await readAll(conn), "");
    isOver = true;
    await dripping;
    assertEquals(front.stats().cuts.no_request, 1);
  }));

Deno.test("a connection that brings no second request is let go, one with an answer under way is not", () => {
  const held = Promise.withResolvers<Response>();
  return withFront(
    { idleMs: 100 },
    (request) => request.url.endsWith("/held") ? held.promise : hello(),
    async (front, url, client) => {
      const answer = textOf(`${url}held`, client);
      using conn = await connect(front);
      await write(conn, "GET / HTTP/1.1\r\nhost: a\r\n\r\nGET");
      assertMatch(await readAll(conn), /hello$/);
      assertEquals(front.stats().cuts.idle, 1);
      held.resolve(new Response("late"));
      assertEquals(await answer, "late");
    },
  );
});

Deno.test("who never reads is cut, and no more waits for him than sockets hold", () => {
  const { answer, sentBytes, isCancelled } = createEndless();
  return withFront({ stallMs: 200 }, answer, async (front) => {
    using conn = await connect(front);
    await write(conn, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await until("the stream is cancelled", isCancelled);
    assertEquals(front.stats().cuts.stalled, 1);
    // Three sockets of some MB each, and what is under way between them.
    assert(sentBytes() < 64 << 20, `${sentBytes()} bytes were taken`);
  });
});

Deno.test("a crowd that asks nothing keeps nobody out", () =>
  withFront({ maxConnections: 8 }, hello, async (front, url) => {
    const crowd: Deno.Conn[] = [];
    try {
      for (let n = 0; n < 40; n++) crowd.push(await connect(front));
      using client = Deno.createHttpClient({});
      assertEquals(await textOf(url, client), "hello");
      assert(front.stats().connections <= 8);
      assert(front.stats().cuts.displaced >= 32);
    } finally {
      for (const conn of crowd) conn.close();
    }
  }));

Deno.test("the inner server answers nobody who goes around the front", () =>
  withFront({}, hello, async (_front, url, client) => {
    let seen = 0;
    for await (const port of listeningPorts()) {
      if (url === `http://${HOST}:${port}/`) continue;
      seen += 1;
      const response = await fetch(`http://${HOST}:${port}/`, { client });
      assertEquals([response.status, await response.text()], [403, ""]);
    }
    assertEquals(seen, 1);
  }));

/** The ports of loopback at which this very process listens. */
async function* listeningPorts(): AsyncGenerator<number> {
  const own = new Set<string>();
  for await (const { name } of Deno.readDir("/proc/self/fd")) {
    const target = await Deno.readLink(`/proc/self/fd/${name}`).catch(() => "");
    own.add(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "");
  }
  const table = await Deno.readTextFile("/proc/self/net/tcp");
  for (const line of table.split("\n").slice(1)) {
    const [, local = "", , state, , , , , , inode = ""] = line.trim().split(
      /\s+/,
    );
    if (state !== "0A" || !own.has(inode)) continue;
    yield parseInt(local.split(":")[1] ?? "", 16);
  }
}

Deno.test("shutdown lets what was answered go out whole, and takes nobody in", () => {
  const large = "x".repeat(4 << 20);
  return withFront(
    {},
    () => new Response(large),
    async (front, url, client) => {
      using conn = await connect(front);
      await write(conn, "GET / HTTP/1.0\r\n\r\n");
      await until(
        "the answer is under way",
        () => front.stats().connections > 0,
      );
      const first = new Uint8Array(1024);
      const count = await conn.read(first) ?? 0;
      const ending = front.shutdown();
      const text = await readAll(conn);
      await ending;
      assert(text.length + count > large.length);
      await assertRejects(() => textOf(url, client));
    },
  );
});

Deno.test("a front says which port is taken", () =>
  withFront({}, hello, async ({ address }) => {
    const { port } = address;
    await assertRejects(
      () =>
        openFront({
          where: { hostname: HOST, port },
          handler: hello,
          limits: FRONT_LIMITS,
          clock: systemClock(),
          tls: null,
          clearToo: false,
          onTlsFailure: () => {},
        }),
      Error,
      `Can't listen at ${HOST}:${port}`,
    );
  }));
