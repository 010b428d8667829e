import { type Command, type Group, group } from "./command.ts";
import { CTL_COMMANDS } from "./ctl/commands.ts";
import { DEMO } from "./demo/demo.ts";
import { GENERAL_COMMANDS } from "./general.ts";
import { SERVE } from "./serve.ts";

/** The table of commands, which parsing, help, completions and tests share. */
export const COMMANDS: readonly (Command | Group)[] = [
  group({
    path: "",
    summary: "Keep PostgreSQL highly available: one binary, no other services",
    examples: [
      {
        line: "pgraft demo",
        does: "See a failover on this machine, with nothing installed",
      },
      {
        line: "pgraft serve --config /etc/pgraft/pgraft.conf",
        does: "Run a node",
      },
      { line: "pgraft ctl status", does: "See the cluster" },
      {
        line: "pgraft ctl kv put greeting hello",
        does: "Store a value in the replicated store",
      },
    ],
    options: {},
  }),
  SERVE,
  DEMO,
  ...CTL_COMMANDS,
  ...GENERAL_COMMANDS,
];
