import {
  type ClusterSettings,
  clusterSettings,
  type ClusterState,
  type ConfigVersion,
  newestConfig,
  type SyncMode,
} from "../../pg/cluster/mod.ts";
import { ownedReason } from "../../pg/instance/mod.ts";
import { CLUSTER_SETTING_NAMES } from "../config/mod.ts";
import { Problem } from "../http/mod.ts";
import { textOf } from "./cluster_settings.ts";
import type { HighAvailability } from "./ha.ts";
import { refuseSyncRaces } from "./sync_races.ts";
import { proposeWish } from "./wish.ts";

/** How many parameters may be set. */
const MAX_PARAMETERS = 500;
/** How long a value may be, as the server's file takes it on one line. */
const MAX_VALUE_CHARS = 4000;
const NAME = /^[a-z_][\w$]*(\.[a-z_][\w$]*)*$/;

/** What is to become of a parameter: a value, or null for PostgreSQL's own. */
export type ParameterChanges = Readonly<Record<string, string | null>>;

/** A change of the configuration of the whole cluster. */
export interface ConfigWish {
  /** All of PostgreSQL's parameters when `replaces`, else those that change. */
  readonly parameters: ParameterChanges;
  readonly replaces: boolean;
  /** Those of the cluster that change. */
  readonly cluster: Partial<ClusterSettings>;
  readonly author: string;
  readonly comment: string;
  /** The version that it was decided on; null for whatever is in force. */
  readonly expectedVersion: number | null;
}

/** One parameter or setting that differs between two versions. */
export interface ParameterDifference {
  readonly name: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** The configuration in force, with all that counts for the cluster. */
export function configInForce(
  state: ClusterState,
): ConfigVersion & { readonly cluster: ClusterSettings } {
  const newest = newestConfig(state);
  if (newest) return { ...newest, cluster: clusterSettings(state) };
  throw new Problem("conflict", "There is no database yet");
}

/** A version that is remembered. */
export function configOf(state: ClusterState, version: number): ConfigVersion {
  const found = state.configs.find((one) => one.version === version);
  if (found) return found;
  const oldest = state.configs[0]?.version ?? 0;
  throw new Problem(
    "not_found",
    `Version ${version} of the configuration is not known; there are ${oldest} to ${
      newestConfig(state)?.version ?? 0
    }`,
  );
}

/** What differs between two sets of parameters, by name. */
export function diffParameters(
  from: Readonly<Record<string, string>>,
  to: Readonly<Record<string, string>>,
): ParameterDifference[] {
  const names = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...names].toSorted().flatMap((name) => {
    const [before = null, after = null] = [from[name], to[name]];
    return before === after ? [] : [{ name, from: before, to: after }];
  });
}

/**
 * Changes PostgreSQL's parameters for all members, and what counts for the cluster as a whole.
 *
 * @returns The version in force afterwards; the same as before where nothing differs.
 * @throws {Problem} When a parameter is not the users' to set, or PostgreSQL would not take its value.
 */
export async function changeConfig(
  ha: HighAvailability,
  wish: ConfigWish,
): Promise<ConfigVersion> {
  await ha.confirm();
  const state = ha.state();
  const current = configInForce(state);
  const { expectedVersion } = wish;
  if (expectedVersion !== null && expectedVersion !== current.version) {
    throw new Problem(
      "precondition_failed",
      `The configuration has version ${current.version} by now, not ${expectedVersion}; decide anew`,
      { extra: { version: current.version } },
    );
  }
  const parameters = parametersOf(wish, current);
  const cluster = { ...current.cluster, ...wish.cluster };
  const changes = diffParameters(
    textOf(current),
    textOf({ parameters, cluster }),
  );
  if (changes.length === 0) return current;
  const isOfPostgres =
    diffParameters(current.parameters, parameters).length > 0;
  if (isOfPostgres) await refuseUnfit(ha, parameters);
  if (cluster.synchronousMode !== "off") refuseSyncRaces(state);
  const { author, comment } = wish;
  await proposeWish(ha, {
    type: "configure",
    after: current.version,
    parameters,
    cluster,
    author,
    comment,
    atMs: Date.now(),
  });
  return configOf(ha.state(), current.version + 1);
}

/** Sets who must hold a commit; the policy changes the rule after it. */
export async function setMode(
  ha: HighAvailability,
  mode: SyncMode,
  by: { readonly author: string; readonly comment: string },
): Promise<void> {
  await ha.confirm();
  if (newestConfig(ha.state()) !== null) {
    await changeConfig(ha, {
      parameters: {},
      replaces: false,
      cluster: { synchronousMode: mode },
      ...by,
      expectedVersion: null,
    });
    return;
  }
  // The first version will say it.
  if (mode !== "off") refuseSyncRaces(ha.state());
  await proposeWish(ha, { type: "mode", mode });
}

function parametersOf(
  { parameters: changes, replaces }: Pick<
    ConfigWish,
    "parameters" | "replaces"
  >,
  current: ConfigVersion,
): Record<string, string> {
  const parameters = new Map(
    replaces ? [] : Object.entries(current.parameters),
  );
  const faults: string[] = [];
  for (const [given, value] of Object.entries(changes)) {
    const name = given.toLowerCase();
    const fault = faultOf(name, value);
    if (fault !== null) faults.push(fault);
    else if (value === null) parameters.delete(name);
    else parameters.set(name, value);
  }
  if (parameters.size > MAX_PARAMETERS) {
    faults.push(`more than ${MAX_PARAMETERS} parameters`);
  }
  if (faults.length > 0) throw new Problem("bad_request", faults.join("; "));
  return Object.fromEntries(
    [...parameters].toSorted(([a], [b]) => a < b ? -1 : 1),
  );
}

function faultOf(name: string, value: string | null): string | null {
  if (!NAME.test(name)) return `${JSON.stringify(name)} is no parameter's name`;
  const reason = ownedReason(name);
  if (reason !== null) return `${name} is pgraft's own: ${reason}`;
  if (CLUSTER_SETTING_NAMES.includes(name)) {
    return `${name} is no parameter of PostgreSQL but a setting of the cluster, which has a value always`;
  }
  if (value === null) return null;
  if (value.length > MAX_VALUE_CHARS) {
    return `${name}: a value has at most ${MAX_VALUE_CHARS} characters`;
  }
  // deno-lint-ignore no-control-regex
  return /[\x00-\x1f]/.test(value)
    ? `${name}: a value has no line breaks or control characters`
    : null;
}

/** PostgreSQL knows best what it takes, and is asked before anything is changed. */
async function refuseUnfit(
  ha: HighAvailability,
  parameters: Readonly<Record<string, string>>,
): Promise<void> {
  const why = await ha.checkParameters(new Map(Object.entries(parameters)));
  if (why === null) return;
  throw new Problem("bad_request", `PostgreSQL refuses this: ${why}`);
}
