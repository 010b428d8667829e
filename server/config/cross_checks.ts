import {
  formatDuration,
  formatHostPort,
  type HostPort,
  isBlockedPort,
  isLoopback,
  isUnspecified,
} from "../../base/mod.ts";
import { settingOf } from "./names.ts";
import { type ConfigProblem, formatOrigin } from "./origin.ts";
import type { Setting } from "./setting.ts";
import {
  API_SETTINGS,
  BRIDGE_SETTINGS,
  CLUSTER_SETTINGS,
  NODE_SETTINGS,
  POSTGRESQL_SETTINGS,
  RAFT_SETTINGS,
  ROUTER_SETTINGS,
} from "./settings.ts";
import { type SettledValues, valueOf } from "./values.ts";

/** The fewest heartbeats that an election timeout lasts; below it a lost packet elects. */
const HEARTBEATS_PER_TIMEOUT = 3;

/** Says `section.key is value (origin)`. */
function words(values: SettledValues, row: Setting<unknown>): string {
  const value = valueOf(values, row);
  const settled = values.get(row);
  if (value === undefined || settled === undefined) return settingOf(row).name;
  const text = row.type.format(value);
  const shown = text === "" ? "empty" : text;
  return `${settingOf(row).name} is ${shown} (${formatOrigin(settled.origin)})`;
}

function problem(
  values: SettledValues,
  row: Setting<unknown>,
  message: string,
): ConfigProblem {
  return { origin: values.get(row)?.origin ?? null, message };
}

function isWritten(values: SettledValues, row: Setting<unknown>): boolean {
  const origin = values.get(row)?.origin;
  return origin !== undefined && origin.kind !== "default";
}

function checkTimes(values: SettledValues): ConfigProblem[] {
  const heartbeat = RAFT_SETTINGS.heartbeatIntervalMs;
  const timeout = RAFT_SETTINGS.electionTimeoutMs;
  const heartbeatMs = valueOf(values, heartbeat);
  const timeoutMs = valueOf(values, timeout);
  if (heartbeatMs === undefined || timeoutMs === undefined) return [];
  const leastMs = heartbeatMs * HEARTBEATS_PER_TIMEOUT;
  if (timeoutMs >= leastMs) return [];
  const culprit = isWritten(values, timeout) ? timeout : heartbeat;
  return [problem(
    values,
    culprit,
    `${words(values, timeout)} and ${words(values, heartbeat)}; ` +
      `allowed: an election timeout of at least ${HEARTBEATS_PER_TIMEOUT} heartbeats, ${
        formatDuration(leastMs)
      }`,
  )];
}

function checkFormation(values: SettledValues): ConfigProblem[] {
  const { members, join } = CLUSTER_SETTINGS;
  const founding = valueOf(values, members);
  const peers = valueOf(values, join);
  if (founding === undefined || peers === undefined) return [];
  if (founding.length > 0 && peers.length > 0) {
    return [problem(
      values,
      join,
      `${words(values, join)} and ${words(values, members)}; ` +
        `allowed: one of them, members for a node that founds the cluster, join for one that comes later`,
    )];
  }
  if (founding.length > 0 || peers.length > 0) return [];
  return [{
    origin: null,
    message:
      "Neither cluster.members nor cluster.join is set; set members in [cluster] to " +
      "found a cluster (1@10.0.0.1:7400, 2@10.0.0.2:7400), or join to the peers of a running one",
  }];
}

function checkOwnMember(values: SettledValues): ConfigProblem[] {
  const id = valueOf(values, NODE_SETTINGS.id);
  const members = valueOf(values, CLUSTER_SETTINGS.members) ?? [];
  if (id === undefined || members.length === 0) return [];
  const own = members.find((member) => member.id === id);
  if (own === undefined) {
    return [problem(
      values,
      CLUSTER_SETTINGS.members,
      `${words(values, CLUSTER_SETTINGS.members)} without this node, ` +
        `${
          words(values, NODE_SETTINGS.id)
        }; add it, or set cluster.join instead`,
    )];
  }
  const advertise = valueOf(values, RAFT_SETTINGS.advertise);
  if (advertise === undefined) return [];
  if (formatHostPort(advertise) === formatHostPort(own.address)) return [];
  return [problem(
    values,
    RAFT_SETTINGS.advertise,
    `${words(values, RAFT_SETTINGS.advertise)}, but cluster.members has ` +
      `${id}@${formatHostPort(own.address)}; allowed: the same address in both`,
  )];
}

/** Says why nobody can connect to an address; null where somebody can. Those of HTTP are asked by `fetch`. */
function whyNotReached(
  { host, port }: HostPort,
  isHttp: boolean,
): string | null {
  if (isUnspecified(host)) return "where nobody can connect to";
  return isHttp && isBlockedPort(port)
    ? "whose port clients of HTTP refuse"
    : null;
}

