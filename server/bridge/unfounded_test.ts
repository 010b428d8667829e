import { assertEquals } from "@std/assert";
import {
  SQL_FUNCTIONS,
  SQL_VIEWS,
  type SqlField,
  type SqlType,
} from "../../pg/sql/mod.ts";
import { unfounded } from "./bridge_test_kit.ts";
import { failureOf } from "./failure.ts";
import { OPERATIONS } from "./operations/all.ts";
import type { Argument } from "./statement.ts";

/** What a node says of itself before it takes part; null where that is more than one value. */
const ANSWERS: Readonly<Record<string, unknown>> = {
  pgraft_version: "pgraft 1.2.3",
  pgraft_get_version: "pgraft-1.2.3",
  pgraft_stop: true,
  pgraft_get_state: "unknown",
  pgraft_get_leader: 0,
  pgraft_get_term: 0,
  pgraft_is_leader: false,
  pgraft_is_healthy: false,
  pgraft_is_cluster_healthy: false,
  pgraft_get_worker_state: "INITIALIZING",
  pgraft_get_queue_status: [],
  pgraft_reset_metrics: true,
  pgraft_set_debug: true,
  pgraft_test: true,
  pgraft_test_v1: 1,
  pgraft_get_stats: null,
  pgraft_get_cluster_health: null,
  pgraft_get_performance_metrics: null,
  pgraft_get_system_stats: null,
  pgraft_get_node_info: null,
  pgraft_get_metrics: null,
  pgraft_get_logs: [],
  pgraft_status: null,
  pgraft_get_cluster_status: null,
  pgraft_get_cluster_status_v1: null,
  settings: [],
  cluster_formation: null,
  election_activity: null,
  health_status: null,
  endpoint_health: null,
  auth_status: null,
  alarm_list: [],
  watch_status: [],
  pgraft_cluster_state: null,
  pgraft_cluster_overview: null,
  pgraft_worker_status: [{ worker_state: "INITIALIZING", is_running: false }],
};

const LEADS = /"(is_leader|isLeader)":true|"leader"|"leader_id":[1-9]/;

function valueOf(type: SqlType): Argument {
  if (type === "text") return "127.0.0.1:1";
  return type === "boolean" ? false : 9;
}

async function assertSaid(
  name: string,
  operation: string,
  args: readonly SqlField[],
): Promise<void> {
  const perform = OPERATIONS.get(operation);
  const values = args.map(({ type }) => valueOf(type));
  if (!(name in ANSWERS)) {
    const said = await Promise.resolve().then(() =>
      perform?.(unfounded(), values)
    ).catch((error) => failureOf(error, false).sqlState);
    // Who asks whether it is a certain node is told first that it is not.
    const expected = name === "pgraft_init" && args.length > 0
      ? "55000"
      : "RF002";
    return assertEquals(said, expected);
  }
  const said = await perform?.(unfounded(), values);
  if (ANSWERS[name] !== null) assertEquals(said, ANSWERS[name]);
  const text = typeof said === "string" ? said : JSON.stringify(said);
  assertEquals(LEADS.exec(text), null);
}

for (const { name, does, arguments: args } of SQL_FUNCTIONS) {
  if (does.kind !== "call") continue;
  const { operation } = does;
  const takes = args.map(({ type }) => type).join(", ");
  Deno.test(`${name}(${takes}) of a node that is not founded claims no lead`, () =>
    assertSaid(name, operation, args));
}

for (const { name, operation } of SQL_VIEWS) {
  Deno.test(`the view ${name} of a node that is not founded claims no lead`, () =>
    assertSaid(name, operation, []));
}
