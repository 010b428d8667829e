import { type Command, type Group, group } from "../command.ts";
import { FAILOVER, SWITCHOVER } from "./change_primary.ts";
import { CONFIG } from "./config.ts";
import { EXTENSION } from "./extension.ts";
import { EVENTS } from "./events.ts";
import { EXPLAIN } from "./explain.ts";
import { FAILOVER_SETTINGS } from "./failover_settings.ts";
import { HISTORY } from "./history.ts";
import { KV } from "./kv.ts";
import { LEADERSHIP } from "./leadership.ts";
import { LOG } from "./log.ts";
import { NODE_WORK } from "./node_work.ts";
import { NODES } from "./nodes.ts";
import { CTL_OPTIONS } from "./session.ts";
import { ROUTER } from "./router.ts";
import { UPKEEP } from "./upkeep.ts";
import { WATCH_KEYS } from "./watch_keys.ts";
import { STATUS } from "./status.ts";

/** The rows of `pgraft ctl`, a group before what is below it. */
export const CTL_COMMANDS: readonly (Command | Group)[] = [
  group({
    path: "ctl",
    summary:
      "See and change a running cluster, over the HTTP API of any of its nodes",
    about: [
      "Data goes to standard output, messages to standard error. While there is no leader, a call " +
      "is repeated until --timeout; a change is repeated under one key, so that it happens once.",
      [
        "Exit codes:",
        "  0    It was done",
        "  1    It failed or was refused",
        "  2    The command line is wrong, and nothing was tried",
        "  3    There is no leader or no quorum, and nothing happened",
        "  4    It timed out, or it is not known whether it happened",
        "  130  Ctrl-C",
      ].join("\n"),
    ],
    examples: [
      { line: "pgraft ctl status", does: "See the cluster" },
      {
        line: "pgraft ctl --api 10.0.0.1:8008,10.0.0.2:8008 nodes list",
        does: "Ask the first of two nodes that answers",
      },
      { line: "pgraft ctl switchover 2", does: "Make node 2 the primary" },
      {
        line:
          "pgraft ctl --token-file ~/.pgraft-token --api 10.0.0.1 kv put greeting hello",
        does: "Change something from another machine",
      },
    ],
    options: CTL_OPTIONS,
  }),
  STATUS,
  ...NODES,
  EXPLAIN,
  HISTORY,
  EVENTS,
  SWITCHOVER,
  FAILOVER,
  ...FAILOVER_SETTINGS,
  ...CONFIG,
  ...NODE_WORK,
  ...ROUTER,
  ...KV,
  WATCH_KEYS,
  ...LOG,
  ...LEADERSHIP,
  ...UPKEEP,
  ...EXTENSION,
  group({
    path: "ctl show",
    summary: "Other names of commands that show something",
    hidden: true,
    examples: [{
      line: "pgraft ctl show nodes",
      does: "The same as pgraft ctl nodes list",
    }],
    options: {},
  }),
  group({
    path: "ctl cluster",
    summary: "Other names of commands about the cluster",
    hidden: true,
    examples: [{
      line: "pgraft ctl cluster status",
      does: "The same as pgraft ctl status",
    }],
    options: {},
  }),
];
