import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Answer, until } from "./nodes/mod.ts";
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

/** Asks a node for work, and waits until it is done. */
export async function order(
  cluster: PgCluster,
  node: PgNode,
  kind: string,
): Promise<void> {
  const answer = await post(node, `/v1/nodes/${node.id}/${kind}`, {});
  assert(answer.kind === "ok", JSON.stringify(answer));
  const { order: number } = answer.value as { order: number };
  await until(async () => {
    const { agent } = node;
    const seen = await agent.client.request("GET", "/v1/cluster");
    if (seen.kind !== "ok") return null;
    const { members } = seen.value as {
      members: { id: number; order: { number: number; state: string } }[];
    };
    const asked = members.find(({ id }) => id === node.id)?.order;
    return asked?.number === number && asked.state === "done" || null;
  }, {
    what: `node ${node.id} has done its ${kind}`,
    timeoutMs: CHANGE_TIMEOUT_MS,
  });
  await cluster.settled();
}

/** A member takes its copy from a standby rather than from the primary. */
export const CLONE_FROM_STANDBY: Scenario = [
  "a copy is taken from a standby that is tagged for it",
  async (blow) => {
    const { cluster, reign: { primary } } = blow;
    const [standby, source] = await cluster.standbys();
    assert(standby && source);
    const tag = (clonefrom: boolean): Promise<Answer<unknown>> =>
      primary.agent.client.request("PUT", `/v1/nodes/${source.id}/tags`, {
        clonefrom,
      });
    assertEquals((await tag(true)).kind, "ok");
    await order(cluster, standby, "reinit");
    assertEquals((await tag(false)).kind, "ok");
    assertMatch(
      standby.agent.output(),
      new RegExp(`Cloned from node ${source.id}`),
    );
  },
];
