import { join } from "node:path";
import {
  type Clock,
  formatHostPort,
  type HostPort,
  isLoopback,
  systemRandom,
} from "../../base/mod.ts";
import { type Agent, isManaged, startAgent } from "../../pg/agent/mod.ts";
import type { ClusterState } from "../../pg/cluster/mod.ts";
import {
  createInstance,
  findOsUser,
  type Instance,
  InstanceError,
  type InstanceLog,
  type OsUser,
  ownedReason,
  syncRaceFixedIn,
} from "../../pg/instance/mod.ts";
import type { Report, SourceView } from "../../pg/policy/mod.ts";
import type { HttpTransport } from "../../raft/http/mod.ts";
import type { NodeId, RaftServer } from "../../raft/mod.ts";
import type { NodeConfig } from "../config/mod.ts";
import { createBackups, type Feed } from "./backups.ts";
import { binariesOf } from "./binaries.ts";
import { logger } from "../logging/mod.ts";
import { refuseUnadoptable } from "./adoption.ts";
import { readFirstContent } from "./first_content.ts";
import { instanceOptions } from "./instance_options.ts";
import { type Leading, startLeading } from "./leading.ts";
import { createProposer, type Proposer } from "./proposing.ts";
import { createRoleHook, type RoleHook } from "./role_change.ts";
import { createWatch, type Watch } from "./watch.ts";

/** How long PostgreSQL may run without its agent (R7, R8). */
export const AGENT_GRACE_MS = 3000;
/** What a node asks of another's where it has no pg_basebackup. */
export const BACKUP_FEED = "backup";
/** A source that sends nothing for so long is frozen, or gone without a word. */
const BACKUP_IDLE_TIMEOUT_MS = 30_000;
/** How long the state may take to be confirmed before it is asked for again (R15). */
const CONFIRM_TIMEOUT_MS = 1000;
/** The least space that a data directory wants before anything is made in it. */
const MIN_FREE_BYTES = 200 * 1024 * 1024;

const LOG = logger("postgresql");

/** High availability on one node: what it hears, what it decides when it leads, and its own agent. */
export interface HighAvailability {
  readonly watch: Watch;
  readonly proposer: Proposer;
  readonly leading: Leading;
  readonly clock: Clock;
  state(): ClusterState;
  /** Resolves once everything committed before is applied here: an operator decides on nothing older. */
  confirm(): Promise<void>;
  /** Calls `listener` after changes; returns how to end that. */
  onChange(listener: () => void): () => void;
  /** Why this node's PostgreSQL would not take parameters; null when it would, or when there is none here. */
  checkParameters(
    parameters: ReadonlyMap<string, string>,
  ): Promise<string | null>;
  /** Copies this member's data for a peer; null where there is none, or no room for another. */
  backup(): Promise<Feed | null>;
  /** Takes what a peer's agent told. */
  takeNote(data: Uint8Array): void;
  /** Takes that a peer's process is gone, or there. */
  presence(id: NodeId, present: boolean): void;
  stop(): Promise<void>;
}

/** What it is made of. */
export interface HaOptions {
  readonly config: NodeConfig;
  readonly raft: RaftServer;
  readonly clock: Clock;
  /** This node's PostgreSQL; null for a witness. */
  readonly local: LocalPostgres | null;
  http(): HttpTransport;
  state(): ClusterState;
  /** The election timeout now; it can change. */
  electionTimeoutMs(): number;
  /** PostgreSQL has read its configuration files again. */
  configurationLoaded(): void;
  /** Whether PostgreSQL is to read its configuration files again; says so once. */
  takeReloadWish(): boolean;
  /** Is told whenever something new is known of an agent. */
  onNews(): void;
}

/** A PostgreSQL that was found fit to be managed. */
export interface LocalPostgres {
  readonly instance: Instance;
  /** Who runs it; null for this process's own user. */
  readonly osUser: OsUser | null;
  readonly version: string;
  readonly canRewind: boolean;
}

/**
 * Finds this node's PostgreSQL and everything that is wrong with it, before anything was changed.
 *
 * @param config The node's configuration.
 * @param makeDirectory Makes the node's directory, in which the instance has its own; called when nothing
 * is wrong with what can be seen without it.
 * @returns The instance; null where PostgreSQL is not managed.
 * @throws {InstanceError} When it can't be managed, with the way out.
 */
