import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Answer, until } from "../nodes/mod.ts";
import {
  commandLineOf,
  type PgNode,
  processesNaming,
  signalTo,
  withPgCluster,
} from "../postgres/mod.ts";
import { leaveTail, untilSaid } from "../pg_fault_kit.ts";
import { overcome, runScenarios, type Scenario } from "../pg_test_kit.ts";

/** Changes so much that a rewind takes a while. */
const MUCH =
  "create table much as select n, repeat('x', 500) as text from generate_series(1, 200000) n";
const CHANGE_MUCH = "update much set text = repeat('y', 500)";

/** The process that rewinds a directory, not the one that only tries; null when there is none. */
function rewindOf({ dataDir }: PgNode): number | null {
  return processesNaming(dataDir).find((pid) => {
    const words = commandLineOf(pid) ?? "";
    return /pg_rewind /.test(words) && !words.includes("--dry-run");
  }) ?? null;
}

const SCENARIOS: readonly Scenario[] = [
  ["a rewind is killed in the middle: the copy is cloned", async (blow) => {
    const { reign: { primary } } = blow;
    await primary.query(MUCH, 60_000);
    await leaveTail(blow, 1, CHANGE_MUCH);
    await overcome(blow);
    primary.restart();
    const pid = await until(() => rewindOf(primary), {
      what: "a rewind is under way",
      timeoutMs: 60_000,
    });
    await primary.killAgent();
    signalTo(pid, "SIGKILL");
    await Deno.stat(`${primary.dataDir}.rewinding`);
    primary.restart();
    await untilSaid(primary, /Cloned from node/);
  }],
  ["a standby loses its data directory", async ({ cluster }) => {
    const [standby] = await cluster.standbys();
    assert(standby);
    await standby.kill();
    await Deno.remove(standby.dataDir, { recursive: true });
    standby.restart();
    await untilSaid(standby, /Cloned from node/);
  }],
  ["a dead primary comes back without its data directory", async (blow) => {
    const { reign: { primary } } = blow;
    await primary.kill();
    await Deno.remove(primary.dataDir, { recursive: true });
    await overcome(blow);
    primary.restart();
    await untilSaid(primary, /Cloned from node/);
  }],
];

/** A clone takes a while, and another reigns at once. */
const FROZEN_SOURCE: readonly Scenario[] = [
  [
    "the source of a clone freezes: another reigns and is cloned (R29)",
    async (blow) => {
      const { cluster, reign: { primary } } = blow;
      const [standby] = await cluster.standbys();
      assert(standby);
      await primary.query(MUCH, 60_000);
      await standby.kill();
      await Deno.remove(standby.dataDir, { recursive: true });
      standby.restart();
      const staging = `${standby.dataDir}.pgraft-new/base`;
      const hasBegun = async (): Promise<boolean | null> =>
        (await Deno.stat(staging)).isDirectory || null;
      await until(hasBegun, { what: "it is being cloned" });
      primary.freeze();
      try {
        await untilSaid(standby, /Ending a clone that stands still/);
        await overcome(blow);
      } finally {
        primary.thaw();
      }
    },
  ],
];

Deno.test("somebody writes when", (t) =>
  withPgCluster({}, (cluster) => runScenarios(t, cluster, FROZEN_SOURCE)));

Deno.test("no acknowledged row is lost, in the long run, when", (t) =>
  withPgCluster({}, (cluster) => runScenarios(t, cluster, SCENARIOS)));

const AWAY: readonly Scenario[] = [
  [
    "a standby was away for longer than its log is kept: it is cloned",
    async (blow) => {
      const { cluster, reign: { primary } } = blow;
      const [standby] = await cluster.standbys();
      assert(standby);
      await standby.kill();
      const filler =
        "select pg_logical_emit_message(false, 'x', repeat('x', 1000000))";
      await until(async () => {
        await primary.query(
          `${filler} from generate_series(1, 20); checkpoint`,
          30_000,
        );
        const { rows } = await primary.query(
          `select wal_status from pg_replication_slots where slot_name = 'pgraft_${standby.id}'`,
        );
        return rows[0]?.[0] === "lost" || null;
      }, { what: "the standby's log is gone", timeoutMs: 120_000 });
      standby.restart();
      await untilSaid(standby, /Cloned from node/);
      await cluster.settled();
    },
  ],
];

Deno.test("no acknowledged row is lost when the log is short and", (t) =>
  withPgCluster({
    parameters: {
      max_slot_wal_keep_size: "32MB",
      max_wal_size: "64MB",
      min_wal_size: "32MB",
      wal_keep_size: "0",
    },
  }, (cluster) => runScenarios(t, cluster, AWAY)));

Deno.test("a forced failover gives up what nobody else has, and only when that is allowed", () =>
  withPgCluster({ size: 2, witness: true }, async (cluster) => {
    const { primary, epoch } = await cluster.settled();
    const [standby] = await cluster.standbys();
    assert(standby);
    await standby.kill();
    await until(async () => (await cluster.view()).sync?.degraded || null, {
      what: "the cluster is degraded",
    });
    await primary.query("insert into ledger values (0, 0)", 30_000);
    await primary.kill();
    standby.restart();
    // The witness leads, whose picture is the newest.
    const leader = await cluster.cluster.leader();
    const force = (allow: boolean): Promise<Answer<unknown>> =>
      leader.client.request("POST", "/v1/failover", {
        allow_data_loss: allow,
      }, { timeoutMs: 90_000 });
    const refused = await until(async () => {
      const answer = await force(false);
      return answer.status === 0 || answer.status === 503 ? null : answer;
    }, { what: "the failover is answered" });
    assert(refused.kind !== "ok");
    assertMatch(refused.detail, /could be lost/);

    const answer = await force(true);
    assert(answer.kind === "ok", JSON.stringify(answer));
    const next = await cluster.opened(epoch);
    assertEquals(next.primary.id, standby.id);
    const [record] = await cluster.history();
    assertEquals(record?.kind, "forced");
    assert(record && record.gave_up.length > 0);

    // What was given up stays so when its owner is back.
    primary.restart();
    await cluster.settled();
    for (const node of cluster.nodes) {
      const { rows } = await until(
        () => node.query("select count(*) from ledger"),
        { what: `node ${node.id} lets clients in` },
      );
      assertEquals(rows, [["0"]]);
    }
  }));
