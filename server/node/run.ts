import { messageOf } from "../../base/mod.ts";
import {
  formatProblem,
  type LoadResult,
  type NodeConfig,
} from "../config/mod.ts";
import { configureLogging, logger } from "../logging/mod.ts";
import { startNode } from "./lifecycle.ts";
import { raisePriority } from "./priority.ts";
import type { NodeHost } from "./surface.ts";

/** A configuration without errors. */
export type Loaded = Pick<
  Extract<LoadResult, { readonly ok: true }>,
  "config" | "warnings"
>;

/** What `pgraft serve` hands over. */
export interface RunOptions {
  /** The program's version. */
  readonly version: string;
}

const LOG = logger("node");

/** The signals that end a node. */
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/**
 * Runs a node until it is told to stop: the first signal stops it in order, the second at once.
 *
 * @param loaded Its configuration, and what is odd about it.
 * @param options What the program says about itself.
 * @returns The exit code.
 */
export async function runNode(
  { config, warnings }: Loaded,
  { version }: RunOptions,
): Promise<number> {
  const logging = await configureLogging({
    level: config.log.level,
    format: config.log.format,
    node: { id: config.node.id, name: config.node.name },
  });
  for (const warning of warnings) LOG.warning(formatProblem(warning));
  raisePriority(config.node.nice);
  const stop = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = (): void => {
    signals += 1;
    if (signals > 1) Deno.exit(130);
    stop.resolve();
  };
  for (const signal of SIGNALS) Deno.addSignalListener(signal, onSignal);
  try {
    return await runUntil(config, version, stop.promise, {
      recentLogs: () => logging.recent(),
      setLevel: (level) => logging.setLevel(level),
    });
  } catch (error) {
    LOG.fatal(`The node can't run: ${messageOf(error)}`);
    return 1;
  } finally {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, onSignal);
    await logging.dispose();
  }
}

async function runUntil(
  config: NodeConfig,
  version: string,
  stop: Promise<void>,
  host: NodeHost,
): Promise<number> {
  const node = await startNode(config, version, host);
  const told = stop.then(() => "told" as const);
  const first = await Promise.race([told, node.ended]);
  if (first === "told") {
    LOG.info("Stopping");
    await node.stop();
    return 0;
  }
  if (first === null) return 0;
  LOG.fatal(`The node has ended: ${messageOf(first)}`);
  return 1;
}
