import { assertEquals } from "@std/assert";
import type { Answer } from "./nodes/mod.ts";
import {
  checkLedger,
  type Ledger,
  type LedgerVerdict,
  type PgCluster,
  type PgNode,
  type Reign,
  startLedger,
} from "./postgres/mod.ts";

/** What has befallen a cluster under clients that write. */
export interface Blow {
  readonly cluster: PgCluster;
  readonly ledger: Ledger;
  /** Who reigned before. */
  readonly reign: Reign;
}

/** A change of primary is answered when it is over. */
export const CHANGE_TIMEOUT_MS = 90_000;

/** Asks a node for something that may take as long as a change of primary. */
export async function post(
  { agent }: PgNode,
  path: string,
  body: unknown,
): Promise<Answer<unknown>> {
  return await agent.client.request("POST", path, body, {
    timeoutMs: CHANGE_TIMEOUT_MS,
  });
}

/** Rows that are to be acknowledged before a fault and after it. */
export const ROWS = 40;

/** Runs faults under clients that write; nothing that was acknowledged may be missing at the end. */
export async function underLoad(
  cluster: PgCluster,
  run: (blow: Blow) => Promise<void>,
): Promise<void> {
  const { primary } = await cluster.settled();
  await primary.query("truncate ledger");
  await using ledger = startLedger({ hosts: cluster.hosts() });
  await ledger.untilAcknowledged(ROWS);
  await run({ cluster, ledger, reign: await cluster.settled() });
  await ledger.untilAcknowledged(ROWS);
  assertSound(await checkLedger(cluster, ledger));
}

/** Nothing is wrong with a ledger, and one server takes writes. */
export function assertSound({ primaries, ...faults }: LedgerVerdict): void {
  assertEquals(faults, { lost: [], twice: [], strange: [], differing: [] });
  assertEquals(primaries.length, 1);
}

/** Waits until another reign is open and acknowledges rows. */
export async function overcome(
  { cluster, ledger, reign }: Blow,
): Promise<Reign> {
  const next = await cluster.opened(reign.epoch);
  await ledger.untilAcknowledged(ROWS);
  return next;
}

/** A scenario: a promise, and what makes it hard to keep. */
export type Scenario = readonly [string, (blow: Blow) => Promise<void>];

/**
 * Runs scenarios one after the other on one cluster; the first that fails ends it, since the others would
 * start from what it left.
 */
export async function runScenarios(
  t: Deno.TestContext,
  cluster: PgCluster,
  scenarios: readonly Scenario[],
): Promise<void> {
  for (const [name, run] of scenarios) {
    const isOk = await t.step(name, async () => {
      try {
        await underLoad(cluster, run);
      } catch (cause) {
        throw new Error(`${name}\n${cluster.output()}`, { cause });
      }
    });
    if (!isOk) throw new Error(`Not tried after a failure: what follows`);
  }
}
