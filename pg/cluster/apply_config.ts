import type { Change } from "./change.ts";
import type { ConfigureCommand } from "./commands.ts";
import { type ClusterState, type ConfigVersion, MAX_CONFIGS } from "./types.ts";

/** The configuration in force; null before the founding. */
export function newestConfig({ configs }: ClusterState): ConfigVersion | null {
  return configs.at(-1) ?? null;
}

/** Takes a new version of everybody's parameters, unless another came first. */
export function configure(
  state: ClusterState,
  { after, parameters, author, comment, atMs }: ConfigureCommand,
): Change {
  const newest = newestConfig(state);
  if (!newest) return "There is no database yet";
  if (newest.version !== after) {
    return `The configuration has version ${newest.version} by now, not ${after}`;
  }
  return addConfig(state, { parameters, author, comment, atMs });
}

/** Adds a version, and forgets the oldest beyond what is remembered. */
export function addConfig(
  state: ClusterState,
  config: Omit<ConfigVersion, "version">,
): ClusterState {
  const version = (newestConfig(state)?.version ?? 0) + 1;
  const configs = [...state.configs, { version, ...config }];
  return { ...state, configs: configs.slice(-MAX_CONFIGS) };
}
