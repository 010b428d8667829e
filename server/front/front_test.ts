import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { systemClock } from "../../base/mod.ts";
import { type Front, openFront } from "./front.ts";
import { FRONT_LIMITS, type FrontLimits } from "./limits.ts";

const HOST = "127.0.0.1";
const PATIENCE_MS = 10_000;
const QUICK: Partial<FrontLimits> = { sweepIntervalMs: 10 };

async function withFront(
  limits: Partial<FrontLimits>,
  handler: Deno.ServeHandler<Deno.NetAddr>,
  run: (front: Front, url: string, client: Deno.HttpClient) => Promise<void>,
): Promise<void> {
  const front = await openFront({
    where: { hostname: HOST, port: 0 },
    handler,
    limits: { ...FRONT_LIMITS, ...QUICK, ...limits },
    clock: systemClock(),
    tls: null,
    clearToo: false,
    onTlsFailure: () => {},
  });
  using client = Deno.createHttpClient({});
  try {
    await run(front, `http://${HOST}:${front.address.port}/`, client);
  } finally {
    await front.close();
  }
}

const hello = (): Response => new Response("hello");

async function textOf(url: string, client: Deno.HttpClient): Promise<string> {
  return await (await fetch(url, { client })).text();
}

function connect({ address }: Front): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: HOST, port: address.port });
}

async function write(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

/** Reads until the other end hangs up. */
async function readAll(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  while (true) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > deadlineMs) throw new Error(`Never so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

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
  let sentBytes = 0;
  let isCancelled = false;
  const piece = new Uint8Array(65_536);
  const endless = (): Response =>
    new Response(
      new ReadableStream({
        pull(controller): void {
          sentBytes += piece.length;
          controller.enqueue(piece);
        },
        cancel(): void {
          isCancelled = true;
        },
      }),
    );
  return withFront({ stallMs: 200 }, endless, async (front) => {
    using conn = await connect(front);
    await write(conn, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await until("the stream is cancelled", () => isCancelled);
    assertEquals(front.stats().cuts.stalled, 1);
    // Three sockets of some MB each, and what is under way between them.
    assert(sentBytes < 64 << 20, `${sentBytes} bytes were taken`);
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