function checkMemberAddresses(values: SettledValues): ConfigProblem[] {
  const members = valueOf(values, CLUSTER_SETTINGS.members) ?? [];
  const wrong = members.find(({ address }) => whyNotReached(address, true));
  if (wrong === undefined) return [];
  return [problem(
    values,
    CLUSTER_SETTINGS.members,
    `cluster.members has ${wrong.id}@${formatHostPort(wrong.address)}, ` +
      `${
        whyNotReached(wrong.address, true)
      }; allowed: the address at which the peers reach the member`,
  )];
}

function checkAdvertised(values: SettledValues): ConfigProblem[] {
  const members = valueOf(values, CLUSTER_SETTINGS.members) ?? [];
  const rows = [
    RAFT_SETTINGS.advertise,
    API_SETTINGS.advertise,
    POSTGRESQL_SETTINGS.advertise,
  ];
  return rows.flatMap((row) => {
    const address = valueOf(values, row);
    if (address === undefined) return [];
    const why = whyNotReached(address, row !== POSTGRESQL_SETTINGS.advertise);
    if (why === null) return [];
    const isFollowUp = isUnspecified(address.host) &&
      row !== RAFT_SETTINGS.advertise && !isWritten(values, row);
    // The list of members is then wrong itself, and reported.
    const isMember = members.some((member) =>
      formatHostPort(member.address) === formatHostPort(address)
    );
    if (isFollowUp || isMember) return [];
    return [problem(
      values,
      row,
      `${words(values, row)}, ${why}; set ${
        settingOf(row).name
      } to the address at which others reach this node`,
    )];
  });
}

function checkSecret(values: SettledValues): ConfigProblem[] {
  const listen = valueOf(values, RAFT_SETTINGS.listen);
  const secret = valueOf(values, CLUSTER_SETTINGS.secretFile);
  if (listen === undefined || secret !== null || isLoopback(listen.host)) {
    return [];
  }
  const isDefault =
    values.get(CLUSTER_SETTINGS.secretFile)?.origin.kind === "default";
  const missing = isDefault
    ? `cluster.secret_file is not set, nor is there ${CLUSTER_SETTINGS.secretFile.default}`
    : words(values, CLUSTER_SETTINGS.secretFile);
  return [problem(
    values,
    isDefault ? RAFT_SETTINGS.listen : CLUSTER_SETTINGS.secretFile,
    `${
      words(values, RAFT_SETTINGS.listen)
    }, which other machines reach, and ${missing}; ` +
      "set cluster.secret_file to a file with the same secret on all nodes, or raft.listen to 127.0.0.1",
  )];
}

interface Listener {
  readonly row: Setting<unknown>;
  readonly address: HostPort;
}

function listeners(values: SettledValues): Listener[] {
  const rows = [
    RAFT_SETTINGS.listen,
    API_SETTINGS.listen,
    POSTGRESQL_SETTINGS.listen,
    ROUTER_SETTINGS.readWrite,
    ROUTER_SETTINGS.readOnly,
    BRIDGE_SETTINGS.listen,
  ];
  return rows.flatMap((row) => {
    const address = valueOf<HostPort | null>(values, row) ?? null;
    return address === null ? [] : [{ row, address }];
  });
}

function collide(a: HostPort, b: HostPort): boolean {
  return a.port === b.port &&
    (a.host === b.host || isUnspecified(a.host) || isUnspecified(b.host));
}

function checkPorts(values: SettledValues): ConfigProblem[] {
  const all = listeners(values);
  return all.flatMap((later, index) => {
    const earlier = all.slice(0, index).find((other) =>
      collide(other.address, later.address)
    );
    if (earlier === undefined) return [];
    const culprit = isWritten(values, later.row) ? later.row : earlier.row;
    return [problem(
      values,
      culprit,
      `${words(values, earlier.row)} and ` +
        `${words(values, later.row)}; allowed: a port of its own for each`,
    )];
  });
}

/** Reports `row` when it is given and what it needs is not. */
function needs(
  values: SettledValues,
  row: Setting<string | null>,
  needed: Setting<string | null>,
): ConfigProblem[] {
  if ((valueOf(values, row) ?? null) === null) return [];
  if (valueOf(values, needed) !== null) return [];
  const message = `${words(values, row)}, but ${
    settingOf(needed).name
  } is not set; set both or none`;
  return [problem(values, row, message)];
}

function checkApiTls(values: SettledValues): ConfigProblem[] {
  const { tlsCert, tlsKey, tlsCa, tlsVerifyClients } = API_SETTINGS;
  const problems = [
    ...needs(values, tlsCert, tlsKey),
    ...needs(values, tlsKey, tlsCert),
  ];
  if (valueOf(values, tlsVerifyClients) !== true) return problems;
  const missing = [tlsCert, tlsCa].find((row) => valueOf(values, row) === null);
  if (missing === undefined || problems.length > 0) return problems;
  return [problem(
    values,
    tlsVerifyClients,
    `${words(values, tlsVerifyClients)}, but ${
      settingOf(missing).name
    } is not set; set it too`,
  )];
}

