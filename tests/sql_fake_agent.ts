import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { REFUSED_HINT } from "../pg/sql/mod.ts";
import { until } from "./nodes/mod.ts";
import type { PgCluster, PgNode } from "./postgres/mod.ts";
import { ask, assertFails, valueOf } from "./sql_test_kit.ts";

/** How an agent behaves to calls; it lets in at once who brings none along. */
type Manner =
  /** It freezes before it opens to a call. */
  | "shut"
  /** It lets nobody in. */
  | "full"
  /** It opens to a call, and freezes before it answers. */
  | "mute"
  /** It opens to a call, and answers it after a while. */
  | "slow";

const SLOW_MS = 300;
const ENCODER = new TextEncoder();

function message(type: string, body: string): Uint8Array {
  const bytes = ENCODER.encode(`${type}\0\0\0\0${body}`);
  new DataView(bytes.buffer).setUint32(1, bytes.length - 1);
  return bytes;
}

const WELCOME = [
  message("R", "\0\0\0\0"),
  message("S", "client_encoding\0UTF8\0"),
  message("Z", "I"),
];
const REFUSAL = message("E", `SFATAL\0C53300\0Mfull\0H${REFUSED_HINT}.\0\0`);
const ANSWER = [
  message("T", "\0\x01answer\0\0\0\0\0\0\0\0\0\0\x19\x7f\x7f\0\0\0\0\0\0"),
  message("D", '\0\x01\0\0\0\x10{"value":"late"}'),
  message("C", "SELECT 1\0"),
  message("Z", "I"),
];

async function serve(conn: Deno.Conn, manner: Manner): Promise<void> {
  const write = async (messages: readonly Uint8Array[]): Promise<void> => {
    for (const bytes of messages) await conn.write(bytes);
  };
  const bytes = new Uint8Array(65_536);
  const first = await conn.read(bytes);
  if (manner === "full") return await write([REFUSAL]);
  const hasCall = new TextDecoder().decode(bytes.subarray(0, first ?? 0))
    .includes("options");
  if (!hasCall || manner !== "shut") await write(WELCOME);
  while (await conn.read(bytes) !== null) {
    if (bytes[0] === "X".charCodeAt(0)) return;
    if (manner !== "slow") continue;
    await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    await write(ANSWER);
  }
}

/** Stands in for a node's agent, which is gone, while something runs. */
async function asAgent(
  node: PgNode,
  manner: Manner,
  run: () => Promise<void>,
): Promise<void> {
  const path = join(node.agent.directory, "run", ".s.PGSQL.7434");
  await Deno.remove(path).catch(() => {});
  const listener = Deno.listen({ transport: "unix", path });
  await Deno.chmod(path, 0o666);
  const conns = new Set<Deno.Conn>();
  const accepting = (async () => {
    for await (const conn of listener) {
      conns.add(conn);
      serve(conn, manner).catch(() => {}).finally(() => {
        if (conns.delete(conn)) conn.close();
      });
    }
  })().catch(() => {});
  try {
    await run();
  } finally {
    listener.close();
    await accepting;
    for (const conn of conns) conn.close();
    conns.clear();
    await Deno.remove(path).catch(() => {});
  }
}

const LONG = { timeoutMs: 20_000 };
const SHORT_WAIT_MS = 1000;

/** A call with a deadline of its own; everything else goes the way of all calls. */
function callWithin(waitMs: number, changes: boolean): string {
  return `select pgraft._call('pgraft_version', '[]', ${waitMs}, ${changes}) ->> 'value'`;
}

/** An agent that freezes at any point, or is slow, costs a bounded time and leaves no doubt. */
export async function boundsAnyAgent(cluster: PgCluster): Promise<void> {
  const [node] = await cluster.standbys();
  assert(node);
  await node.killAgent();
  assertMatch(
    await assertFails(node, "select pgraft_get_leader()", "08001"),
    /agent of this node does not answer/,
  );
  await assertFails(node, "select pgraft_append_log('x')", "08001");
  await asAgent(node, "full", async () => {
    await assertFails(node, "select pgraft_append_log('x')", "08001");
  });
  await asAgent(node, "shut", async () => {
    await Promise.all([
      assertFails(node, "select pgraft_get_leader()", "08001"),
      assertFails(node, "select pgraft_append_log('x')", "40003"),
    ]);
  });
  await asAgent(node, "mute", async () => {
    const [text] = await Promise.all([
      assertFails(node, "select pgraft_get_leader()", "08006", LONG),
      assertFails(node, "select pgraft_append_log('x')", "40003", LONG),
      assertFails(node, callWithin(SHORT_WAIT_MS, false), "08006"),
      assertFails(node, callWithin(SHORT_WAIT_MS, true), "40003"),
    ]);
    assertMatch(text ?? "", /has not answered pgraft_get_leader/);
    const cancelled = await ask(node, "select pgraft_get_leader()", {
      before: "set statement_timeout = '300ms'",
    });
    assertEquals("code" in cancelled ? cancelled.code : "", "57014");
  });
  await asAgent(node, "slow", async () => {
    assertEquals(await valueOf(node, "select pgraft_version()"), "late");
  });
  // A session that met an error goes on.
  using connection = await node.connect();
  await connection.query("select pgraft_version()").catch(() => {});
  node.restart();
  await until(
    async () =>
      (await connection.query("select pgraft_test()").catch(() => null))
          ?.rows[0]?.[0] === "t" || null,
    { what: "the same session is answered again" },
  );
  await cluster.settled();
}
