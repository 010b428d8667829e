import { assertEquals, assertRejects } from "@std/assert";
import { createStreamLine, type StreamLine } from "./stream_line.ts";

const HOSTNAME = "127.0.0.1";

/** Runs a test with a line to a server that is given by what it does with its connection. */
async function withLine(
  serve: (conn: Deno.Conn) => Promise<void>,
  run: (line: StreamLine) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  const served = listener.accept().then(async (conn) => {
    try {
      await serve(conn);
    } finally {
      conn.close();
    }
  });
  const { port } = listener.addr;
  const conn = await Deno.connect({ hostname: HOSTNAME, port });
  const line = createStreamLine(conn, { hostname: HOSTNAME, port });
  try {
    await run(line);
  } finally {
    line.close();
    await served;
  }
}

async function write(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

async function readRequest(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.endsWith("\r\n\r\n")) {
    const count = await conn.read(buffer);
    if (count === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

function ask(
  line: StreamLine,
  path: string,
  signal = new AbortController().signal,
): Promise<Response> {
  const headers = new Headers({ "x-who": "me" });
  return line.ask(path, { method: "GET", headers }, signal);
}

async function readAll(line: StreamLine): Promise<string> {
  let text = "";
  for (let piece = await line.read(); piece; piece = await line.read()) {
    text += new TextDecoder().decode(piece);
  }
  return text;
}

Deno.test("createStreamLine() asks one thing after the other, and reads what follows the last answer to its end", async () => {
  const asked: string[] = [];
  await withLine(async (conn) => {
    asked.push(await readRequest(conn));
    await write(conn, "HTTP/1.1 204 No Content\r\nX-Given: 1\r\n\r\n");
    asked.push(await readRequest(conn));
    await write(conn, "HTTP/1.0 200 OK\r\na: b\r\n\r\none");
    await write(conn, "two");
  }, async (line) => {
    const first = await ask(line, "/first");
    assertEquals([first.status, first.headers.get("x-given")], [204, "1"]);
    assertEquals((await ask(line, "/second")).status, 200);
    assertEquals(await readAll(line), "onetwo");
  });
  assertEquals(
    asked.map((text) => text.replace(/host: .*/, "host: it").split("\r\n")),
    ["/first", "/second"].map((path) => [
      `GET ${path} HTTP/1.0`,
      "host: it",
      "x-who: me",
      "connection: keep-alive",
      "",
      "",
    ]),
  );
});

Deno.test("createStreamLine() finds the end of a head that comes byte by byte", () =>
  withLine(async (conn) => {
    await readRequest(conn);
    for (const byte of "HTTP/1.1 200 OK\r\na: b\r\n\r\nrest") {
      await write(conn, byte);
    }
  }, async (line) => {
    const { headers } = await ask(line, "/");
    assertEquals(headers.get("a"), "b");
    assertEquals(await readAll(line), "rest");
  }));

Deno.test("createStreamLine() understands the platform's own server", async () => {
  const server = Deno.serve(
    { hostname: HOSTNAME, port: 0, onListen: () => {} },
    (request) =>
      request.url.endsWith("/stream")
        ? new Response(ReadableStream.from(["a", "b"].map(bytesOf)))
        : new Response(null, { status: 204 }),
  );
  const { port } = server.addr;
  const conn = await Deno.connect({ hostname: HOSTNAME, port });
  const line = createStreamLine(conn, { hostname: HOSTNAME, port });
  assertEquals((await ask(line, "/challenge")).status, 204);
  assertEquals((await ask(line, "/stream")).status, 200);
  assertEquals(await readAll(line), "ab");
  line.close();
  await server.shutdown();
});

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("createStreamLine() asks for nothing more once an answer streams", () =>
  withLine(async (conn) => {
    await readRequest(conn);
    await write(conn, "HTTP/1.1 200 OK\r\n\r\n");
  }, async (line) => {
    await ask(line, "/");
    await assertRejects(() => ask(line, "/"), Error, "has not ended");
  }));

const BAD_ANSWERS: readonly [what: string, text: string][] = [
  ["ends in its head", "HTTP/1.1 200 OK\r\na: b\r\n"],
  ["is of another protocol", "SSH-2.0-x\r\n\r\n"],
  ["has no status", "HTTP/1.1 OK\r\n\r\n"],
  ["is encoded", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"],
  ["has a header without a name", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"],
  ["has a head without an end", "x".repeat(65_536)],
];

for (const [what, text] of BAD_ANSWERS) {
  Deno.test(`createStreamLine() refuses an answer that ${what}`, () =>
    withLine(async (conn) => {
      await readRequest(conn);
      await write(conn, text);
    }, async (line) => {
      await assertRejects(() => ask(line, "/"));
    }));
}

Deno.test("createStreamLine() ends what is under way when its signal is aborted, or it is closed", async () => {
  for (const ending of ["ask", "read", "close"]) {
    const abort = new AbortController();
    await withLine(async (conn) => {
      await readRequest(conn);
      if (ending !== "ask") await write(conn, "HTTP/1.1 200 OK\r\n\r\n");
      // Until the line is closed.
      await readRequest(conn);
    }, async (line) => {
      const asking = ask(line, "/", abort.signal);
      if (ending === "ask") setTimeout(() => abort.abort(), 10);
      else await asking;
      if (ending === "ask") return void await assertRejects(() => asking);
      const reading = line.read();
      if (ending === "read") abort.abort();
      else line.close();
      await assertRejects(() => reading);
    });
  }
});
