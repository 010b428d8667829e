import { assert, assertEquals } from "@std/assert";
import { until } from "../nodes/mod.ts";
import {
  checkLedger,
  type PgCluster,
  type PgNode,
  startLedger,
  withPgCluster,
} from "../postgres/mod.ts";
import { ledTo, routerOf, startCrowd, writersOf } from "../pg_router_kit.ts";
import { assertSound, ROWS } from "../pg_test_kit.ts";

const CLIENTS = 200;
/** The router's wait, and what a client may take beside. */
const CLIENT_DEADLINE_MS = 15_000;
const SHORT_SESSIONS = 100_000;
/** The heap of the router's thread grows until V8 sees what of it is young and what stays. */
const WARM_UP_SESSIONS = 60_000;
const AT_ONCE = 16;
const PARAMETERS = { max_connections: "400" };

Deno.test("200 clients through three routers outlive failovers: none hangs, none is led astray", () =>
  withPgCluster({ parameters: PARAMETERS }, async (cluster) => {
    await using ledger = startLedger({ hosts: cluster.routers(), writers: 6 });
    await using crowd = startCrowd(cluster.routers(), CLIENTS);
    await crowd.untilLed(CLIENTS);
    for (let round = 0; round < 4; round++) {
      const before = await cluster.settled();
      if (round % 2 === 0) before.primary.killPostmaster();
      else await before.primary.kill();
      const after = await cluster.opened(before.epoch);
      if (round % 2 === 1) before.primary.restart();
      await ledger.untilAcknowledged(ROWS);
      await crowd.untilLed(2 * CLIENTS);
      for (const node of cluster.nodes.filter(({ agent }) => agent.isUp())) {
        await onlyAt(node, after.epoch);
      }
    }
    const all = crowd.sightings();
    assertEquals(all.filter(({ isStandby }) => isStandby), []);
    const late = all.filter(({ tookMs }) => tookMs > CLIENT_DEADLINE_MS);
    assertEquals(late, []);
    await cluster.settled();
    assertSound(await checkLedger(cluster, ledger));
  }));

async function onlyAt(node: PgNode, epoch: number): Promise<void> {
  await until(async () => {
    const { sessions } = await routerOf(node);
    return sessions.every((one) => one.epoch >= epoch) || null;
  }, { what: `router ${node.id} has sessions of epoch ${epoch} only` });
}

/** What a process has open, and its resident memory. */
function usageOf(pid: number): { files: number; bytes: number } {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  const files = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
  return { files, bytes: kilobytes * 1024 };
}

/** Many clients come and go; what fails meanwhile is not counted. */
async function comeAndGo(place: PgNode, count: number): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) await ledTo(writersOf(place)).catch(() => {});
  }));
}

async function failOver(cluster: PgCluster): Promise<void> {
  const { primary, epoch } = await cluster.settled();
  primary.killPostmaster();
  await cluster.opened(epoch);
}

Deno.test("100 000 short sessions and two failovers leave nothing open and no memory behind", () =>
  withPgCluster({ parameters: PARAMETERS }, async (cluster) => {
    const [through] = await cluster.standbys();
    assert(through);
    const { pid } = through.agent.process();
    const part = SHORT_SESSIONS / 4;
    await comeAndGo(through, WARM_UP_SESSIONS);
    const before = usageOf(pid);
    await comeAndGo(through, part);
    await Promise.all([comeAndGo(through, part), failOver(cluster)]);
    await Promise.all([comeAndGo(through, part), failOver(cluster)]);
    await comeAndGo(through, part);
    await until(async () => {
      const { sessions, waiting } = await routerOf(through);
      return sessions.length + waiting === 0 || null;
    }, { what: "all sessions have ended" });
    await cluster.settled();
    const after = usageOf(pid);
    const files = after.files - before.files;
    const megabytes = (after.bytes - before.bytes) / (1 << 20);
    // Peers' streams and PostgreSQL's own connections come and go, too.
    assert(files < 20, `${files} files more`);
    assert(megabytes < 40, `${megabytes} MB more`);
  }));
