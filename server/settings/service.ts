import { type Clock, messageOf, type Timer } from "../../base/mod.ts";
import type { SettingView } from "../bridge/mod.ts";
import type { NodeConfig } from "../config/mod.ts";
import { logger } from "../logging/mod.ts";
import {
  type ClusterSettings,
  type SetClusterSettings,
  type SettingsResult,
  timingFault,
} from "../machine/mod.ts";
import { LIVE_DEFAULTS, type LiveSettings } from "./live.ts";
import {
  SETTING_ROWS,
  type SettingRow,
  type SettingSource,
  shownValue,
} from "./table.ts";

/** How long after a reload the files are read, so that a failover's own reloads are over. */
const READ_DELAY_MS = 200;
/** How long a failover is waited for before they are read. */
const BUSY_DELAY_MS = 1000;
/** How long after a change the server's files follow. */
const WRITE_DELAY_MS = 500;
const PREFIX = "pgraft.";

const LOG = logger("settings");

/** The world of a node's settings. */
export interface SettingsPorts {
  readonly config: NodeConfig;
  readonly clock: Clock;
  /** What is shown of the group. */
  group(): Omit<SettingSource, "config" | "live">;
  /** What all nodes have alike. */
  cluster(): ClusterSettings;
  /** Has all nodes have something else. */
  propose(change: SetClusterSettings): Promise<SettingsResult>;
  /** Why times can't change now; null when they can. */
  timesFixed(): string | null;
  /** Takes what is in force from now on. */
  apply(live: LiveSettings): void;
  /** What the server's files say of `pgraft.*`, the last word for each name. */
  readFiles(): Promise<ReadonlyMap<string, string>>;
  /** Writes what the server shows where nobody has set it; returns whether that changed anything. */
  writeFiles(settings: ReadonlyMap<string, string>): Promise<boolean>;
  /** Whether a failover is under way, in which PostgreSQL is left alone. */
  isBusy(): boolean;
}

/** A node's `pgraft.*` settings. */
export interface Settings {
  readonly live: Readonly<LiveSettings>;
  /** Every setting, for `pgraft.settings`. */
  views(): SettingView[];
  /** PostgreSQL has read its files again. */
  configurationLoaded(): void;
  /** The group has changed: what all have alike, its members or its primary. */
  groupChanged(): void;
  /** Whether PostgreSQL has to read its files again; says so once. */
  takeReloadWish(): boolean;
  /** Writes what the server is to show, before its first start. */
  prepare(): Promise<void>;
  stop(): Promise<void>;
}

interface Memory {
  readonly ports: SettingsPorts;
  readonly base: LiveSettings;
  live: LiveSettings;
  /** What the server's files said at the last reading; null before it. */
  files: ReadonlyMap<string, string> | null;
  readonly refusals: Map<string, string>;
  cluster: ClusterSettings | null;
  /** What the server's files were last given to show. */
  written: ReadonlyMap<string, string>;
  reloadWish: boolean;
  isStopped: boolean;
  readTimer: Timer | null;
  writeTimer: Timer | null;
  work: Promise<void>;
}

/** Makes a node's settings, as its file has them. */
export function createSettings(ports: SettingsPorts): Settings {
  const { raft, log } = ports.config;
  const base: LiveSettings = {
    ...LIVE_DEFAULTS,
    heartbeatIntervalMs: raft.heartbeatIntervalMs,
    electionTimeoutMs: raft.electionTimeoutMs,
    snapshotDistance: raft.snapshotDistance,
    logLevel: log.level,
  };
  const memory: Memory = {
    ports,
    base,
    live: { ...base },
    files: null,
    refusals: new Map(),
    cluster: null,
    written: new Map(),
    reloadWish: false,
    isStopped: false,
    readTimer: null,
    writeTimer: null,
    work: Promise.resolve(),
  };
  return {
    get live(): Readonly<LiveSettings> {
      return memory.live;
    },
    views: () => SETTING_ROWS.map((row) => viewOf(memory, row)),
    configurationLoaded: () => scheduleRead(memory, READ_DELAY_MS),
    groupChanged: () => groupChanged(memory),
    takeReloadWish: () => {
      const wished = memory.reloadWish;
      memory.reloadWish = false;
      return wished;
    },
    prepare: () => write(memory),
    async stop(): Promise<void> {
      memory.isStopped = true;
      memory.readTimer?.cancel();
      memory.writeTimer?.cancel();
      await memory.work;
    },
  };
}