function checkApiFiles(values: SettledValues): ConfigProblem[] {
  const { tokenFile, readTokenFile } = API_SETTINGS;
  const problems = checkApiTls(values);
  const token = valueOf(values, tokenFile) ?? null;
  const readToken = valueOf(values, readTokenFile) ?? null;
  if (readToken !== null && token === null) {
    problems.push(problem(
      values,
      readTokenFile,
      `${
        words(values, readTokenFile)
      }, but api.token_file is not set; set it too`,
    ));
  }
  const bridge = valueOf<HostPort | null>(values, BRIDGE_SETTINGS.listen) ??
    null;
  if (bridge !== null && token === null) {
    problems.push(problem(
      values,
      BRIDGE_SETTINGS.listen,
      `${
        words(values, BRIDGE_SETTINGS.listen)
      }, but api.token_file is not set, whose token is the password there; set it too`,
    ));
  }
  if (readToken !== null && readToken === token) {
    problems.push(problem(
      values,
      readTokenFile,
      `${words(values, readTokenFile)}, the same as api.token_file; ` +
        "allowed: a file of its own, or everyone who may read may change",
    ));
  }
  return problems;
}

function checkPeerTls(values: SettledValues): ConfigProblem[] {
  const { tlsCert, tlsOptional } = RAFT_SETTINGS;
  const problems = checkAllThree(values, RAFT_SETTINGS);
  const isAlone = valueOf(values, tlsOptional) === true &&
    valueOf(values, tlsCert) === null;
  if (!isAlone || problems.length > 0) return problems;
  return [problem(
    values,
    tlsOptional,
    `${
      words(values, tlsOptional)
    }, but raft.tls_cert is not set; set tls_cert, tls_key and tls_ca too, or leave it out`,
  )];
}

function checkServerTls(values: SettledValues): ConfigProblem[] {
  return checkAllThree(values, POSTGRESQL_SETTINGS);
}

function checkAllThree(
  values: SettledValues,
  { tlsCert, tlsKey, tlsCa }:
    | typeof RAFT_SETTINGS
    | typeof POSTGRESQL_SETTINGS,
): ConfigProblem[] {
  const rows = [tlsCert, tlsKey, tlsCa];
  const given = rows.find((row) => (valueOf(values, row) ?? null) !== null);
  const missing = rows.filter((row) => valueOf(values, row) === null);
  if (given === undefined || missing.length === 0) return [];
  const names = missing.map((row) => settingOf(row).name).join(" and ");
  return [problem(
    values,
    given,
    `${words(values, given)}, but ${names} is not set; set all three or none`,
  )];
}

function checkFirstContent(values: SettledValues): ConfigProblem[] {
  const { firstUser, firstUserPasswordFile } = POSTGRESQL_SETTINGS;
  if ((valueOf(values, firstUserPasswordFile) ?? null) === null) return [];
  if (valueOf(values, firstUser) !== null) return [];
  return [problem(
    values,
    firstUserPasswordFile,
    `${
      words(values, firstUserPasswordFile)
    }, but postgresql.first_user is not set; set it too, or neither`,
  )];
}

function checkDirectories(values: SettledValues): ConfigProblem[] {
  const node = valueOf(values, NODE_SETTINGS.dataDir);
  const postgresql = valueOf(values, POSTGRESQL_SETTINGS.dataDir);
  if (node === undefined || postgresql === undefined) return [];
  const inside = `${node}/`.startsWith(
    postgresql === "/" ? "/" : `${postgresql}/`,
  );
  if (!inside) return [];
  return [problem(
    values,
    POSTGRESQL_SETTINGS.dataDir,
    `${words(values, POSTGRESQL_SETTINGS.dataDir)} and ${
      words(values, NODE_SETTINGS.dataDir)
    }; ` +
      "allowed: a directory of PostgreSQL's own that does not hold node.data_dir",
  )];
}

/** Without PostgreSQL its settings and the router's mean nothing, so nothing about them is wrong. */
function meaningful(values: SettledValues): SettledValues {
  if (valueOf(values, POSTGRESQL_SETTINGS.managed) !== false) return values;
  const ignored = new Set<Setting<unknown>>([
    ...Object.values(POSTGRESQL_SETTINGS),
    ...Object.values(ROUTER_SETTINGS),
    ...Object.values(BRIDGE_SETTINGS),
  ]);
  return new Map([...values].filter(([row]) => !ignored.has(row)));
}

/**
 * Checks what no value can tell by itself.
 *
 * @param all The values that could be read; checks on others are left out.
 * @returns What contradicts itself.
 */
export function crossCheck(all: SettledValues): ConfigProblem[] {
  const values = meaningful(all);
  return [
    checkTimes,
    checkFormation,
    checkOwnMember,
    checkMemberAddresses,
    checkAdvertised,
    checkSecret,
    checkPorts,
    checkApiFiles,
    checkPeerTls,
    checkServerTls,
    checkFirstContent,
    checkDirectories,
  ].flatMap((check) => check(values));
}
