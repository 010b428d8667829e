import { configureSync, getConfig, resetSync } from "@logtape/logtape";
import { type Clock, systemClock } from "../../base/mod.ts";
import {
  createJsonFormatter,
  createTextFormatter,
  type Formatter,
  type LoggingNode,
} from "./format.ts";
import {
  createLineWriter,
  type LineWriter,
  type LogOutput,
} from "./line_writer.ts";
import { type LogLevel, ROOT_CATEGORY } from "./logger.ts";

/** Settings of {@linkcode configureLogging}. */
export interface LoggingOptions {
  /** The least severe events that are written. */
  readonly level: LogLevel;
  /** Lines for people, or JSON for machines. */
  readonly format: "text" | "json";
  /** The node that writes. */
  readonly node: LoggingNode;
  /**
   * Where the lines go.
   *
   * @default {Deno.stderr}
   */
  readonly output?: LogOutput;
  /**
   * Where time comes from.
   *
   * @default {systemClock()}
   */
  readonly clock?: Clock;
}

/** A process's log. */
export interface Logging {
  /**
   * Writes what waits, and waits for it. For a process that ends by an uncaught error; at `Deno.exit` it
   * happens by itself.
   */
  flushSync(): void;
  /** Ends logging, and resolves when all lines are written or two seconds have passed. */
  dispose(): Promise<void>;
}

function createWriter(options: LoggingOptions, format: Formatter): LineWriter {
  return createLineWriter({
    output: options.output ?? Deno.stderr,
    clock: options.clock ?? systemClock(),
    lostLine: (count) =>
      format({
        category: [ROOT_CATEGORY, "logging"],
        level: "warning",
        message: [],
        rawMessage: "Lines of the log were lost: it was not read in time",
        timestamp: Date.now(),
        properties: { count },
      }),
  });
}

/**
 * Begins to write the events of all loggers of this process, each on one line, in order and without
 * making whoever logs wait.
 *
 * @param options What is written, how and where.
 * @returns What ends it.
 * @throws {Error} When logging is configured already.
 *
 * @example Usage
 * ```ts
 * import { configureLogging } from "./configure.ts";
 * import { logger } from "./logger.ts";
 *
 * const logging = configureLogging({
 *   level: "info",
 *   format: "json",
 *   node: { id: 1, name: "node1" },
 * });
 * logger("raft").info("This node leads", { term: 3 });
 * await logging.dispose();
 * ```
 */
export function configureLogging(options: LoggingOptions): Logging {
  if (getConfig() !== null) {
    throw new Error("Logging is configured already: dispose of it first");
  }
  const format = options.format === "json"
    ? createJsonFormatter(options.node)
    : createTextFormatter(options.node);
  const writer = createWriter(options, format);
  configureSync({
    sinks: { lines: (record) => writer.write(format(record)) },
    loggers: [
      { category: ROOT_CATEGORY, sinks: ["lines"], lowestLevel: options.level },
      // LogTape's own words, such as a sink that threw.
      {
        category: ["logtape", "meta"],
        sinks: ["lines"],
        lowestLevel: "warning",
      },
    ],
  });
  addEventListener("unload", writer.flushSync);
  return {
    flushSync: writer.flushSync,
    dispose: async () => {
      resetSync();
      await writer.close();
      removeEventListener("unload", writer.flushSync);
    },
  };
}
