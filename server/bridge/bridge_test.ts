import { assertEquals, assertMatch } from "@std/assert";
import { freePort } from "../../base/mod.ts";
import type { NodeContext } from "../api/mod.ts";
import { type AuditedCall, createAudit } from "../audit/mod.ts";
import { startBridge } from "./bridge.ts";
import { unfounded } from "./bridge_test_kit.ts";
import type { BridgeContext } from "./context.ts";
import type { BridgeUser } from "./entrance.ts";
import { scramKeys } from "./scram.ts";

interface Said {
  readonly ok: boolean;
  readonly out: string;
  readonly error: string;
}

async function psql(
  port: number,
  user: string,
  password: string,
  sql: string,
  options = "",
): Promise<Said> {
  const { success, stdout, stderr } = await new Deno.Command("psql", {
    args: [
      "-X",
      "-A",
      "-t",
      "-v",
      "VERBOSITY=verbose",
      "-c",
      sql,
      `host=127.0.0.1 port=${port} user=${user} dbname=pgraft connect_timeout=5`,
    ],
    env: { PGPASSWORD: password, PGOPTIONS: options },
  }).output();
  const decoder = new TextDecoder();
  return {
    ok: success,
    out: decoder.decode(stdout).trim(),
    error: decoder.decode(stderr),
  };
}

async function hasPsql(): Promise<boolean> {
  try {
    await new Deno.Command("psql", { args: ["--version"] }).output();
    return true;
  } catch {
    return false;
  }
}

Deno.test({
  name:
    "psql calls the bridge over TCP, by a password, and no further than its role",
  ignore: !await hasPsql(),
  fn: async () => {
    const port = freePort();
    const users = new Map<string, BridgeUser>([
      ["pgraft_admin", { keys: scramKeys("all"), asker: "admin" }],
      ["pgraft_monitor", { keys: scramKeys("some"), asker: "monitor" }],
    ]);
    const audited: AuditedCall[] = [];
    const bridge = await startBridge({
      context: unfounded(),
      audit: { wants: () => true, tell: (one) => audited.push(one) },
      traces: () => false,
      socket: null,
      tcp: { listen: { host: "127.0.0.1", port }, users },
    });
    try {
      const ask = (user: string, password: string, sql: string) =>
        psql(port, user, password, sql);
      const leads = "select pgraft_is_leader()";
      assertEquals((await ask("pgraft_admin", "all", leads)).out, "f");
      assertEquals(
        (await ask(
          "pgraft_monitor",
          "some",
          "SELECT * FROM pgraft.pgraft_worker_status;",
        )).out,
        "INITIALIZING|f",
      );
      for (const [user, password] of [["pgraft_admin", "some"], ["x", "all"]]) {
        const said = await ask(user ?? "", password ?? "", leads);
        assertMatch(said.error, /password authentication failed/);
      }
      const refused: readonly (readonly [string, RegExp])[] = [
        ["select pgraft_stop()", /42501/],
        ["select pgraft_kv_put('a', 'b')", /42501/],
        ["select nothing()", /42883/],
        ["select * from pg_class", /42P01/],
        ["select 1", /22023/],
        ["select pgraft_get_leader(1)", /42883/],
        [`CALL ${new TextEncoder().encode("{}").toHex()}`, /22023/],
      ];
      for (const [sql, code] of refused) {
        assertMatch((await ask("pgraft_monitor", "some", sql)).error, code);
      }
      const call = new TextEncoder().encode(
        JSON.stringify({ operation: "pgraft_stop", arguments: [] }),
      ).toHex();
      assertMatch(
        (await ask("pgraft_admin", "all", `CALL ${call}`)).error,
        /42501/,
      );
      // Only the extension brings calls along.
      const brought = await psql(port, "pgraft_admin", "all", "ANSWER", call);
      assertMatch(brought.error, /55000/);
      assertEquals(
        audited.map(({ caller, from, call, kind, request, outcome }) => [
          `${caller} at ${from}: ${call} (${kind}) ${outcome}`,
          request,
        ]),
        [
          ["sql monitor at 127.0.0.1: pgraft_stop (control) 42501", {}],
          ["sql monitor at 127.0.0.1: pgraft_kv_put (data) 42501", {
            key: "a",
            value: "b",
          }],
          ["sql admin at 127.0.0.1: pgraft_stop (control) 42501", {}],
        ],
      );
    } finally {
      await bridge.stop();
    }
  },
});

