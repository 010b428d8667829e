import { assert, assertEquals, assertMatch } from "@std/assert";
import { findBinaries } from "../pg/instance/mod.ts";
import { until } from "./nodes/mod.ts";
import { connectPostgres, withPgCluster } from "./postgres/mod.ts";
import { overcome, ROWS, runScenarios, type Scenario } from "./pg_test_kit.ts";
import {
  leaveTail,
  runAsOwner,
  startByHand,
  untilSaid,
} from "./pg_fault_kit.ts";

/** How many transactions of the old primary nobody else gets. */
const TAIL = 20;

const SCENARIOS: readonly Scenario[] = [
  [
    "an old primary with a tail of its own is rewound or cloned, and the tail is told of",
    async (blow) => {
      const { cluster, reign: { primary } } = blow;
      await leaveTail(blow, TAIL);
      const next = await overcome(blow);
      assert(next.primary !== primary);
      primary.restart();
      await cluster.settled();
      const { hasRewind, hasWalDump } = await findBinaries(null);
      assertMatch(
        primary.agent.process().output(),
        hasRewind ? /Rewound to node/ : /Cloned from node/,
      );
      const [record] = await cluster.history();
      const given = record?.given_up.find(({ id }) => id === primary.id);
      assert(given);
      if (hasWalDump) {
        assert((given.commits ?? 0) >= TAIL && (given.bytes ?? 0) > 0);
      } else assertEquals([given.commits, given.bytes], [null, null]);
      const { rows } = await next.primary.query(
        "select count(*) from ledger where writer = 0",
      );
      assertEquals(rows, [["0"]]);
    },
  ],
  [
    "who must be rewound is all that is left to hold the barrier (T17)",
    async (blow) => {
      const { reign: { primary } } = blow;
      await leaveTail(blow, TAIL);
      const next = await overcome(blow);
      await next.primary.kill();
      primary.restart();
      await overcome({ ...blow, reign: next });
      next.primary.restart();
    },
  ],
  [
    "an operator promotes a standby: it is ended at once and comes back",
    async (blow) => {
      const { cluster, reign } = blow;
      const [standby] = await cluster.standbys();
      assert(standby);
      await runAsOwner(standby, "pg_ctl", ["promote", "--no-wait"]);
      await untilSaid(standby, /Stopping PostgreSQL .*reigns/);
      const after = await cluster.settled();
      assertEquals([after.primary.id, after.epoch], [
        reign.primary.id,
        reign.epoch,
      ]);
    },
  ],
  [
    "a superuser empties the list of standbys: it is undone and told",
    async (blow) => {
      const { cluster, ledger, reign: { primary } } = blow;
      const show = async (): Promise<string | null> => {
        const { rows } = await primary.queryLocally(
          "show synchronous_standby_names",
        );
        return rows[0]?.[0] ?? null;
      };
      const before = await show();
      await primary.queryLocally(
        "alter system set synchronous_standby_names = ''",
      );
      await primary.queryLocally("select pg_reload_conf()");
      await untilSaid(primary, /synchronous_standby_names was changed to ""/);
      await until(async () => await show() === before || null, {
        what: "the list is as it was",
      });
      await ledger.untilAcknowledged(ROWS);
      await cluster.settled();
    },
  ],
  [
    "an operator starts the dead primary's server: it is a closed standby",
    async (blow) => {
      const { reign: { primary } } = blow;
      await primary.kill();
      await overcome(blow);
      const socketDir = await startByHand(primary);
      const refusal = await until(async () => {
        try {
          await primary.query("select 1");
          return "it lets clients in";
        } catch (error) {
          const text = String(error);
          return /starting up|not yet accepting/.test(text) ? null : text;
        }
      }, { what: "the server answers clients" });
      assertMatch(refusal, /no pg_hba.conf entry/);
      const socket = `${socketDir}/.s.PGSQL.${primary.port}`;
      {
        using control = await connectPostgres({ place: { socket } });
        const { rows } = await control.query("select pg_is_in_recovery()");
        assertEquals(rows, [["t"]]);
      }
      primary.restart();
    },
  ],
];

Deno.test("no acknowledged row is lost and nobody reigns unbidden when", (t) =>
  withPgCluster({}, (cluster) => runScenarios(t, cluster, SCENARIOS)));
