import { messageOf } from "../base/mod.ts";
import {
  checkReport,
  type Environment,
  loadConfiguration,
  type LoadResult,
  type NodeConfig,
  readFileIfThere,
  SETTINGS,
  settingsHelp,
} from "../server/config/mod.ts";
import { type Command, command, type Context } from "./command.ts";
import { EXIT } from "./exit_codes.ts";
import { flag, rest } from "./options.ts";
import { listNodes } from "./tree.ts";
import { VERSION } from "./version.ts";

/** The environment without what belongs to other commands, of which a node would warn. */
function nodeEnvironment({ io, root }: Context): Environment {
  const others = new Set(
    listNodes(root).flatMap(({ row }) =>
      Object.values(row.options).map(({ env }) => env)
    ),
  );
  const entries = Object.entries(io.env).filter(([name]) => !others.has(name));
  return Object.fromEntries(entries);
}

interface ServeOptions {
  readonly check: boolean;
  readonly adopt: boolean;
  readonly dryRun: boolean;
}

async function serve(
  { check, adopt, dryRun }: ServeOptions,
  args: readonly string[],
  context: Context,
): Promise<number> {
  const { io } = context;
  const loaded = await loadConfiguration({
    args: adopt ? [...args, "--cluster-adopt=true"] : args,
    env: nodeEnvironment(context),
    readFile: readFileIfThere,
  });
  if (check) {
    const checked = await withCertificates(loaded);
    await io.out(checkReport(checked));
    return checked.ok ? EXIT.ok : EXIT.usage;
  }
  if (!loaded.ok) {
    await io.err(checkReport(loaded));
    return EXIT.usage;
  }
  if (dryRun) return await tryAdoption(loaded.config, context);
  // Only here, so that no other command waits for all of a node to be loaded.
  const { runNode } = await import("../server/mod.ts");
  return await runNode(loaded, { version: VERSION });
}

/** What is wrong with the certificates belongs to what is wrong with the settings that name them. */
async function withCertificates(loaded: LoadResult): Promise<LoadResult> {
  if (!loaded.ok) return loaded;
  const { raft, api } = loaded.config;
  if (raft.tlsCert === null && api.tlsCert === null) return loaded;
  const { certificateProblems } = await import("../server/mod.ts");
  const problems = await certificateProblems(loaded.config);
  if (problems.length === 0) return loaded;
  const errors = problems.map(({ setting, message }) => ({
    origin: loaded.sources.get(setting) ?? null,
    message,
  }));
  return { ok: false, errors, warnings: loaded.warnings };
}

async function tryAdoption(
  config: NodeConfig,
  { io }: Context,
): Promise<number> {
  if (!config.cluster.adopt) {
    await io.err("--dry-run says what --adopt would change; give both\n");
    return EXIT.usage;
  }
  const { reportAdoption } = await import("../server/mod.ts");
  try {
    const { text, isOk } = await reportAdoption(config);
    await io.out(text);
    return isOk ? EXIT.ok : EXIT.failure;
  } catch (error) {
    await io.err(`${messageOf(error)}\n`);
    return EXIT.failure;
  }
}

/** `pgraft serve`. */
export const SERVE: Command = command({
  path: "serve",
  summary: "Run a node",
  about: [
    "Settings are read from flags, then environment variables, then the file of --config " +
    "(/etc/pgraft/pgraft.conf when it is there), then defaults.",
  ],
  examples: [
    {
      line: "pgraft serve --config /etc/pgraft/pgraft.conf",
      does: "Run the node that a file describes",
    },
    {
      line: "pgraft serve --config node1.conf --check",
      does:
        "Print every setting with its source, and what is wrong, and run nothing",
    },
    {
      line: "pgraft serve --config node1.conf --adopt --dry-run",
      does: "Say what making its database the cluster's first one would change",
    },
    {
      line: "pgraft serve --node-id 1 --cluster-members 1@127.0.0.1:7400 " +
        "--raft-listen 127.0.0.1:7400",
      does: "Run a node alone",
    },
  ],
  options: {
    check: flag({
      help:
        "Print the settings with their sources and exit, 2 if they are wrong",
    }),
    adopt: flag({
      help:
        "Found the cluster with the database that one member has already, for all that found it; the same as --cluster-adopt=true",
    }),
    dryRun: flag({
      help:
        "With --adopt: print what would change, or stands against it, and change nothing",
    }),
  },
  args: { settings: rest("SETTING", "The settings below, as flags") },
  ownFlags: {
    names: ["--config", "--set", ...SETTINGS.map((setting) => setting.flag)],
    help: () =>
      [
        "Settings:",
        "  -c, --config FILE",
        "        The configuration file; PGRAFT_CONFIG",
        "  --set SECTION.KEY=VALUE",
        "        Any setting by its name in the file",
        "",
        settingsHelp(),
      ].join("\n"),
  },
  run: ({ options, args }, context) => serve(options, args.settings, context),
});
