import type { SectionName } from "./names.ts";
import type { SectionTable, SectionValues } from "./setting.ts";
import type {
  API_SETTINGS,
  BRIDGE_SETTINGS,
  CLUSTER_SETTINGS,
  LOG_SETTINGS,
  NODE_SETTINGS,
  POSTGRESQL_SETTINGS,
  RAFT_SETTINGS,
  ROUTER_SETTINGS,
} from "./settings.ts";
import { SECTIONS } from "./settings.ts";
import type { SettledValues } from "./values.ts";

/** A rule of pg_hba.conf under the name that the file gives it. */
export interface HbaRule {
  readonly name: string;
  readonly rule: string;
}

/** The entries of the sections with free keys, in their order. */
export interface FreeValues {
  /** PostgreSQL's parameters by name. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Rules of pg_hba.conf, to follow pgraft's own. */
  readonly hba: readonly HbaRule[];
}

/** The configuration of a node; what each value means stands in the table of settings. */
export interface NodeConfig {
  readonly node: SectionValues<typeof NODE_SETTINGS>;
  readonly cluster: SectionValues<typeof CLUSTER_SETTINGS>;
  readonly raft: SectionValues<typeof RAFT_SETTINGS>;
  readonly api: SectionValues<typeof API_SETTINGS>;
  readonly postgresql: SectionValues<typeof POSTGRESQL_SETTINGS> & FreeValues;
  /** Its ports, and the bridge's, are null where PostgreSQL is not managed. */
  readonly router: SectionValues<typeof ROUTER_SETTINGS>;
  readonly bridge: SectionValues<typeof BRIDGE_SETTINGS>;
  readonly log: SectionValues<typeof LOG_SETTINGS>;
}

function sectionOf<S extends SectionTable>(
  rows: S,
  values: SettledValues,
): SectionValues<S> {
  const entries = Object.entries(rows).map((
    [property, row],
  ) => [property, values.get(row)?.value]);
  // Every row has a value of its own type by now, and `fromEntries` cannot say so.
  return Object.fromEntries(entries) as SectionValues<S>;
}

/**
 * Builds the configuration from values that are all there.
 *
 * @param values The value of every setting.
 * @param free The entries of the sections with free keys.
 * @returns The configuration.
 */
export function buildConfig(
  values: SettledValues,
  free: FreeValues,
): NodeConfig {
  const postgresql = sectionOf(SECTIONS.postgresql, values);
  const router = sectionOf(SECTIONS.router, values);
  const bridge = sectionOf(SECTIONS.bridge, values);
  return {
    node: sectionOf(SECTIONS.node, values),
    cluster: sectionOf(SECTIONS.cluster, values),
    raft: sectionOf(SECTIONS.raft, values),
    api: sectionOf(SECTIONS.api, values),
    postgresql: { ...postgresql, ...free },
    bridge: postgresql.managed ? bridge : { ...bridge, listen: null },
    router: postgresql.managed
      ? router
      : { ...router, readWrite: null, readOnly: null },
    log: sectionOf(SECTIONS.log, values),
  };
}

/**
 * Takes the value of a setting out of a configuration.
 *
 * @param config The configuration.
 * @param section The setting's section.
 * @param property The setting's name in it.
 * @returns The value, which the row's type can write.
 */
export function configValue(
  config: NodeConfig,
  section: SectionName,
  property: string,
): unknown {
  const values: Readonly<Record<string, unknown>> = { ...config[section] };
  return values[property];
}
