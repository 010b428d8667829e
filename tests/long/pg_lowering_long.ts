import { assert, assertEquals } from "@std/assert";
import { until } from "../nodes/mod.ts";
import { type PgNode, withPgCluster } from "../postgres/mod.ts";
import {
  type Blow,
  overcome,
  post,
  runScenarios,
  type Scenario,
} from "../pg_test_kit.ts";

/** What the servers are founded with; each scenario asks for ten less than the one before. */
const FOUNDED_WITH = 150;

/** Asks for less of what standbys must match, and for the change of primary on whose way it comes about. */
async function lower(
  { reign: { primary } }: Blow,
  connections: number,
): Promise<() => Promise<unknown>> {
  const parameters = { max_connections: connections };
  const answer = await post(primary, "/v1/config", { parameters });
  assert(answer.kind === "ok", JSON.stringify(answer));
  const changing = post(primary, "/v1/switchover", {});
  return () => changing;
}

async function connectionsOf(node: PgNode): Promise<number> {
  const { rows } = await node.queryLocally("show max_connections");
  return Number(rows[0]?.[0]);
}

/** Whether a server was started without hot standby: before, while, or since it promotes. */
function isUnseen(node: PgNode): boolean {
  const pid = node.postmaster();
  if (pid === null) return false;
  return Deno.readTextFileSync(`/proc/${pid}/cmdline`)
    .includes("hot_standby=off");
}

function outputOf({ agent }: PgNode): string {
  return agent.process().output();
}

/** When a winner is to be met: once it has said so, or its server runs. */
const MOMENTS:
  readonly (readonly [string, (node: PgNode, said: string) => boolean])[] = [
    ["stops", (_, said) => said.includes("Starting anew on the way")],
    ["has started without hot standby", isUnseen],
    ["has promoted", (_, said) => said.includes("Promoted to timeline")],
  ];

const DEATHS = ["its agent", "all of it"] as const;

const SCENARIOS: readonly Scenario[] = MOMENTS.flatMap(
  ([moment, holds], at) =>
    DEATHS.map((death, nth): Scenario => [
      `the winner ${moment}, and ${death} dies`,
      async (blow) => {
        const standbys = await blow.cluster.standbys();
        const marks = new Map(
          standbys.map((node) => [node, outputOf(node).length]),
        );
        const changed = await lower(
          blow,
          FOUNDED_WITH - 10 * (at * DEATHS.length + nth + 1),
        );
        const winner = await until(
          () =>
            standbys.find((node) =>
              holds(node, outputOf(node).slice(marks.get(node)))
            ) ?? null,
          { what: `a winner ${moment}` },
        );
        await (death === "its agent" ? winner.killAgent() : winner.kill());
        winner.restart();
        await changed();
        await overcome(blow);
      },
    ]),
);

const LAST: Scenario = [
  "in the end everybody has less",
  async (blow) => {
    const wanted = FOUNDED_WITH - 50 - 10 * SCENARIOS.length;
    await (await lower(blow, wanted))();
    const { cluster } = blow;
    const { primary } = await cluster.settled();
    assertEquals(await connectionsOf(primary), wanted);
  },
];

Deno.test("no acknowledged row is lost while what standbys must match goes down:", (t) =>
  withPgCluster(
    { parameters: { max_connections: String(FOUNDED_WITH) } },
    (cluster) => runScenarios(t, cluster, [...SCENARIOS, LAST]),
  ));
