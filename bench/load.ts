import { startProcess } from "../tests/nodes/mod.ts";
import { join } from "node:path";

/** A load: connections that each send the next request when the last one is answered. */
export interface LoadOptions {
  /** The node that is loaded, as `host:port`. */
  readonly api: string;
  /** What is sent: etcd's puts, or its linearizable reads. */
  readonly kind: LoadKind;
  /** Keys at random, or one after the other so that all of them are there afterwards. */
  readonly order: "random" | "walk";
  /** How many connections. */
  readonly connections: number;
  /** For how long. */
  readonly seconds: number;
  /** Chooses keys and values. */
  readonly seed: number;
}

/** What is sent. */
export type LoadKind = "put" | "range";

/** What a load came to. */
export interface LoadFigures {
  /** Requests that were answered. */
  readonly requests: number;
  /** Those of them without success, and connections that broke. */
  readonly errors: number;
  /** Answers per second. */
  readonly perSecond: number;
  /** The latency in the middle. */
  readonly p50Ms: number;
  /** The latency that 1 in 20 exceeds. */
  readonly p95Ms: number;
  /** The latency that 1 in 100 exceeds. */
  readonly p99Ms: number;
  /** The longest latency. */
  readonly maxMs: number;
  /** The share of requests between 35 and 60 ms: where a delayed acknowledgement of TCP shows. */
  readonly cliffShare: number;
}

/** What makes the load: wrk, or the client of this folder. */
export type LoadProgram = "wrk" | "deno";

const FOLDER = import.meta.dirname ?? ".";
const MAX_OUTPUT_BYTES = 16_384;

/**
 * Tells whether a program is on PATH.
 *
 * @param name Its name.
 * @returns Whether it is.
 */
export function isOnPath(name: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(join(folder, name)).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * Loads one node from a process of its own.
 *
 * @param program What makes the load.
 * @param options The load.
 * @returns What it came to.
 * @throws {Error} When the program fails, with what it wrote.
 */
export async function runLoad(
  program: LoadProgram,
  options: LoadOptions,
): Promise<LoadFigures> {
  await using process = startProcess({
    name: program,
    ...(program === "wrk" ? wrkCommand(options) : denoCommand(options)),
    outputBytes: MAX_OUTPUT_BYTES,
  });
  const { success } = await process.ended;
  const figures = parseResult(process.output());
  if (success && figures !== null) return figures;
  throw new Error(`The load on ${options.api} failed:\n${process.output()}`);
}

interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

function wrkCommand(options: LoadOptions): Command {
  const { api, kind, order, connections, seconds, seed } = options;
  return {
    command: "wrk",
    args: [
      ...["--threads", "1", "--connections", String(connections)],
      ...["--duration", `${seconds}s`, "--timeout", "10s"],
      ...["--script", join(FOLDER, "load.lua"), `http://${api}`],
      ...["--", kind, order, String(seed)],
    ],
  };
}

function denoCommand(options: LoadOptions): Command {
  return {
    command: Deno.execPath(),
    args: [
      "run",
      "--allow-net",
      join(FOLDER, "load_client.ts"),
      JSON.stringify(options),
    ],
  };
}

/**
 * Reads the line with which a load closes.
 *
 * @param output What the program wrote.
 * @returns The figures, or null when there is no such line.
 */
export function parseResult(output: string): LoadFigures | null {
  const line = /^RESULT (.*)$/m.exec(output)?.[1];
  if (line === undefined) return null;
  const [
    requests = NaN,
    errors = NaN,
    durationUs = NaN,
    p50Us = NaN,
    p95Us = NaN,
    p99Us = NaN,
    maxUs = NaN,
    cliffShare = NaN,
  ] = line.split(" ").map(Number);
  return {
    requests,
    errors,
    perSecond: requests / durationUs * 1_000_000,
    p50Ms: p50Us / 1000,
    p95Ms: p95Us / 1000,
    p99Ms: p99Us / 1000,
    maxMs: maxUs / 1000,
    cliffShare,
  };
}
