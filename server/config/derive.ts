import {
  formatHostPort,
  type HostPort,
  isUnspecified,
} from "../../base/mod.ts";
import { settingOf } from "./names.ts";
import type { Setting } from "./setting.ts";
import {
  API_SETTINGS,
  CLUSTER_SETTINGS,
  NODE_SETTINGS,
  POSTGRESQL_SETTINGS,
  RAFT_SETTINGS,
} from "./settings.ts";
import { type Fallback, settle, type Settling, valueOf } from "./values.ts";

function derive(
  settling: Settling,
  row: Setting<unknown>,
  fallback: Fallback | null,
): void {
  settle(settling, settingOf(row), fallback);
}

function nameOfNode(settling: Settling): Fallback | null {
  const id = valueOf(settling.values, NODE_SETTINGS.id);
  return id === undefined ? null : { text: `node${id}`, from: "node.id" };
}

function directoryOfPostgresql(settling: Settling): Fallback | null {
  const directory = valueOf(settling.values, NODE_SETTINGS.dataDir);
  if (directory === undefined) return null;
  const parent = directory === "/" ? "" : directory;
  return { text: `${parent}/pg`, from: "node.data_dir" };
}

function raftAddress(settling: Settling): Fallback | null {
  const id = valueOf(settling.values, NODE_SETTINGS.id);
  const members = valueOf(settling.values, CLUSTER_SETTINGS.members) ?? [];
  const own = members.find((member) => member.id === id);
  if (own !== undefined) {
    return { text: formatHostPort(own.address), from: "cluster.members" };
  }
  const listen = valueOf(settling.values, RAFT_SETTINGS.listen);
  return listen === undefined
    ? null
    : { text: formatHostPort(listen), from: "raft.listen" };
}

/** Peers cannot connect to "every interface", so then the node's Raft host has to do. */
function reachable(
  settling: Settling,
  listenRow: Setting<HostPort>,
): Fallback | null {
  const listen = valueOf(settling.values, listenRow);
  if (listen === undefined) return null;
  const { name } = settingOf(listenRow);
  const raft = valueOf(settling.values, RAFT_SETTINGS.advertise);
  if (!isUnspecified(listen.host) || raft === undefined) {
    return { text: formatHostPort(listen), from: name };
  }
  const address = { host: raft.host, port: listen.port };
  return { text: formatHostPort(address), from: `raft.advertise and ${name}` };
}

/**
 * Makes the values that follow from others where they were not written.
 *
 * @param settling What was given and what is settled; values and errors are added.
 */
export function settleDerived(settling: Settling): void {
  derive(settling, NODE_SETTINGS.name, nameOfNode(settling));
  derive(
    settling,
    POSTGRESQL_SETTINGS.dataDir,
    directoryOfPostgresql(settling),
  );
  derive(settling, RAFT_SETTINGS.advertise, raftAddress(settling));
  derive(
    settling,
    API_SETTINGS.advertise,
    reachable(settling, API_SETTINGS.listen),
  );
  derive(
    settling,
    POSTGRESQL_SETTINGS.advertise,
    reachable(settling, POSTGRESQL_SETTINGS.listen),
  );
}
