import { invariant } from "../../base/mod.ts";
import { readArguments } from "./arguments.ts";
import { crossCheck } from "./cross_checks.ts";
import { settleDerived } from "./derive.ts";
import {
  type Environment,
  FILE_VARIABLE,
  readEnvironment,
} from "./environment.ts";
import { type ReadFile, readFileLayer } from "./file.ts";
import { collectGiven, type GivenTexts } from "./given.ts";
import { type KnownSetting, SETTINGS } from "./names.ts";
import {
  buildConfig,
  type FreeValues,
  type NodeConfig,
} from "./node_config.ts";
import {
  compareProblems,
  type ConfigProblem,
  formatOrigin,
  type Origin,
} from "./origin.ts";
import { POSTGRESQL_SETTINGS } from "./settings.ts";
import {
  settleAll,
  type SettledValues,
  type Settling,
  valueOf,
} from "./values.ts";

/** The configuration file that counts when it is there and no other is named. */
export const DEFAULT_CONFIG_FILE = "/etc/pgraft/pgraft.conf";

/** Options of {@linkcode loadConfiguration}. */
export interface LoadOptions {
  /** The arguments after the command, without flags of the command itself (`--check`, `--help`). */
  readonly args: readonly string[];
  /** The environment variables. */
  readonly env: Environment;
  /** How files are read. */
  readonly readFile: ReadFile;
  /**
   * The file that counts when it is there and no other is named.
   *
   * @default {DEFAULT_CONFIG_FILE}
   */
  readonly defaultFile?: string;
}

/** A configuration, or everything that is wrong with it. */
export type LoadResult =
  | {
    readonly ok: true;
    readonly config: NodeConfig;
    /** Where each value comes from, by `section.key`. */
    readonly sources: ReadonlyMap<string, Origin>;
    readonly warnings: readonly ConfigProblem[];
  }
  | {
    readonly ok: false;
    readonly errors: readonly ConfigProblem[];
    readonly warnings: readonly ConfigProblem[];
  };

async function isThere(path: string, readFile: ReadFile): Promise<boolean> {
  try {
    return await readFile(path) !== null;
  } catch {
    // It is there and cannot be read: whoever needs it says so better.
    return true;
  }
}

/** Finds the defaults that count only when their file is there. */
async function absentDefaults(
  readFile: ReadFile,
): Promise<ReadonlySet<KnownSetting>> {
  const absent = new Set<KnownSetting>();
  for (const setting of SETTINGS) {
    const { defaultIfThere, default: path } = setting.row;
    if (defaultIfThere !== true || path === undefined) continue;
    if (!await isThere(path, readFile)) absent.add(setting);
  }
  return absent;
}

function freeValues(given: GivenTexts): FreeValues {
  const parameters = [...given.free.get("postgresql.parameters") ?? []];
  const hba = [...given.free.get("postgresql.hba") ?? []];
  return {
    parameters: new Map(parameters.map(([key, { text }]) => [key, text])),
    hba: hba.map(([name, { text }]) => ({ name, rule: text })),
  };
}

/** One note on everything that was written for a PostgreSQL that is not managed. */
function ignoredNote(
  values: SettledValues,
  sources: ReadonlyMap<string, Origin>,
): ConfigProblem[] {
  if (valueOf(values, POSTGRESQL_SETTINGS.managed) !== false) return [];
  const ignored = [...sources].flatMap(([name, origin]) => {
    const isIgnored = /^(postgresql|router)\./.test(name) &&
      name !== "postgresql.managed";
    return isIgnored && origin.kind !== "default"
      ? [`${name} (${formatOrigin(origin)})`]
      : [];
  });
  if (ignored.length === 0) return [];
  return [{
    origin: values.get(POSTGRESQL_SETTINGS.managed)?.origin ?? null,
    message:
      `postgresql.managed is false, so PostgreSQL, router and SQL bridge are off; ignored: ${
        ignored.join(", ")
      }`,
  }];
}

function sourcesOf(
  given: GivenTexts,
  values: SettledValues,
): Map<string, Origin> {
  const sources = new Map<string, Origin>();
  for (const { name, row } of SETTINGS) {
    const origin = values.get(row)?.origin;
    if (origin !== undefined) sources.set(name, origin);
  }
  for (const [section, entries] of given.free) {
    for (const [key, { origin }] of entries) {
      sources.set(`${section}.${key}`, origin);
    }
  }
  return sources;
}

/**
 * Reads the configuration of a node: flags over environment over file over defaults.
 *
 * @param options What to read it from.
 * @returns The configuration with the source of every value, or all errors at once.
 *
 * @example Usage
 * ```ts
 * import { loadConfiguration } from "./load.ts";
 *
 * const result = await loadConfiguration({
 *   args: ["--node-id", "1", "--raft-listen", "127.0.0.1:7400"],
 *   env: { PGRAFT_CLUSTER_MEMBERS: "1@127.0.0.1:7400" },
 *   readFile: () => Promise.resolve(null),
 * });
 * if (!result.ok) throw new Error("This is all that a node alone needs");
 * if (result.config.raft.electionTimeoutMs !== 1000) throw new Error("The default is 1 s");
 * ```
 */
export async function loadConfiguration(
  options: LoadOptions,
): Promise<LoadResult> {
  const { args, env, readFile, defaultFile = DEFAULT_CONFIG_FILE } = options;
  const flags = readArguments(args);
  const path = flags.configFile ?? (env[FILE_VARIABLE] || null);
  const file = await readFileLayer({
    path,
    defaultPath: defaultFile,
    readFile,
  });
  const given = collectGiven([file, readEnvironment(env), flags]);
  const settling: Settling = {
    given: given.settings,
    values: new Map(),
    errors: [...given.errors],
  };
  const absent = await absentDefaults(readFile);
  settleAll(
    settling,
    (setting) => absent.has(setting) ? "" : setting.row.default,
  );
  settleDerived(settling);
  const errors = [...settling.errors, ...crossCheck(settling.values)];
  const sources = sourcesOf(given, settling.values);
  const warnings = [
    ...given.warnings,
    ...ignoredNote(settling.values, sources),
  ];
  warnings.sort(compareProblems);
  if (errors.length > 0) {
    return { ok: false, errors: errors.sort(compareProblems), warnings };
  }
  for (const { name, row } of SETTINGS) {
    invariant(settling.values.has(row), `${name} has a value`);
  }
  const config = buildConfig(settling.values, freeValues(given));
  return { ok: true, config, sources, warnings };
}
