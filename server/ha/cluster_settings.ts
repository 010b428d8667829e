import type { ClusterSettings, ConfigVersion } from "../../pg/cluster/mod.ts";
import {
  CLUSTER_SETTING_NAMES,
  CLUSTER_SETTINGS,
  type ValueType,
} from "../config/mod.ts";
import { Problem } from "../http/mod.ts";

const { synchronousMode: MODE, maximumLagBytes: LAG } = CLUSTER_SETTINGS;

/** What is to become of some of them, as they are written in `[cluster]`. */
export type ClusterChanges = Readonly<Record<string, string>>;

/**
 * Reads settings of the whole cluster.
 *
 * @throws {Problem} When one is none, or its value is not allowed.
 */
export function readClusterChanges(
  changes: ClusterChanges,
): Partial<ClusterSettings> {
  const unknown = Object.keys(changes).find((name) =>
    !CLUSTER_SETTING_NAMES.includes(name)
  );
  if (unknown !== undefined) {
    throw new Problem(
      "bad_request",
      `${JSON.stringify(unknown)} is no setting of the cluster; there are ${
        CLUSTER_SETTING_NAMES.join(" and ")
      }`,
    );
  }
  const mode = changes[MODE.key];
  const lag = changes[LAG.key];
  return {
    ...mode === undefined
      ? {}
      : { synchronousMode: read(MODE.key, MODE.type, mode) },
    ...lag === undefined
      ? {}
      : { maximumLagBytes: read(LAG.key, LAG.type, lag) },
  };
}

function read<T>(name: string, type: ValueType<T>, text: string): T {
  const parsed = type.parse(text);
  if (parsed.ok) return parsed.value;
  throw new Problem(
    "bad_request",
    `${name} is ${JSON.stringify(text)}; allowed: ${type.allowed}`,
  );
}

/** Settings of the whole cluster as they are written in `[cluster]`; what nobody has said is absent. */
export function clusterToText(
  { synchronousMode, maximumLagBytes }: ClusterSettings,
): Record<string, string> {
  return {
    [MODE.key]: MODE.type.format(synchronousMode),
    ...maximumLagBytes === null
      ? {}
      : { [LAG.key]: LAG.type.format(maximumLagBytes) },
  };
}

/** Everything that a version says, by name: no parameter of PostgreSQL is named as a setting of the cluster. */
export function textOf(
  { parameters, cluster }: Pick<ConfigVersion, "parameters" | "cluster">,
): Record<string, string> {
  return { ...parameters, ...cluster ? clusterToText(cluster) : {} };
}
