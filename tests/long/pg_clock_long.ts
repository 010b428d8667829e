import { assertEquals } from "@std/assert";
import { canSetClocks, withClocks } from "../clock_kit.ts";
import { ROWS, underLoad } from "../pg_test_kit.ts";
import { type PgNode, withPgCluster } from "../postgres/mod.ts";

/** By how many days a server's clock is off. */
async function daysOff(node: PgNode): Promise<number> {
  const { rows } = await node.query(
    "select extract(epoch from clock_timestamp())",
  );
  const seconds = Number(rows[0]?.[0]) - Date.now() / 1000;
  // Not -0, which equals nothing but itself.
  return Math.round(seconds / 86_400) + 0;
}

const INSTALLED = "/usr/lib/postgresql";

/** Where the newest PostgreSQL is installed; null for none. */
async function newestBinDir(): Promise<string | null> {
  const versions: string[] = [];
  try {
    for await (const { name } of Deno.readDir(INSTALLED)) versions.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const newest = versions.toSorted((a, b) => Number(a) - Number(b)).at(-1);
  return newest === undefined ? null : `${INSTALLED}/${newest}/bin`;
}

const BIN_DIR = await newestBinDir();

Deno.test({
  name:
    "clocks that jump by a day on each node lose no acknowledged row, and nobody takes over",
  ignore: BIN_DIR === null || !await canSetClocks(),
  fn: () =>
    withClocks([1, 2, 3], BIN_DIR, async ({ command, binDir, set }) => {
      const flags = { "postgresql-bin-dir": binDir };
      await withPgCluster({ command, flags }, async (cluster) => {
        const before = await cluster.settled();
        for (const by of ["+1d", "-1d", "+0"]) {
          for (const node of cluster.nodes) {
            await underLoad(cluster, async ({ ledger }) => {
              await set(node.id, by);
              assertEquals(await daysOff(node), Number.parseInt(by));
              await ledger.untilAcknowledged(ROWS);
              await ledger.untilAcknowledged(ROWS);
            });
          }
        }
        const after = await cluster.settled();
        assertEquals(
          [after.primary.id, after.epoch],
          [before.primary.id, before.epoch],
        );
      });
    }),
});
