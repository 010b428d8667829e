/** Settings that all nodes must have alike; null before they were ever set, when each node's file counts. */
export interface ClusterSettings {
  readonly heartbeatIntervalMs: number | null;
  readonly electionTimeoutMs: number | null;
}

/** Nothing was set yet. */
export const NO_CLUSTER_SETTINGS: ClusterSettings = {
  heartbeatIntervalMs: null,
  electionTimeoutMs: null,
};

/** Sets them, all at once, so that they fit together. */
export type SetClusterSettings = {
  readonly [K in keyof ClusterSettings]: number;
};

/** What became of it. */
export type SettingsResult =
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly why: string };

/** The fewest heartbeats in an election timeout. */
export const MIN_HEARTBEATS = 3;

/**
 * Says why values do not fit together; null when they do.
 *
 * @example Usage
 * ```ts
 * import { timingFault } from "./cluster_settings.ts";
 *
 * const fault = timingFault({ heartbeatIntervalMs: 500, electionTimeoutMs: 1000 });
 * if (fault === null) throw new Error("Two heartbeats are too few");
 * ```
 */
export function timingFault(
  { heartbeatIntervalMs, electionTimeoutMs }: SetClusterSettings,
): string | null {
  if (heartbeatIntervalMs * MIN_HEARTBEATS <= electionTimeoutMs) return null;
  return `election_timeout (${electionTimeoutMs} ms) must be at least ${MIN_HEARTBEATS} times ` +
    `heartbeat_interval (${heartbeatIntervalMs} ms)`;
}

/** Encodes a change. */
export function encodeSettings(change: SetClusterSettings): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(change));
}

/** Applies a change: the state after it, and what became of it. */
export function applySettings(
  former: ClusterSettings,
  data: Uint8Array,
): { readonly state: ClusterSettings; readonly result: SettingsResult } {
  const change: SetClusterSettings = JSON.parse(new TextDecoder().decode(data));
  const why = timingFault(change);
  return why === null
    ? { state: change, result: { kind: "done" } }
    : { state: former, result: { kind: "refused", why } };
}
