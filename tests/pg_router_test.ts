import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "./nodes/mod.ts";
import {
  checkLedger,
  connectPostgres,
  type PgCluster,
  type PgNode,
  type Reign,
  requestCancel,
  startLedger,
  withPgCluster,
} from "./postgres/mod.ts";
import {
  type Crowd,
  ledTo,
  readersOf,
  routerOf,
  startCrowd,
  untilRouter,
  writersOf,
} from "./pg_router_kit.ts";
import { assertSound, ROWS } from "./pg_test_kit.ts";

const CROWD = 24;

/** Changes the primary under clients that come through all routers. */
async function underRouters(
  cluster: PgCluster,
  change: (reign: Reign) => Promise<void>,
): Promise<void> {
  const before = await cluster.settled();
  await before.primary.query("truncate ledger");
  await using ledger = startLedger({ hosts: cluster.routers(), writers: 3 });
  await using crowd = startCrowd(cluster.routers(), CROWD);
  await ledger.untilAcknowledged(ROWS);
  await crowd.untilLed(CROWD);
  await change(before);
  const after = await cluster.opened(before.epoch);
  await ledger.untilAcknowledged(ROWS);
  await noneAtOthers(cluster, after);
  await ledLater(crowd, after);
  assertSound(await checkLedger(cluster, ledger));
}

/** Every router has sessions of the epoch that is open only. */
async function noneAtOthers(cluster: PgCluster, reign: Reign): Promise<void> {
  for (const { agent, id } of cluster.nodes) {
    if (!agent.isUp()) continue;
    const node = cluster.node(id);
    await untilRouter(
      node,
      `router ${id} knows the epoch`,
      ({ epoch }) => epoch >= reign.epoch,
    );
    const { sessions } = await routerOf(node);
    for (const { epoch, node: at } of sessions) {
      assertEquals([epoch, at], [reign.epoch, reign.primary.id]);
    }
  }
}

/** Everybody is led to the new primary from now on, and nobody was ever led to a standby. */
async function ledLater(crowd: Crowd, { primary }: Reign): Promise<void> {
  const count = crowd.sightings().length;
  const sinceMs = performance.now();
  await crowd.untilLed(CROWD);
  const all = crowd.sightings();
  assertEquals(all.filter(({ isStandby }) => isStandby), []);
  const later = all.slice(count).filter(({ beganMs }) => beganMs > sinceMs);
  assertEquals(new Set(later.map(({ port }) => port)), new Set([primary.port]));
}

async function setTag(node: PgNode, noloadbalance: boolean): Promise<void> {
  const path = `/v1/nodes/${node.id}/tags`;
  const { kind } = await node.agent.client.request("PUT", path, {
    noloadbalance,
  });
  assertEquals(kind, "ok");
}

/** The ports of the servers that so many readers were led to, one after the other. */
async function readPorts(node: PgNode, count: number): Promise<Set<number>> {
  const ports = new Set<number>();
  for (let left = count; left > 0; left--) {
    ports.add((await ledTo(readersOf(node))).port);
  }
  return ports;
}

async function untilRead(
  node: PgNode,
  expected: readonly PgNode[],
): Promise<void> {
  const ports = new Set(expected.map(({ port }) => port));
  await until(async () => {
    const seen = await readPorts(node, 4);
    return seen.size === ports.size && seen.isSubsetOf(ports) || null;
  }, { what: `readers are led to ${expected.map(({ id }) => id)} in turn` });
}

type Step = readonly [string, (cluster: PgCluster) => Promise<void>];

const STEPS: readonly Step[] = [
  ["writers are led to the primary from every node", async (cluster) => {
    const { primary } = await cluster.settled();
    for (const node of cluster.nodes) {
      assertEquals(await ledTo(writersOf(node)), {
        port: primary.port,
        isStandby: false,
      });
    }
  }],
  [
    "readers are led to standbys in turn, and not to those with noloadbalance",
    async (cluster) => {
      const { primary } = await cluster.settled();
      const [first, second] = await cluster.standbys();
      assert(first && second);
      await untilRead(primary, [first, second]);
      await setTag(first, true);
      await untilRead(primary, [second]);
      await setTag(second, true);
      await untilRead(primary, [primary]);
      await setTag(first, false);
      await setTag(second, false);
      await untilRead(primary, [first, second]);
    },
  ],
  ["a cancel request for a commit that waits for standbys is held", holdCancel],
  ["a success after a cancelled wait reaches no client", cutCancelledWait],
  ["a router that is cut off from the quorum lets writers wait", waitAlone],
  [
    "clients write again after the primary's server was killed",
    (cluster) =>
      underRouters(cluster, ({ primary }) => {
        primary.killPostmaster();
        return Promise.resolve();
      }),
  ],
  [
    "clients write again after a switchover",
    (cluster) =>
      underRouters(cluster, async ({ primary }) => {
        const { kind } = await primary.agent.client.request(
          "POST",
          "/v1/switchover",
          {},
          { timeoutMs: 60_000 },
        );
        assertEquals(kind, "ok");
      }),
  ],
  [
    "clients write again after the primary's node was killed",
    (cluster) =>
      underRouters(cluster, async ({ primary }) => {
        await primary.kill();
        await cluster.opened((await cluster.view()).primary?.epoch ?? 0);
        primary.restart();
        await primary.agent.ready();
      }),
  ],
  ["a drained router refuses, and others lead on", drain],
];

