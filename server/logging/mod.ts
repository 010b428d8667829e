/**
 * What a node writes about itself: one event, one line, on stderr.
 *
 * @module
 */
export {
  configureLogging,
  type Logging,
  type LoggingOptions,
  type RecentEvent,
} from "./configure.ts";
export type { LoggingNode } from "./format.ts";
export { createLevelControl, type LevelControl } from "./level.ts";
export type { LogOutput } from "./line_writer.ts";
export {
  type LogFields,
  type Logger,
  logger,
  type LogLevel,
} from "./logger.ts";
