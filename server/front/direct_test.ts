import { assert, assertEquals, assertMatch } from "@std/assert";
import type { BeginRawAnswer, RawAnswer, RawLine } from "../../base/mod.ts";
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

const isDirect = (path: string): boolean => path.startsWith("/direct");
const DIRECT = "GET /direct HTTP/1.1\r\nhost: a\r\n\r\n";

/** A body that a test writes, and knows the end of. */
function createBody(): {
  readonly body: ReadableStream<Uint8Array>;
  send(text: string): void;
  end(): void;
  isCancelled(): boolean;
} {
  let sink: ReadableStreamDefaultController<Uint8Array> | null = null;
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start(controller): void {
      sink = controller;
    },
    cancel(): void {
      isCancelled = true;
    },
  });
  return {
    body,
    send: (text) => sink?.enqueue(new TextEncoder().encode(text)),
    end: () => sink?.close(),
    isCancelled: () => isCancelled,
  };
}

async function readSome(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4096);
  const count = await conn.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
}

Deno.test("a direct answer arrives piece by piece over the caller's own connection", () => {
  const { body, send, end } = createBody();
  return withFront(
    { isDirect },
    (request, { remoteAddr }) =>
      new Response(body, {
        headers: { "x-from": `${remoteAddr.port} ${request.headers.get("x")}` },
      }),
    async (front) => {
      using conn = await connect(front);
      const { localAddr } = conn;
      assert(localAddr.transport === "tcp");
      await write(conn, "GET /direct HTTP/1.1\r\nhost: a\r\nx: y\r\n\r\n");
      const head = await readSome(conn);
      assertMatch(head, /^HTTP\/1\.1 200 /);
      assertMatch(head, new RegExp(`x-from: ${localAddr.port} y\r\n`));
      for (const piece of ["one", "two"]) {
        send(piece);
        assertEquals(await readSome(conn), piece);
      }
      end();
      assertEquals(await readAll(conn), "");
    },
  );
});

Deno.test("a direct request whose head comes byte by byte is answered", () =>
  withFront({ isDirect }, () => new Response("hello"), async (front) => {
    using conn = await connect(front);
    for (const byte of DIRECT) await write(conn, byte);
    assertMatch(await readAll(conn), /hello$/);
  }));

Deno.test("after an answer without a body the connection takes another request, direct or not", () =>
  withFront(
    { isDirect },
    (request) =>
      request.url.endsWith("/direct")
        ? new Response(null, { status: 204 })
        : new Response(request.url),
    async (front) => {
      using conn = await connect(front);
      for (let n = 0; n < 2; n++) {
        await write(conn, DIRECT);
        assertMatch(await readSome(conn), /^HTTP\/1\.1 204 /);
      }
      await write(
        conn,
        "POST /other HTTP/1.1\r\nhost: a\r\nconnection: close\r\n" +
          "content-length: 2\r\n\r\nab",
      );
      assertMatch(await readAll(conn), /http:\/\/a\/other/);
    },
  ));

Deno.test("the platform's client, over HTTP/1.1 and HTTP/2, gets what is direct and what is not", () =>
  withFront(
    { isDirect },
    (request) => new Response(request.url),
    async (front) => {
      const url = `http://${HOST}:${front.address.port}`;
      for (const http2 of [false, true]) {
        using client = Deno.createHttpClient({ http1: !http2, http2 });
        for (const path of ["/direct", "/other", "/direct"]) {
          assertEquals(await textOf(`${url}${path}`, client), url + path);
        }
      }
    },
  ));

Deno.test("a direct answer is cancelled when its caller hangs up", () => {
  const { body, isCancelled } = createBody();
  return withFront({ isDirect }, () => new Response(body), async (front) => {
    const conn = await connect(front);
    await write(conn, DIRECT);
    await readSome(conn);
    conn.close();
    await until("the body is cancelled", isCancelled);
    await until("its place is free", () => front.stats().connections === 0);
  });
});

Deno.test("who hangs up without a whole request leaves its place at once", () =>
  withFront({ isDirect }, () => new Response(null), async (front) => {
    const conns: Deno.Conn[] = [];
    for (const text of ["", "GET /dir", DIRECT]) {
      const conn = await connect(front);
      conns.push(conn);
      if (text !== "") await write(conn, text);
      if (text === DIRECT) await readSome(conn);
    }
    await until("all are in", () => front.stats().connections === 3);
    for (const conn of conns) conn.close();
    await until("all have left", () => front.stats().connections === 0);
    assertEquals(front.stats().cuts.no_request, 0);
  }));

Deno.test("a direct request whose caller hangs up before the answer is aborted", () => {
  const { body, isCancelled } = createBody();
  const asked = Promise.withResolvers<void>();
  return withFront({ isDirect }, async (request) => {
    asked.resolve();
    await new Promise((resolve) =>
      request.signal.addEventListener("abort", resolve)
    );
    return new Response(body);
  }, async (front) => {
    const conn = await connect(front);
    await write(conn, DIRECT);
    await asked.promise;
    conn.close();
    await until("the body is cancelled", isCancelled);
  });
});