/** Freezes the standbys' servers while something runs: commits wait. */
async function withFrozenStandbys(
  cluster: PgCluster,
  run: () => Promise<void>,
): Promise<void> {
  const standbys = await cluster.standbys();
  for (const standby of standbys) standby.freezePostgres();
  try {
    await run();
  } finally {
    for (const standby of standbys) standby.thaw();
  }
}

async function untilWaits({ queryLocally }: PgNode): Promise<void> {
  await until(async () => {
    const { rows } = await queryLocally(
      "select count(*) from pg_stat_activity where wait_event = 'SyncRep' and query like 'insert%'",
    );
    return rows[0]?.[0] === "1" || null;
  }, { what: "a commit waits for standbys" });
}

async function holdCancel(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  const [through] = await cluster.standbys();
  assert(through);
  const place = writersOf(through);
  using client = await connectPostgres({ place });
  const begun: Promise<unknown>[] = [];
  await withFrozenStandbys(cluster, async () => {
    const answer = client.query("insert into ledger values (9, 1)", 20_000);
    await untilWaits(primary);
    begun.push(answer, requestCancel(place, client.cancelKey));
    await untilRouter(
      through,
      "the request is held",
      ({ cancels }) => cancels === 1,
    );
    await untilWaits(primary);
  });
  const [answer] = await Promise.all(begun);
  assertEquals(answer, { rows: [], warnings: [] });
  // What does not wait for standbys is cancelled as ever.
  const asleep = client.query("select pg_sleep(60)", 20_000);
  const failing = asleep.then(() => "slept", (error) => error.code);
  await until(async () => {
    const { rows } = await primary.queryLocally(
      "select count(*) from pg_stat_activity where wait_event = 'PgSleep'",
    );
    return rows[0]?.[0] === "1" || null;
  }, { what: "the statement sleeps" });
  await requestCancel(place, client.cancelKey);
  assertEquals(await failing, "57014");
}

async function cutCancelledWait(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  const [through] = await cluster.standbys();
  assert(through);
  using client = await connectPostgres({ place: writersOf(through) });
  await withFrozenStandbys(cluster, async () => {
    const answer = client.query("insert into ledger values (9, 2)", 20_000)
      .then(() => "acknowledged", (error) => error.failure);
    await untilWaits(primary);
    await primary.queryLocally(
      "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep' and query like 'insert%'",
    );
    assertEquals(await answer, "lost");
  });
  const { ended } = await routerOf(through);
  assertEquals(ended["cancelled_wait"], 1);
}

async function waitAlone(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  const [through, other] = await cluster.standbys();
  assert(through && other);
  const others = [primary, other];
  for (const { agent } of others) agent.freeze();
  let led: ReturnType<typeof ledTo>;
  try {
    await untilRouter(through, "it knows", ({ in_contact }) => !in_contact);
    led = ledTo(writersOf(through));
    await untilRouter(
      through,
      "the writer waits",
      ({ waiting }) => waiting === 1,
    );
  } finally {
    for (const { agent } of others) agent.thaw();
  }
  const { isStandby } = await led;
  assertEquals(isStandby, false);
}

async function drain(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  const [through] = await cluster.standbys();
  assert(through);
  const { client } = through.agent;
  using old = await connectPostgres({ place: writersOf(through) });
  assertEquals(
    (await client.request("POST", "/v1/router/drain", {})).kind,
    "ok",
  );
  const refused = await ledTo(writersOf(through)).catch(String);
  assertMatch(String(refused), /refused/i);
  await old.query("select 1");
  assertEquals((await ledTo(writersOf(primary))).port, primary.port);
  assertEquals(
    (await client.request("POST", "/v1/router/resume", {})).kind,
    "ok",
  );
  assertEquals((await ledTo(writersOf(through))).port, primary.port);
}

Deno.test("through the routers of three nodes", (t) =>
  withPgCluster({}, async (cluster) => {
    for (const [name, run] of STEPS) {
      const isOk = await t.step(name, async () => {
        try {
          await run(cluster);
        } catch (cause) {
          throw new Error(`${name}\n${cluster.output()}`, { cause });
        }
      });
      if (!isOk) throw new Error("Not tried after a failure: what follows");
    }
  }));