Deno.test("the bridge lets go of who does not speak its protocol, and serves others", () =>
  withSocket(unfounded(), async (path) => {
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    const greetings = [
      "GET / HTTP/1.1\r\n\r\n",
      "\0\0\0\x04",
      "\xff\xff\xff\xff",
      "\0\0\0\x08\0\x02\0\0",
    ];
    for (const text of greetings) {
      using conn = await Deno.connect({ transport: "unix", path });
      await conn.write(Uint8Array.from(text, (one) => one.charCodeAt(0)));
      const rest = new Uint8Array(1024);
      while (
        await conn.read(rest).catch(() => null) !== null
      ) { /* until it hangs up */ }
    }
  }));

/** A client on the socket that brings a call along, and what it is told until it is let in. */
async function bring(
  path: string,
  operation: string,
): Promise<{ readonly conn: Deno.Conn; readonly told: string }> {
  const conn = await Deno.connect({ transport: "unix", path });
  const call = new TextEncoder().encode(
    JSON.stringify({ operation, arguments: [] }),
  ).toHex();
  await conn.write(packet("", `\0\x03\0\0user\0pgraft\0options\0${call}\0\0`));
  return { conn, told: await untilReady(conn) };
}

function packet(type: string, body: string): Uint8Array {
  const text = `${type}\0\0\0\0${body}`;
  const bytes = Uint8Array.from(text, (one) => one.charCodeAt(0));
  new DataView(bytes.buffer).setUint32(type.length, body.length + 4);
  return bytes;
}

async function untilReady(conn: Deno.Conn): Promise<string> {
  let told = "";
  while (!told.endsWith("Z\0\0\0\x05I")) {
    const bytes = new Uint8Array(4096);
    const read = await conn.read(bytes);
    if (read === null) throw new Error(`It hung up after ${told}`);
    told += String.fromCharCode(...bytes.subarray(0, read));
  }
  return told;
}

async function withSocket(
  context: BridgeContext,
  run: (path: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-bridge-" });
  const bridge = await startBridge({
    context,
    audit: createAudit("off"),
    traces: () => false,
    socket: { directory, port: 5432, owner: null },
    tcp: null,
  });
  try {
    await run(`${directory}/.s.PGSQL.7434`);
  } finally {
    await bridge.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a call that comes along with a connection is answered with its opening", () =>
  withSocket(unfounded(), async (path) => {
    const { conn, told } = await bring(path, "pgraft_get_leader");
    using _ = conn;
    assertMatch(told, /A\0\0\0.\0{4}answer\0\{"value":0\}\0Z/s);
  }));

Deno.test("a call that comes along and fails is told of when it is asked for", () =>
  withSocket(unfounded(), async (path) => {
    const { conn, told } = await bring(path, "nothing");
    using _ = conn;
    assertEquals(told.includes("answer"), false);
    await conn.write(packet("Q", "ANSWER\0"));
    assertMatch(await untilReady(conn), /C42883\0/);
  }));

Deno.test("a call that takes long does not keep its client at the door", async () => {
  const done = Promise.withResolvers<void>();
  const context = unfounded();
  const raft = { read: () => done.promise } as unknown as NodeContext["raft"];
  const node: NodeContext = { ...context.node, stage: () => "running", raft };
  await withSocket({ ...context, node }, async (path) => {
    const { conn, told } = await bring(path, "pgraft_log_sync_with_leader");
    using _ = conn;
    assertEquals(told.includes("answer"), false);
    await conn.write(packet("Q", "ANSWER\0"));
    const answer = untilReady(conn);
    done.resolve();
    assertMatch(await answer, /D.*\{"value":true\}/s);
  });
});