Deno.test("who asks again before the answer has ended is cut", () => {
  const { body, isCancelled } = createBody();
  return withFront({ isDirect }, () => new Response(body), async (front) => {
    using conn = await connect(front);
    await write(conn, DIRECT);
    await readSome(conn);
    await write(conn, DIRECT);
    await until("the body is cancelled", isCancelled);
    using second = await connect(front);
    await write(second, DIRECT + DIRECT);
    assertEquals(await readAll(second), "");
  });
});

Deno.test("who never reads a direct answer is cut, and no more waits for him than a socket holds", () => {
  const { answer, sentBytes, isCancelled } = createEndless();
  return withFront({ isDirect, stallMs: 200 }, answer, async (front) => {
    using conn = await connect(front);
    await write(conn, DIRECT);
    await until("the stream is cancelled", isCancelled);
    assertEquals(front.stats().cuts.stalled, 1);
    assert(sentBytes() < 32 << 20, `${sentBytes()} bytes were taken`);
  });
});

Deno.test("a direct request that fails ends its connection, and the front goes on", () =>
  withFront({ isDirect }, () => {
    throw new Error("It fails");
  }, async (front) => {
    using conn = await connect(front);
    await write(conn, DIRECT);
    assertEquals(await readAll(conn), "");
    await until("its place is free", () => front.stats().connections === 0);
  }));

/** A raw answer that a test writes. */
function createRaw(): {
  readonly begin: BeginRawAnswer;
  send(text: string): boolean;
  end(): void;
  rooms(): number;
  isEnded(): boolean;
} {
  let line: RawLine | null = null;
  let rooms = 0;
  let ended = false;
  return {
    begin(given): RawAnswer {
      line = given;
      return {
        hasRoom: () => rooms += 1,
        ended: () => ended = true,
      };
    },
    send: (text) => line?.write(new TextEncoder().encode(text)) ?? false,
    end: () => line?.end(),
    rooms: () => rooms,
    isEnded: () => ended,
  };
}

Deno.test("a raw answer comes behind its head, piece by piece, until whoever writes it ends it", () => {
  const { begin, send, end, rooms, isEnded } = createRaw();
  return withFront({ isDirect }, (_request, { answerRaw }) => {
    answerRaw?.(begin);
    return new Response(null, { headers: { "x-kind": "raw" } });
  }, async (front) => {
    const conn = await connect(front);
    await write(conn, DIRECT);
    const head = await readSome(conn);
    assertMatch(head, /^HTTP\/1\.1 200 .*x-kind: raw\r\n.*\r\n\r\n$/s);
    assertMatch(head, /connection: close/);
    assertEquals(rooms(), 1);
    for (const piece of ["one", "two"]) {
      assertEquals(send(piece), true);
      assertEquals(await readSome(conn), piece);
    }
    send("last");
    end();
    assertEquals(await readAll(conn), "last");
    await until("it is told", isEnded);
    conn.close();
    await until("its place is free", () => front.stats().connections === 0);
  });
});

Deno.test("a raw answer is told that its caller has hung up, also when that was before it began", async () => {
  for (const isLate of [false, true]) {
    const { begin, isEnded } = createRaw();
    const asked = Promise.withResolvers<void>();
    await withFront({ isDirect }, async ({ signal }, { answerRaw }) => {
      answerRaw?.(begin);
      asked.resolve();
      if (isLate) {
        await new Promise((resolve) =>
          signal.addEventListener("abort", resolve)
        );
      }
      return new Response(null);
    }, async (front) => {
      const conn = await connect(front);
      await write(conn, DIRECT);
      await asked.promise;
      if (!isLate) await readSome(conn);
      conn.close();
      await until("it is told", isEnded);
    });
  }
});

Deno.test("a raw answer is told when there is no room and when there is again, and cut when there is none for long", () => {
  const { begin, send, rooms, isEnded } = createRaw();
  const much = "x".repeat(1 << 20);
  return withFront({ isDirect, stallMs: 500 }, (_request, { answerRaw }) => {
    answerRaw?.(begin);
    return new Response(null);
  }, async (front) => {
    using conn = await connect(front);
    await write(conn, DIRECT);
    await readSome(conn);
    let sent = 0;
    for (let hasRoom = true; hasRoom; sent++) hasRoom = send(much);
    for (let left = sent << 20; left > 0;) {
      left -= (await readSome(conn)).length;
    }
    await until("there is room again", () => rooms() === 2);
    assertEquals(isEnded(), false);
    while (send(much));
    await until("it is cut", isEnded);
    assertEquals(front.stats().cuts.stalled, 1);
  });
});
