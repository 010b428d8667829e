import { loadConfiguration, type LoadResult } from "./load.ts";
import type { NodeConfig } from "./node_config.ts";
import { formatProblem } from "./origin.ts";

/** What a test's node is configured by. */
export interface TestSources {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Files by path. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The default file of tests. */
export const TEST_FILE = "/etc/pgraft.conf";

/** Loads a configuration from memory. */
export function loadFrom(sources: TestSources): Promise<LoadResult> {
  const { args = [], env = {}, files = {} } = sources;
  return loadConfiguration({
    args,
    env,
    readFile: (path) =>
      Promise.resolve(Object.hasOwn(files, path) ? files[path] ?? null : null),
    defaultFile: TEST_FILE,
  });
}

/** Loads a configuration that must be right. */
export async function configFrom(sources: TestSources): Promise<NodeConfig> {
  const result = await loadFrom(sources);
  if (!result.ok) throw new Error(result.errors.map(formatProblem).join("\n"));
  return result.config;
}

/** Loads a configuration and returns its errors and warnings as lines. */
export async function problemsFrom(
  sources: TestSources,
): Promise<{ errors: string[]; warnings: string[] }> {
  const result = await loadFrom(sources);
  return {
    errors: result.ok ? [] : result.errors.map(formatProblem),
    warnings: result.warnings.map(formatProblem),
  };
}

/** The least that a node needs to be told. */
export const MINIMAL_ARGS: readonly string[] = [
  "--node-id=1",
  "--cluster-members=1@127.0.0.1:7400",
  "--raft-listen=127.0.0.1:7400",
];