/** One after the other, and none after the end. */
function enqueue(memory: Memory, run: () => Promise<void>): void {
  memory.work = memory.work.then(async () => {
    if (!memory.isStopped) await run();
  }).catch((error) => {
    LOG.info("Settings could not be taken over yet", {
      reason: messageOf(error),
    });
    if (!memory.isStopped) scheduleRead(memory, BUSY_DELAY_MS);
  });
}

function scheduleRead(memory: Memory, delayMs: number): void {
  if (memory.isStopped || memory.readTimer) return;
  memory.readTimer = memory.ports.clock.after(delayMs, () => {
    memory.readTimer = null;
    if (memory.ports.isBusy()) scheduleRead(memory, BUSY_DELAY_MS);
    else enqueue(memory, () => read(memory));
  });
}

async function read(memory: Memory): Promise<void> {
  const former = memory.files;
  const files = await memory.ports.readFiles();
  memory.files = files;
  const live = { ...memory.live };
  const wish = { ...memory.live };
  const wished: SettingRow[] = [];
  for (const row of SETTING_ROWS) {
    const text = files.get(row.name);
    if (text === undefined) continue;
    const isNew = former !== null && former.get(row.name) !== text;
    if (row.change.kind === "cluster") {
      if (isNew && text !== shownValue(row.value(sourceOf(memory)))) {
        const why = row.change.take(text, wish);
        if (why === null) wished.push(row);
        else refuse(memory, row, text, why);
      } else if (isNew) memory.refusals.delete(row.name);
    } else takeOver(memory, row, text, live);
  }
  if (JSON.stringify(live) !== JSON.stringify(memory.live)) {
    memory.live = live;
    memory.ports.apply(live);
  }
  if (wished.length > 0) await proposeTimes(memory, wished, wish);
}

/** What is of this node alone. */
function takeOver(
  memory: Memory,
  row: SettingRow,
  text: string,
  live: LiveSettings,
): void {
  const { change } = row;
  const now = shownValue(row.value(sourceOf(memory)));
  if (change.kind === "live") {
    const why = change.take(text, live);
    if (why !== null) return refuse(memory, row, text, why);
    memory.refusals.delete(row.name);
    const next = shownValue(row.value({ ...sourceOf(memory), live }));
    if (next !== now) LOG.info(`${PREFIX}${row.name} is ${next} now`);
    return;
  }
  // What was written for it to show, and is not true any more, nobody wishes for.
  if (text === now || text === memory.written.get(`${PREFIX}${row.name}`)) {
    memory.refusals.delete(row.name);
    return;
  }
  refuse(memory, row, text, reasonAgainst(row));
}

function reasonAgainst({ change }: SettingRow): string {
  switch (change.kind) {
    case "restart":
      return `it needs a restart: set ${change.where} of pgraft.conf, and restart pgraft serve`;
    case "shown":
    case "inert":
      return change.why;
    default:
      return "it can't be taken over";
  }
}

function refuse(
  memory: Memory,
  row: SettingRow,
  text: string,
  why: string,
): void {
  const reason = `"${text}" is refused: ${why}`;
  if (memory.refusals.get(row.name) === reason) return;
  memory.refusals.set(row.name, reason);
  const now = shownValue(row.value(sourceOf(memory)));
  LOG.warning(
    `${PREFIX}${row.name} = ${reason}; it stays ${now === "" ? "empty" : now}`,
  );
}

async function proposeTimes(
  memory: Memory,
  rows: readonly SettingRow[],
  { heartbeatIntervalMs, electionTimeoutMs }: LiveSettings,
): Promise<void> {
  const change = { heartbeatIntervalMs, electionTimeoutMs };
  const why = timingFault(change) ?? memory.ports.timesFixed() ??
    await proposalFault(memory, change);
  for (const row of rows) {
    const text = memory.files?.get(row.name) ?? "";
    if (why === null) memory.refusals.delete(row.name);
    else refuse(memory, row, text, why);
  }
}

