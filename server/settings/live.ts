import type { LogLevel } from "../logging/mod.ts";

/** Settings of a node that can change while it runs. */
export interface LiveSettings {
  heartbeatIntervalMs: number;
  electionTimeoutMs: number;
  snapshotDistance: number;
  /** How many entries one append carries. */
  batchSize: number;
  logLevel: LogLevel;
  healthPeriodMs: number;
  healthVerbose: boolean;
  metricsEnabled: boolean;
  traceEnabled: boolean;
  forwardWrites: boolean;
}

/** What of them pgraft's file does not say. */
export const LIVE_DEFAULTS: Omit<
  LiveSettings,
  "heartbeatIntervalMs" | "electionTimeoutMs" | "snapshotDistance" | "logLevel"
> = {
  batchSize: 4096,
  healthPeriodMs: 5000,
  healthVerbose: false,
  metricsEnabled: true,
  traceEnabled: false,
  forwardWrites: false,
};
