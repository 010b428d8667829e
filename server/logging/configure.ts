import {
  configureSync,
  getConfig,
  type LogRecord,
  resetSync,
} from "@logtape/logtape";
import { type Clock, systemClock } from "../../base/mod.ts";
import {
  bodyText,
  categoryText,
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

/** An event that was logged, as text. */
export interface RecentEvent {
  readonly atMs: number;
  readonly level: string;
  /** Who told of it. */
  readonly source: string;
  /** The sentence with its fields, in which no secret is shown. */
  readonly message: string;
}

/** How many events are remembered. */
const MAX_RECENT = 1000;

/** A process's log. */
export interface Logging {
  /** The last events, oldest first. */
  recent(): readonly RecentEvent[];
  /** Writes events of another level from now on. */
  setLevel(level: LogLevel): void;
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

function recentOf(record: LogRecord): RecentEvent {
  return {
    atMs: record.timestamp,
    level: record.level,
    source: categoryText(record),
    message: bodyText(record),
  };
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
  const recent: RecentEvent[] = [];
  const configureAt = (level: LogLevel): void =>
    configureSync({
      reset: true,
      sinks: {
        lines: (record) => {
          writer.write(format(record));
          recent.push(recentOf(record));
          if (recent.length > MAX_RECENT) recent.shift();
        },
      },
      loggers: [
        { category: ROOT_CATEGORY, sinks: ["lines"], lowestLevel: level },
        // LogTape's own words, such as a sink that threw.
        {
          category: ["logtape", "meta"],
          sinks: ["lines"],
          lowestLevel: "warning",
        },
      ],
    });
  configureAt(options.level);
  addEventListener("unload", writer.flushSync);
  return {
    recent: () => recent,
    setLevel: configureAt,
    flushSync: writer.flushSync,
    dispose: async () => {
      resetSync();
      await writer.close();
      removeEventListener("unload", writer.flushSync);
    },
  };
}