export async function findPostgres(
  config: NodeConfig,
  makeDirectory: () => Promise<void>,
): Promise<LocalPostgres | null> {
  const { postgresql, cluster, node } = config;
  if (!postgresql.managed) {
    await makeDirectory();
    return null;
  }
  for (const name of postgresql.parameters.keys()) {
    const reason = ownedReason(name);
    if (reason === null) continue;
    throw new InstanceError(
      "bad_setting",
      `[postgresql.parameters] sets ${name}, which pgraft owns: ${reason}; remove it`,
    );
  }
  await refuseBadCommand(postgresql.onRoleChange);
  const binaries = await binariesOf(config, makeDirectory);
  refuseSyncRace(binaries.version, cluster.synchronousMode);
  const osUser = await findOsUser(postgresql.osUser);
  await makeDirectory();
  const log: InstanceLog = (level, message, fields) =>
    LOG[level](message, fields);
  const options = instanceOptions(config, { binaries, osUser, log });
  const instance = createInstance(options);
  if (!options.tls && !isLoopback(postgresql.advertise.host)) {
    LOG.warning(
      "Replication leaves this machine without TLS: set tls_cert, tls_key and tls_ca in [postgresql]",
    );
  }
  if (osUser !== null && osUser.name !== postgresql.osUser) {
    LOG.warning(
      `There is no user ${postgresql.osUser}: PostgreSQL runs as ${osUser.name}`,
    );
  }
  if (!await isManaged(join(node.dataDir, "ha"))) {
    if (cluster.adopt) await refuseUnadoptable(options, log);
    else await refuseForeign(instance, postgresql.dataDir);
  }
  await refuseTakenPort(instance, postgresql.listen);
  await refuseBadDirectory(instance, postgresql.dataDir);
  return {
    instance,
    osUser,
    version: binaries.version,
    canRewind: binaries.hasRewind,
  };
}

async function refuseBadCommand(path: string | null): Promise<void> {
  if (path === null) return;
  const info = await Deno.stat(path).catch(() => null);
  if (info?.isFile && ((info.mode ?? 0) & 0o111) !== 0) return;
  throw new InstanceError(
    "bad_setting",
    `on_role_change in [postgresql] is ${path}, which is no program: chmod +x it, or correct the path`,
  );
}

/** R5: a start-up race lets commits through that nobody holds (T9). */
function refuseSyncRace(version: string, mode: string): void {
  const fixedIn = syncRaceFixedIn(version);
  if (fixedIn === null || mode === "off") return;
  throw new InstanceError(
    "bad_version",
    `PostgreSQL ${version} can lose acknowledged commits at its start: install ${fixedIn} or later, ` +
      "or set synchronous_mode = off in [cluster]",
  );
}

/** A database that pgraft did not make is never touched. */
async function refuseForeign(
  instance: Instance,
  dataDir: string,
): Promise<void> {
  const data = await instance.inspect();
  if (data.kind === "empty") return;
  if (data.kind === "unusable") {
    throw new InstanceError("unreadable_data", data.reason);
  }
  throw new InstanceError(
    "foreign_data",
    `${dataDir} holds a database that pgraft did not make (system identifier ${data.systemId}): ` +
      "choose an empty directory in [postgresql] data_dir, move that one away, or found the cluster with it: serve --adopt",
  );
}

