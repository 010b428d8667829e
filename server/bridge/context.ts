import type { NodeContext, WatcherView } from "../api/mod.ts";
import type { Activity, Traffic } from "../metrics/mod.ts";
import type { Argument } from "./statement.ts";

/** A line of the agent's log. */
export interface LogLine {
  readonly atMs: number;
  readonly level: string;
  readonly source: string;
  readonly message: string;
}

/** A setting as `pgraft.settings` shows it. */
export interface SettingView {
  readonly name: string;
  /** The value in force. */
  readonly setting: string;
  readonly unit: string | null;
  /** Whose it is: `node`, or `cluster` for what all nodes have alike. */
  readonly scope: "node" | "cluster";
  /** When a change counts: `live`, `restart` for one in pgraft's own file, `none` for what is as it is. */
  readonly change: "live" | "restart" | "none";
  /** What the server's files say; null where they don't. */
  readonly fileSetting: string | null;
  /** `applied`, `refused`, or `inert` for a name of old without a meaning here. */
  readonly state: "applied" | "refused" | "inert";
  /** Why it is refused or inert; null where it isn't. */
  readonly reason: string | null;
  readonly description: string;
}

/** A call that changes something and is under way. */
export interface PendingChange {
  readonly operation: string;
  readonly arguments: readonly Argument[];
}

/** How the cluster is, by what this node sees. */
export interface Health {
  readonly status: "ok" | "warning" | "error" | "critical";
  readonly healthyNodes: number;
  readonly totalNodes: number;
  readonly warnings: readonly string[];
  readonly errors: readonly string[];
}

/** Looks at the cluster's health again and again. */
export interface HealthWatch {
  /** Looks now. */
  look(): Health;
  /** Milliseconds since 1970 of the last look and of the last good one; null before. */
  lastCheckMs(): number | null;
  lastHealthyMs(): number | null;
  /** Looks that were not good. */
  failedChecks(): number;
}

/** This node's traffic with another, since its start. */
export interface Link {
  /** Whether a stream to it stands, and one from it. */
  readonly sending: boolean;
  readonly receiving: boolean;
  /** The last measured round trip; null before. */
  readonly rttMs: number | null;
  readonly receivedMessages: number;
  readonly queuedMessages: number;
  readonly droppedMessages: number;
}

/** What the bridge knows of its node. */
export interface BridgeContext {
  readonly node: NodeContext;
  readonly activity: Activity;
  readonly health: HealthWatch;
  /** Changes that came over the bridge and are under way. */
  readonly pending: Set<PendingChange>;
  /** Operations on keys that came over the bridge. */
  readonly keys: { puts: number; deletes: number; gets: number };
  /** Appends over the bridge that failed. */
  readonly failedAppends: { count: number };
  /** Connections to the bridge now, and how many there may be. */
  readonly connections: { now: number; readonly max: number };
  traffic(): Traffic;
  /** The traffic with another node; null where there is none. */
  link(id: number): Link | null;
  /** Who watches keys on this node. */
  watchers(): readonly WatcherView[];
  /** Asks the node at an address for the identity of its data directory. */
  incarnationAt(id: number, address: string): Promise<number>;
  /** Has the node stop in order, soon. */
  stopNode(): void;
  recentLogs(): readonly LogLine[];
  /** Has debug events logged, or those of the configured level. */
  setDebug(enabled: boolean): void;
  metricsText(): Promise<string>;
  readonly hasAdminToken: boolean;
  settings(): readonly SettingView[];
  /** Whether a write on another node than the leader is handed on to it. */
  forwardsWrites(): boolean;
}

/** What a call returns: a value, or rows. */
export type Operation = (
  context: BridgeContext,
  args: readonly Argument[],
) => unknown;
