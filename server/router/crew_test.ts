import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Crew, startCrew } from "./crew.ts";
import type { LoopOrder, LoopSettings } from "./loop/mod.ts";

const HOST = "127.0.0.1";
/** So often that one file which is left each time is more than what Deno keeps of the first and last threads. */
const ROUNDS = 16;
const SETTINGS: LoopSettings = {
  listen: { read_write: { host: HOST, port: 0 }, read_only: null },
  threads: 2,
  maxConnections: 100,
  maxWaiting: 100,
  waitTimeoutMs: 10_000,
  startupTimeoutMs: 10_000,
  connectTimeoutMs: 2000,
  idleTimeoutMs: 0,
  stallTimeoutMs: 60_000,
  proxyProtocol: false,
};

function countFiles(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

function assertKept(before: number): void {
  const count = countFiles();
  assert(count < before + ROUNDS, `${before} files, then ${count}`);
}

/** Runs a test with a crew of two threads, each of which has clients that have said nothing yet. */
async function withCrew(
  run: (crew: Crew, clients: readonly Deno.TcpConn[]) => Promise<void>,
): Promise<void> {
  const figures: { threads: readonly number[] } = { threads: [] };
  let heard = Promise.withResolvers<void>();
  const crew = await startCrew(SETTINGS, (news) => {
    if (news.kind !== "stats") return;
    figures.threads = news.stats.threads;
    heard.resolve();
  });
  const clients: Deno.TcpConn[] = [];
  try {
    for (let sequence = 1; (figures.threads[1] ?? 0) < 3; sequence++) {
      const port = crew.ports.read_write ?? 0;
      clients.push(await Deno.connect({ hostname: HOST, port }));
      heard = Promise.withResolvers();
      crew.order({ kind: "stats", sequence });
      await heard.promise;
    }
    await run(crew, clients);
  } finally {
    for (const client of clients) client.close();
    await crew.stop();
  }
}

async function assertAllEnded(
  clients: readonly Deno.TcpConn[],
): Promise<void> {
  for (const client of clients) {
    assertEquals(await client.read(new Uint8Array(1)), null);
  }
}

Deno.test("a crew ends as a whole where one of its threads fails, and says why", async () => {
  const before = countFiles();
  for (let round = 0; round < ROUNDS; round++) {
    const loop = round % 2;
    await withCrew(async (crew, clients) => {
      crew.orderOne(loop, { kind: "table" } as unknown as LoopOrder);
      assertStringIncludes(await crew.ended ?? "", "undefined");
      await assertAllEnded(clients);
    });
  }
  assertKept(before);
});

Deno.test("a crew that is stopped ends all its sessions, for no reason of its own", async () => {
  const before = countFiles();
  for (let round = 0; round < ROUNDS; round++) {
    await withCrew(async (crew, clients) => {
      await crew.stop();
      assertEquals(await crew.ended, null);
      await assertAllEnded(clients);
    });
  }
  assertKept(before);
});
