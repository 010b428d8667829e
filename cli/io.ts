import { CommandFailure, EXIT } from "./exit_codes.ts";

/** The most that is read from a file or from standard input: the largest entry that can be set. */
export const MAX_INPUT_BYTES = 64 * 1024 * 1024;

/** The world as commands see it, so that tests can hand in another. */
export interface Io {
  /** Writes data. */
  out(data: string | Uint8Array): Promise<void>;
  /** Writes a message. */
  err(text: string): Promise<void>;
  /** Reads all of standard input. */
  readInput(): Promise<Uint8Array>;
  /** Reads all of a file. */
  readFile(path: string): Promise<Uint8Array>;
  /** The environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a person can answer a question. */
  readonly inIsTerminal: boolean;
  /** Reads a line of standard input; null at its end. */
  readLine(): Promise<string | null>;
  /** Whether a person reads the data. */
  readonly outIsTerminal: boolean;
  /** Whether data may be coloured. */
  readonly color: boolean;
  /** Calls `run` at Ctrl-C, until the returned function is called. */
  onInterrupt(run: () => void): () => void;
  /** The date and time. */
  now(): Date;
}

interface Writer {
  write(bytes: Uint8Array): Promise<number>;
}

async function writeAll(
  writer: Writer,
  data: string | Uint8Array,
): Promise<void> {
  let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
  while (rest.length > 0) rest = rest.subarray(await writer.write(rest));
}

/**
 * Reads a stream to its end.
 *
 * @param stream The stream.
 * @param maxBytes How much it may hold.
 * @returns The bytes, or null when there are more.
 */
export async function readBounded(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBytes) return null;
    chunks.push(chunk);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

async function readInputFrom(
  stream: ReadableStream<Uint8Array>,
  name: string,
): Promise<Uint8Array> {
  const bytes = await readBounded(stream, MAX_INPUT_BYTES);
  if (bytes !== null) return bytes;
  throw new CommandFailure(
    `${name} holds more than ${MAX_INPUT_BYTES} bytes, the largest entry that can be`,
    EXIT.failure,
  );
}

/** The most that is read of an answer to a question. */
const MAX_LINE_BYTES = 1024;

/** A terminal hands over a line at a time. */
async function readLine(): Promise<string | null> {
  const buffer = new Uint8Array(MAX_LINE_BYTES);
  const count = await Deno.stdin.read(buffer);
  return count === null
    ? null
    : new TextDecoder().decode(buffer.subarray(0, count));
}

function mayColor(isTerminal: boolean): boolean {
  const isAsked = (Deno.env.get("NO_COLOR") ?? "") === "" &&
    Deno.env.get("TERM") !== "dumb";
  return isTerminal && isAsked;
}

/**
 * Makes the world of the running process.
 *
 * @returns Standard streams, files, environment and signals.
 */
export function systemIo(): Io {
  const outIsTerminal = Deno.stdout.isTerminal();
  return {
    out: (data) => writeAll(Deno.stdout, data),
    err: (text) => writeAll(Deno.stderr, text),
    readInput: () => readInputFrom(Deno.stdin.readable, "Standard input"),
    readFile: async (path) => {
      const file = await Deno.open(path, { read: true });
      return await readInputFrom(file.readable, path);
    },
    env: Deno.env.toObject(),
    inIsTerminal: Deno.stdin.isTerminal(),
    readLine,
    outIsTerminal,
    color: mayColor(outIsTerminal),
    onInterrupt: (run) => {
      Deno.addSignalListener("SIGINT", run);
      return () => Deno.removeSignalListener("SIGINT", run);
    },
    now: () => new Date(),
  };
}
