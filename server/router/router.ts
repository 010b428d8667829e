import { isIP } from "node:net";
import { lookup } from "node:dns/promises";
import { type Clock, every, type HostPort, messageOf } from "../../base/mod.ts";
import type { ClusterState, MemberId } from "../../pg/cluster/mod.ts";
import type { Observations } from "../../pg/policy/mod.ts";
import type { NodeConfig } from "../config/mod.ts";
import { logger } from "../logging/mod.ts";
import { judgeCancel } from "./cancels.ts";
import { type Crew, type CrewNews, startCrew } from "./crew.ts";
import type {
  Address,
  Lease,
  LoopPorts,
  LoopSettings,
  LoopStats,
} from "./loop/mod.ts";
import { createNames, type Names } from "./names.ts";
import { EMPTY_TABLE, routesOf, type RouteTable } from "./routes/mod.ts";

/** What a router asks of its node. */
export interface RouterPorts {
  readonly clock: Clock;
  /** The replicated state as it is applied here. */
  state(): ClusterState;
  /** What agents told last; null before this node takes part. */
  observations(): Observations | null;
  /** Resolves once everything that was committed before the call is applied here. */
  confirm(timeoutMs: number): Promise<void>;
  /** Whether a session of a member's PostgreSQL waits for standbys to hold its commit. */
  isAwaitingSync(member: MemberId, pid: number): Promise<boolean>;
}

/** What a router needs of its node's configuration. */
export interface RouterConfig {
  readonly router: NodeConfig["router"];
  readonly raft: Pick<NodeConfig["raft"], "electionTimeoutMs">;
}

/** A node's router. */
export interface Router {
  /** Where it listens; null for not at all. */
  readonly doors: LoopPorts;
  /** Looks at the state again; to be called whenever it or a report may be new. */
  poke(): void;
  /** Looks at the state again if it is another one; to be called whenever something was applied. */
  applied(): void;
  /** What it does and did, as of now. */
  stats(): Promise<LoopStats>;
  /** The same, as of when they were last asked for; null before that. */
  lastStats(): LoopStats | null;
  /** Takes no new sessions any more, or does again; those that stand go on. */
  setDrained(isDrained: boolean): Promise<LoopStats>;
  /** Ends it and all its sessions. */
  stop(): Promise<void>;
}

/** Looks within an election timeout; one that is late still leaves others. */
const LOOKS_PER_TIMEOUT = 4;
/** Confirmations within an election timeout, while they are wanted. */
const CONFIRMATIONS_PER_TIMEOUT = 3;
const STATS_TIMEOUT_MS = 2000;
/** So many threads at most, where the operator names no number. */
const MAX_OWN_THREADS = 8;
/** How long after its threads ended on their own a router is started again. */
const RESTART_MS = 1000;
/** So many may ask for figures at once. */
const MAX_ASKERS = 1000;

const LOG = logger("router");

interface Life {
  readonly ports: RouterPorts;
  readonly config: RouterConfig;
  readonly settings: LoopSettings;
  readonly names: Names;
  crew: Crew | null;
  table: string;
  state: ClusterState | null;
  /** Until when the loop may trust its routes, and from when on it asks for more. */
  lease: Lease;
  /** Whether somebody waits for a lease. */
  isLeaseWanted: boolean;
  confirming: Promise<void> | null;
  isDrained: boolean;
  isStopping: boolean;
  last: LoopStats | null;
  sequence: number;
  readonly askers: Map<number, (stats: LoopStats) => void>;
  readonly cancels: Set<Promise<void>>;
}

/**
 * Starts a node's router, where it has one.
 *
 * @param config The node's configuration.
 * @param ports What it asks of its node.
 * @returns The router; null where no port is set.
 * @throws {Error} When it can't listen.
 */
export async function startRouter(
  config: RouterConfig,
  ports: RouterPorts,
): Promise<Router | null> {
  const { readWrite, readOnly } = config.router;
  if (readWrite === null && readOnly === null) return null;
  const settings = await settingsOf(config);
  const life: Life = {
    ports,
    config,
    settings,
    names: createNames(() => ports.clock.nowMs(), () => look(life)),
    crew: null,
    table: "",
    state: null,
    lease: { untilMs: -Infinity, renewMs: -Infinity },
    isLeaseWanted: false,
    confirming: null,
    isDrained: false,
    isStopping: false,
    last: null,
    sequence: 0,
    askers: new Map(),
    cancels: new Set(),
  };
  const doors = await begin(life);
  const everyMs = config.raft.electionTimeoutMs / LOOKS_PER_TIMEOUT;
  const timer = every(ports.clock, everyMs, () => tick(life));
  return {
    doors,
    poke: () => look(life),
    applied: () => {
      if (ports.state() !== life.state) look(life);
    },
    stats: async () => {
      const { crew } = life;
      if (crew && crew.nowMs() >= life.lease.renewMs) await confirm(life);
      return await askStats(life);
    },
    lastStats: () => life.last,
    setDrained: (isDrained) => {
      life.isDrained = isDrained;
      life.crew?.order({ kind: "drain", isDrained });
      LOG.info(isDrained ? "Takes no new sessions" : "Takes sessions again");
      return askStats(life);
    },
    stop: async () => {
      life.isStopping = true;
      timer.cancel();
      await life.crew?.stop();
      await life.confirming;
      await Promise.all(life.cancels);
    },
  };
}

