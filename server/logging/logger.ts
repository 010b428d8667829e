import { getLogger, type Logger as LogTapeLogger } from "@logtape/logtape";

/** How severe an event is, from the least. */
export type LogLevel = "debug" | "info" | "warning" | "error" | "fatal";

/**
 * What is known of an event, by name: `term`, `peer`, `error`, …. Values under names of secrets are never
 * shown.
 */
export type LogFields = Readonly<Record<string, unknown>>;

/** Tells of events: a sentence that is always the same, and fields for what differs. */
export interface Logger {
  /** What helps to find a fault. */
  debug(message: string, fields?: LogFields): void;
  /** What an operator wants to know later. */
  info(message: string, fields?: LogFields): void;
  /** What may need someone. */
  warning(message: string, fields?: LogFields): void;
  /** What has failed. */
  error(message: string, fields?: LogFields): void;
  /** What ends the node. */
  fatal(message: string, fields?: LogFields): void;
  /** Tells whether events of a level are written, to spare making their fields. */
  isEnabled(level: LogLevel): boolean;
  /** Makes a logger whose events all have these fields. */
  with(fields: LogFields): Logger;
}

/** All categories of ours are below it. */
export const ROOT_CATEGORY = "pgraft";

function wrap(inner: LogTapeLogger): Logger {
  return {
    debug: (message, fields = {}) => inner.debug(message, fields),
    info: (message, fields = {}) => inner.info(message, fields),
    warning: (message, fields = {}) => inner.warning(message, fields),
    error: (message, fields = {}) => inner.error(message, fields),
    fatal: (message, fields = {}) => inner.fatal(message, fields),
    isEnabled: (level) => inner.isEnabledFor(level),
    with: (fields) => wrap(inner.with(fields)),
  };
}

/**
 * Makes a logger; before {@linkcode configureLogging} its events go nowhere.
 *
 * @param category Who tells, from the whole to the part: `raft`, or `["raft", "peers"]`.
 * @returns The logger.
 *
 * @example Usage
 * ```ts
 * import { logger } from "./logger.ts";
 *
 * const log = logger("raft").with({ peer: 2 });
 * log.info("A peer has connected", { term: 3 });
 * ```
 */
export function logger(category: string | readonly string[]): Logger {
  const parts = typeof category === "string" ? [category] : category;
  return wrap(getLogger([ROOT_CATEGORY, ...parts]));
}