/** Found out before anything is made that could then not be served. */
async function refuseTakenPort(
  instance: Instance,
  { host, port }: HostPort,
): Promise<void> {
  if (await instance.postmaster()) return;
  try {
    Deno.listen({ hostname: host, port }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new InstanceError(
      "port_taken",
      `Port ${
        formatHostPort({ host, port })
      } is taken by another process: stop that one, or set listen in [postgresql]`,
    );
  }
}

async function refuseBadDirectory(
  instance: Instance,
  dataDir: string,
): Promise<void> {
  const data = await instance.inspect();
  if (data.kind !== "empty") return;
  const freeBytes = await instance.diskFreeBytes();
  if (freeBytes === null || freeBytes >= MIN_FREE_BYTES) return;
  const mebibytes = Math.round(freeBytes / 1024 / 1024);
  throw new InstanceError(
    "disk_full",
    `${dataDir} has ${mebibytes} MB free, and PostgreSQL needs ${
      MIN_FREE_BYTES / 1024 / 1024
    } MB to begin with: free some, or choose another directory`,
  );
}

/** Starts high availability on a node that takes part in its group. */
export async function startHa(options: HaOptions): Promise<HighAvailability> {
  const { config, raft, clock, state, electionTimeoutMs } = options;
  const proposer = createProposer(raft);
  const parts: { leading: Leading | null; agent: Agent | null } = {
    leading: null,
    agent: null,
  };
  const watch = createWatch({
    clock,
    electionTimeoutMs,
    onNews: () => {
      parts.leading?.poke();
      options.onNews();
    },
  });
  const leading = startLeading({
    raft,
    watch,
    clock,
    proposer,
    state,
    settings: {
      get electionTimeoutMs(): number {
        return electionTimeoutMs();
      },
      agentGraceMs: AGENT_GRACE_MS,
      maximumLagBytes: config.cluster.maximumLagBytes,
      adopts: config.cluster.adopt,
    },
  });
  parts.leading = leading;
  const onChange = whenChanged(raft, state);
  const forget = onChange(() => leading.poke());
  const hook = createRoleHook({
    command: config.postgresql.onRoleChange,
    timeoutMs: config.postgresql.onRoleChangeTimeoutMs,
    env: {
      PGRAFT_NODE_ID: String(config.node.id),
      PGRAFT_NODE_NAME: config.node.name,
      PGRAFT_CLUSTER: config.cluster.name,
    },
    clock,
    wallMs: () => Date.now(),
    log: (level, message, fields) => LOG[level](message, fields),
  });
  parts.agent = await beginAgent(options, { watch, proposer, onChange, hook });
  return {
    watch,
    proposer,
    leading,
    clock,
    state,
    confirm: () => raft.read(() => {}),
    onChange,
    checkParameters: async (parameters) =>
      await options.local?.instance.checkParameters(parameters) ?? null,
    backup: createBackups(options.local?.instance ?? null),
    takeNote: (data) => watch.heard(decodeReport(data)),
    presence(id, present): void {
      watch.presence(id, present);
      if (!present) parts.agent?.poke();
    },
    async stop(): Promise<void> {
      await parts.agent?.stop();
      await hook.stop(config.postgresql.onStop === "stop");
      forget();
      await leading.stop();
    },
  };
}

type OnChange = (listener: () => void) => () => void;

/** Of all that Raft does, only what changes PostgreSQL's state or who leads: keys and values are not. */
function whenChanged(raft: RaftServer, state: () => ClusterState): OnChange {
  return (listener) => {
    let seen = state();
    let { term, leaderId } = raft.leadership();
    return raft.onChange(() => {
      const now = raft.leadership();
      const isSame = state() === seen && now.term === term &&
        now.leaderId === leaderId;
      if (isSame) return;
      seen = state();
      ({ term, leaderId } = now);
      listener();
    });
  };
}

async function beginAgent(
  options: HaOptions,
  { watch, proposer, onChange, hook }: {
    hook: RoleHook;
    watch: Watch;
    proposer: Proposer;
    onChange: OnChange;
  },
): Promise<Agent | null> {
  const { config, raft, clock, local, http, state } = options;
  if (!local) return null;
  const { id, dataDir } = config.node;
  const { advertise, onStop } = config.postgresql;
  return await startAgent({
    id,
    instance: local.instance,
    version: local.version,
    canRewind: local.canRewind,
    address: advertise,
    mode: config.cluster.synchronousMode,
    maximumLagBytes: config.cluster.maximumLagBytes,
    parameters: config.postgresql.parameters,
    adopt: config.cluster.adopt,
    firstContent: () => readFirstContent(config.postgresql),
    directory: join(dataDir, "ha"),
    get electionTimeoutMs(): number {
      return options.electionTimeoutMs();
    },
    agentGraceMs: AGENT_GRACE_MS,
    keepOnStop: onStop === "keep",
    clock,
    random: systemRandom(),
    log: (level, message, fields) => LOG[level](message, fields),
    ports: {
      state,
      onChange,
      confirm: () => raft.read(() => {}, { timeoutMs: CONFIRM_TIMEOUT_MS }),
      propose: (command) => proposer.propose(command),
      broadcast(seen): void {
        hook.saw(seen);
        const roleChange = hook.last();
        const report = roleChange === null ? seen : { ...seen, roleChange };
        watch.heard(report);
        const note = encodeReport(report);
        for (const member of raft.status().members) {
          if (member.id !== id) http().note(member.id, note);
        }
      },
      hasLeader: () => raft.status().leaderId !== 0,
      isAgentLost: (other) => watch.isLost(other),
      isStreaming(other, epoch): boolean {
        const following = watch.report(other)?.following;
        return !watch.isLost(other) && following?.epoch === epoch &&
          following.streaming;
      },
      awaitsCheckpoint: (other) =>
        !watch.isLost(other) && watch.report(other)?.awaitsCheckpoint === true,
      sourceOf(other, epoch): SourceView {
        const primary = watch.report(other)?.primary;
        if (watch.isLost(other) || primary?.epoch !== epoch) return "unheard";
        return primary.hasCheckpoint ? "checkpointed" : "reigns";
      },
      openBackup: (from, signal) => openBackup(raft, http(), from, signal),
      wallMs: () => Date.now(),
      configurationLoaded: () => options.configurationLoaded(),
      takeReloadWish: () => options.takeReloadWish(),
    },
  });
}

function openBackup(
  raft: RaftServer,
  http: HttpTransport,
  from: NodeId,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  const member = raft.status().members.find(({ id }) => id === from);
  if (!member) throw new Error(`Node ${from} is no member`);
  const { id, address } = member;
  return http.feed({ id, address }, BACKUP_FEED, {
    idleTimeoutMs: BACKUP_IDLE_TIMEOUT_MS,
    ...signal ? { signal } : {},
  });
}

function encodeReport(report: Report): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(report));
}

/** Peers share a secret and a version: what they send is a report. */
function decodeReport(data: Uint8Array): Report {
  return JSON.parse(new TextDecoder().decode(data));
}