async function begin(life: Life): Promise<LoopPorts> {
  life.table = "";
  const crew = await startCrew(
    life.settings,
    (news, loop) => hear(life, news, loop),
  );
  life.crew = crew;
  const { read_write: readWrite, read_only: readOnly } = crew.ports;
  LOG.info("The router listens", { readWrite, readOnly });
  crew.order({ kind: "drain", isDrained: life.isDrained });
  look(life);
  void crew.ended.then((why) => {
    life.crew = null;
    if (life.isStopping) return;
    LOG.error("The router has ended and is started again", { reason: why });
    beginAgain(life);
  });
  return crew.ports;
}

function beginAgain(life: Life): void {
  life.ports.clock.after(RESTART_MS, () => {
    if (life.isStopping) return;
    begin(life).catch((error) => {
      LOG.error(messageOf(error));
      beginAgain(life);
    });
  });
}

function tick(life: Life): void {
  // Whether an agent is silent shows by the clock alone.
  look(life);
  if (life.isLeaseWanted) void confirm(life);
}

/** Has the state confirmed; whoever comes while that is under way takes part in it. */
function confirm(life: Life): Promise<void> {
  return life.confirming ??= takeLease(life).finally(() =>
    life.confirming = null
  );
}

/**
 * What is committed before a confirmation begins is applied here when it ends: so until an election timeout
 * after it began no other primary has taken over without this node's knowledge for longer than that.
 */
async function takeLease(life: Life): Promise<void> {
  const { crew, config, ports } = life;
  if (!crew) return;
  const { electionTimeoutMs } = config.raft;
  const startedMs = crew.nowMs();
  try {
    await ports.confirm(electionTimeoutMs);
  } catch {
    // Without it the lease ends by itself; whoever wants one still does at the next tick.
    return;
  }
  life.isLeaseWanted = false;
  life.lease = {
    untilMs: startedMs + electionTimeoutMs,
    renewMs: startedMs + electionTimeoutMs / CONFIRMATIONS_PER_TIMEOUT,
  };
  look(life);
  crew.order({ kind: "lease", ...life.lease });
}

/** Tells the loop where sessions may go now, when that is new. */
function look(life: Life): void {
  const { crew, ports, config, names } = life;
  if (!crew) return;
  const seen = ports.observations();
  const state = ports.state();
  life.state = state;
  const { maxLagBytes, readOnlyFallback } = config.router;
  const routes = seen === null
    ? EMPTY_TABLE
    : routesOf(state, seen, { maxLagBytes, readOnlyFallback });
  const table = addressed(routes, names);
  const text = JSON.stringify(table);
  if (text === life.table) return;
  life.table = text;
  crew.order({ kind: "table", table });
}

/** Routes with addresses in place of names; whose name is not known yet is left out. */
function addressed(routes: RouteTable, names: Names): RouteTable {
  const resolve = <T extends HostPort>(target: T | null): T | null => {
    const host = target && names.addressOf(target.host);
    return target && host ? { ...target, host } : null;
  };
  const primary = resolve(routes.primary);
  const why = routes.primary && !primary
    ? `The address of ${routes.primary.host} is not known`
    : routes.why;
  return {
    ...routes,
    primary,
    why,
    standbys: routes.standbys.flatMap((one) => resolve(one) ?? []),
    fallback: resolve(routes.fallback),
  };
}

function hear(life: Life, news: CrewNews, loop: number): void {
  switch (news.kind) {
    case "stats": {
      life.last = news.stats;
      life.askers.get(news.sequence)?.(news.stats);
      life.askers.delete(news.sequence);
      return;
    }
    case "wanted":
      life.isLeaseWanted = true;
      return void confirm(life);
    case "log":
      return LOG[news.level](news.message, { ...news.fields });
    case "cancel": {
      const judging = judge(life, news, loop);
      life.cancels.add(judging);
      void judging.finally(() => life.cancels.delete(judging));
      return;
    }
  }
}

async function judge(
  life: Life,
  { id, target, pid }: Extract<CrewNews, { kind: "cancel" }>,
  loop: number,
): Promise<void> {
  const { ports } = life;
  const verdict = await judgeCancel({
    clock: ports.clock,
    isLive: () => {
      const { phase } = ports.state();
      return !life.isStopping && phase.kind === "open" &&
        phase.epoch === target.epoch;
    },
    isAwaitingSync: () => ports.isAwaitingSync(target.member, pid),
  });
  life.crew?.orderOne(loop, { kind: "cancel", id, verdict });
}

async function askStats(life: Life): Promise<LoopStats> {
  const { crew, askers, ports } = life;
  if (!crew || askers.size >= MAX_ASKERS) {
    throw new Error("The router does not run; it is started again");
  }
  const { promise, resolve, reject } = Promise.withResolvers<LoopStats>();
  const sequence = ++life.sequence;
  askers.set(sequence, resolve);
  const timer = ports.clock.after(
    STATS_TIMEOUT_MS,
    () => reject(new Error("The router does not answer")),
  );
  crew.order({ kind: "stats", sequence });
  try {
    return await promise;
  } finally {
    timer.cancel();
    askers.delete(sequence);
  }
}

async function settingsOf({ router }: RouterConfig): Promise<LoopSettings> {
  const { readWrite, readOnly, threads, ...rest } = router;
  const ownThreads = Math.min(navigator.hardwareConcurrency, MAX_OWN_THREADS);
  return {
    ...rest,
    threads: threads > 0 ? threads : ownThreads,
    listen: {
      read_write: await addressFor(readWrite),
      read_only: await addressFor(readOnly),
    },
  };
}

async function addressFor(place: HostPort | null): Promise<Address | null> {
  if (place === null) return null;
  if (isIP(place.host) !== 0) return place;
  const { address } = await lookup(place.host);
  return { host: address, port: place.port };
}
