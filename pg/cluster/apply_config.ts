import type { Change } from "./change.ts";
import type { ConfigureCommand } from "./commands.ts";
import {
  type ClusterSettings,
  type ClusterState,
  type ConfigVersion,
  MAX_CONFIGS,
} from "./types.ts";

/** What counts for the cluster as a whole. */
export function clusterSettings(
  { mode, maximumLagBytes }: ClusterState,
): ClusterSettings {
  return { synchronousMode: mode, maximumLagBytes };
}

/** The configuration in force; null before the founding. */
export function newestConfig({ configs }: ClusterState): ConfigVersion | null {
  return configs.at(-1) ?? null;
}

/** Takes a new version of the configuration, unless another came first; the policy changes the rule after it. */
export function configure(
  state: ClusterState,
  { after, parameters, cluster, author, comment, atMs }: ConfigureCommand,
): Change {
  const newest = newestConfig(state);
  if (!newest) return "There is no database yet";
  if (newest.version !== after) {
    return `The configuration has version ${newest.version} by now, not ${after}`;
  }
  const known = cluster ? { cluster } : {};
  return addConfig(state, { parameters, ...known, author, comment, atMs });
}

/** Adds a version, and forgets the oldest beyond what is remembered. */
export function addConfig(
  state: ClusterState,
  config: Omit<ConfigVersion, "version">,
): ClusterState {
  const version = (newestConfig(state)?.version ?? 0) + 1;
  const configs = [...state.configs, { version, ...config }].slice(
    -MAX_CONFIGS,
  );
  const { cluster } = config;
  if (!cluster) return { ...state, configs };
  const { synchronousMode, maximumLagBytes } = cluster;
  return {
    ...state,
    configs,
    mode: synchronousMode,
    seeded: true,
    maximumLagBytes,
  };
}
