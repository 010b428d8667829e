import { assertEquals } from "@std/assert";
import {
  checkLedger,
  type Ledger,
  type PgCluster,
  type PgNode,
  type Place,
  startLedger,
  withPgCluster,
} from "../postgres/mod.ts";
import { assertSound, ROWS } from "../pg_test_kit.ts";

const CHANGE_TIMEOUT_MS = 90_000;
/** Members come and go, and each clones. */
const MEMBERS_TIMEOUT_MS = 120_000;

/** Runs something under clients that learn of new hosts while they write. */
async function underGrowingLoad(
  cluster: PgCluster,
  run: (ledger: Ledger, hosts: Place[]) => Promise<void>,
): Promise<void> {
  const hosts = cluster.hosts();
  await using ledger = startLedger({ hosts });
  await ledger.untilAcknowledged(ROWS);
  await run(ledger, hosts);
  await ledger.untilAcknowledged(ROWS);
  assertSound(await checkLedger(cluster, ledger));
}

async function join(
  cluster: PgCluster,
  hosts: Place[],
  id: number,
): Promise<void> {
  const { port } = cluster.add(id);
  hosts.push({ host: "127.0.0.1", port });
  await cluster.settled(MEMBERS_TIMEOUT_MS);
}

/** A primary hands its reign over before it is removed. */
async function retire(cluster: PgCluster, node: PgNode): Promise<void> {
  const { primary, epoch } = await cluster.settled();
  if (primary === node) {
    const options = { timeoutMs: CHANGE_TIMEOUT_MS };
    await node.agent.client.request("POST", "/v1/switchover", {}, options);
    await cluster.opened(epoch);
    await cluster.settled();
  }
  await cluster.remove(node);
  await cluster.settled(MEMBERS_TIMEOUT_MS);
}

Deno.test("all three nodes are replaced one after the other, and no acknowledged row is lost", () =>
  withPgCluster(
    {},
    (cluster) =>
      underGrowingLoad(cluster, async (ledger, hosts) => {
        for (const old of [...cluster.nodes]) {
          await join(cluster, hosts, old.id + 3);
          await retire(cluster, old);
          await ledger.untilAcknowledged(ROWS);
        }
        assertEquals(cluster.nodes.map(({ id }) => id), [4, 5, 6]);
      }),
  ));

Deno.test("a fourth and a fifth node join, and two may then be lost", () =>
  withPgCluster(
    {},
    (cluster) =>
      underGrowingLoad(cluster, async (ledger, hosts) => {
        await join(cluster, hosts, 4);
        await join(cluster, hosts, 5);
        assertEquals((await cluster.view()).sync?.required, 2);
        const { primary, epoch } = await cluster.settled();
        const [standby] = await cluster.standbys();
        await Promise.all([primary.kill(), standby?.kill()]);
        await cluster.opened(epoch);
        await ledger.untilAcknowledged(ROWS);
        primary.restart();
        standby?.restart();
        await cluster.settled(MEMBERS_TIMEOUT_MS);
      }),
  ));