async function proposalFault(
  { ports }: Memory,
  change: SetClusterSettings,
): Promise<string | null> {
  try {
    const result = await ports.propose(change);
    return result.kind === "done" ? null : result.why;
  } catch (error) {
    return `the group did not agree to it (${
      messageOf(error)
    }); set it to another value and back to try again`;
  }
}

/** Everything but times that never changed rules from the start; times that all have alike rule here too. */
function groupChanged(memory: Memory): void {
  const { ports } = memory;
  const cluster = ports.cluster();
  if (cluster !== memory.cluster) {
    memory.cluster = cluster;
    adopt(memory, cluster);
  }
  if (memory.writeTimer || memory.isStopped) return;
  if (isSame(filesOf(memory), memory.written)) return;
  memory.writeTimer = ports.clock.after(WRITE_DELAY_MS, () => {
    memory.writeTimer = null;
    enqueue(memory, () => write(memory));
  });
}

function adopt(memory: Memory, cluster: ClusterSettings): void {
  const { live, base, ports } = memory;
  const {
    heartbeatIntervalMs = base.heartbeatIntervalMs,
    electionTimeoutMs = base.electionTimeoutMs,
  } = withoutNulls(cluster);
  const isAsBefore = heartbeatIntervalMs === live.heartbeatIntervalMs &&
    electionTimeoutMs === live.electionTimeoutMs;
  if (isAsBefore) return;
  memory.live = { ...live, heartbeatIntervalMs, electionTimeoutMs };
  LOG.info("All nodes have these times from now on", {
    heartbeatIntervalMs,
    electionTimeoutMs,
  });
  ports.apply(memory.live);
}

function withoutNulls(
  { heartbeatIntervalMs, electionTimeoutMs }: ClusterSettings,
): Partial<SetClusterSettings> {
  return {
    ...(heartbeatIntervalMs === null ? {} : { heartbeatIntervalMs }),
    ...(electionTimeoutMs === null ? {} : { electionTimeoutMs }),
  };
}

function sourceOf({ ports, live }: Memory): SettingSource {
  return { ...ports.group(), config: ports.config, live };
}

/**
 * What the server's files say where nobody has set anything. What is of this node alone is as pgraft's own
 * file has it, so that ALTER SYSTEM RESET leads back to that.
 */
function filesOf(memory: Memory): Map<string, string> {
  const source = sourceOf(memory);
  return new Map(SETTING_ROWS.map((row): [string, string] => {
    const live = row.change.kind === "live" ? memory.base : memory.live;
    return [
      `${PREFIX}${row.name}`,
      shownValue(row.value({ ...source, live })),
    ];
  }));
}

async function write(memory: Memory): Promise<void> {
  const files = filesOf(memory);
  if (await memory.ports.writeFiles(files)) memory.reloadWish = true;
  memory.written = files;
}

function isSame(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): boolean {
  return JSON.stringify([...one]) === JSON.stringify([...other]);
}

function viewOf(memory: Memory, row: SettingRow): SettingView {
  const { change } = row;
  const setting = shownValue(row.value(sourceOf(memory)));
  const fileSetting = memory.files?.get(row.name) ?? null;
  const reason = memory.refusals.get(row.name) ??
    (change.kind === "inert" ? change.why : laterReason(memory, row, setting));
  return {
    name: `${PREFIX}${row.name}`,
    setting,
    unit: row.unit ?? null,
    scope: change.kind === "cluster" || change.kind === "shown"
      ? "cluster"
      : "node",
    change: change.kind === "live" || change.kind === "cluster"
      ? "live"
      : change.kind === "restart"
      ? "restart"
      : "none",
    fileSetting,
    state: memory.refusals.has(row.name) ||
        (reason !== null && change.kind !== "inert")
      ? "refused"
      : change.kind === "inert"
      ? "inert"
      : "applied",
    reason,
    description: row.description,
  };
}

/** A file may still say what all nodes had before. */
function laterReason(
  memory: Memory,
  row: SettingRow,
  setting: string,
): string | null {
  const text = memory.files?.get(row.name);
  if (row.change.kind !== "cluster" || text === undefined) return null;
  const wish = { ...memory.live };
  const isRead = row.change.take(text, wish) === null;
  const shown = shownValue(row.value({ ...sourceOf(memory), live: wish }));
  if (isRead && shown === setting) return null;
  return `"${text}" stands in this server's files, and all nodes have ${setting}: it was set elsewhere or later`;
}
