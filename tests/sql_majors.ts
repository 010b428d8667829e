import { assertEquals } from "@std/assert";
import { until } from "./nodes/mod.ts";
import type { PgCluster } from "./postgres/mod.ts";
import {
  answersEverywhere,
  takesSettingsOver,
} from "./sql_everywhere_steps.ts";
import { showsWatchers, showsWhatIs } from "./sql_group_steps.ts";
import {
  rowsOf,
  untilInstalled,
  untilSettingsRead,
  valueOf,
} from "./sql_test_kit.ts";
import { takesAnyValue } from "./sql_values_steps.ts";

/** Who leads is part of what is expected, also while the machine is busy. */
const ELECTION_TIMEOUT_MS = "3000";

/** From PostgreSQL 17 on, a name that is no setting of pgraft's is taken by ALTER SYSTEM, and by nobody else. */
async function knowsItsOwnNames({ nodes }: PgCluster): Promise<void> {
  const [node] = nodes;
  if (!node) throw new Error("There is no node");
  await untilSettingsRead(node);
  await rowsOf(node, "alter system set pgraft.nonsense = 'x'");
  await rowsOf(
    node,
    `alter system set pgraft.election_timeout = ${ELECTION_TIMEOUT_MS}`,
  );
  await rowsOf(node, "select pg_reload_conf()");
  for (const one of nodes) {
    await until(
      async () =>
        await valueOf(
            one,
            "select setting from pgraft.settings where name = 'pgraft.election_timeout'",
          ) === ELECTION_TIMEOUT_MS || null,
      { what: `node ${one.id} has the new time` },
    );
  }
  assertEquals(
    await valueOf(
      node,
      "select count(*) from pgraft.settings where name like '%nonsense%'",
    ),
    "0",
  );
}

/** The SQL surface on a cluster whose PostgreSQL is of another major version. */
export async function speaksSql(
  t: Deno.TestContext,
  cluster: PgCluster,
): Promise<void> {
  await untilInstalled(cluster);
  const steps: readonly [string, typeof answersEverywhere][] = [
    ["takes settings over, and only its own", knowsItsOwnNames],
    ["answers by every function and view", answersEverywhere],
    ["takes or refuses any value", takesAnyValue],
    ["shows what is, and runs replicated SQL", showsWhatIs],
    ["shows who watches", showsWatchers],
    ["changes by ALTER SYSTEM what may change", takesSettingsOver],
  ];
  for (const [name, run] of steps) {
    if (!await t.step(`SQL ${name}`, () => run(cluster))) {
      throw new Error(`Not tried after a failure: what follows "${name}"`);
    }
  }
}
