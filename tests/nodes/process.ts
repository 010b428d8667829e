/** How a process is started. */
export interface ProcessOptions {
  /** What it is called in errors. */
  readonly name: string;
  /** The program. */
  readonly command: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /**
   * Variables beside the environment of this process.
   *
   * @default {{}}
   */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Where it runs.
   *
   * @default {the working directory of this process}
   */
  readonly directory?: string;
  /**
   * How much of the end of its output is kept.
   *
   * @default {65536}
   */
  readonly outputBytes?: number;
}

/** A process that is killed at the end of its scope. */
export interface ManagedProcess extends AsyncDisposable {
  /** What it is called. */
  readonly name: string;
  /** Its id. */
  readonly pid: number;
  /** Resolves when it has ended and its output is read. */
  readonly ended: Promise<Deno.CommandStatus>;
  /** Returns how it ended, or null while it runs (or is frozen). */
  status(): Deno.CommandStatus | null;
  /** Sends a signal; nothing happens when it has ended. */
  signal(signal: Deno.Signal): void;
  /** Returns the end of what it wrote to both of its outputs. */
  output(): string;
  /** Kills it and waits for its end. */
  kill(): Promise<Deno.CommandStatus>;
}

const DEFAULT_OUTPUT_BYTES = 65_536;

/**
 * Starts a process, of whose output the end is kept.
 *
 * @param options What to start.
 * @returns The process.
 * @throws {Deno.errors.NotFound} When there is no such program.
 */
export function startProcess(options: ProcessOptions): ManagedProcess {
  const { name, command, args, env = {}, directory } = options;
  const child = new Deno.Command(command, {
    args: [...args],
    env: { ...env },
    ...(directory === undefined ? {} : { cwd: directory }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const tail = createTail(options.outputBytes ?? DEFAULT_OUTPUT_BYTES);
  let status: Deno.CommandStatus | null = null;

  async function end(): Promise<Deno.CommandStatus> {
    const [ended] = await Promise.all([
      child.status.then((value) => status = value),
      drain(child.stdout, tail),
      drain(child.stderr, tail),
    ]);
    return ended;
  }

  function signal(one: Deno.Signal): void {
    if (status !== null) return;
    try {
      child.kill(one);
    } catch (error) {
      // It has ended, and its status is about to be known.
      if (error instanceof TypeError || error instanceof Deno.errors.NotFound) {
        return;
      }
      throw error;
    }
  }

  const ended = end();
  const kill = (): Promise<Deno.CommandStatus> => {
    signal("SIGKILL");
    return ended;
  };
  return {
    name,
    pid: child.pid,
    ended,
    status: () => status,
    signal,
    output: tail.text,
    kill,
    [Symbol.asyncDispose]: async () => {
      await kill();
    },
  };
}

/** The end of a stream of bytes. */
interface Tail {
  add(chunk: Uint8Array): void;
  text(): string;
}

function createTail(limitBytes: number): Tail {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  let droppedBytes = 0;
  return {
    add: (chunk) => {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      while (sizeBytes > limitBytes) {
        const first = chunks.shift() ?? new Uint8Array();
        const cut = Math.min(first.length, sizeBytes - limitBytes);
        if (cut < first.length) chunks.unshift(first.subarray(cut));
        sizeBytes -= cut;
        droppedBytes += cut;
      }
    },
    text: () => {
      const decoder = new TextDecoder();
      const text =
        chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join(
          "",
        ) + decoder.decode();
      return droppedBytes === 0
        ? text
        : `(${droppedBytes} bytes before it are not kept)\n${text}`;
    },
  };
}

async function drain(
  stream: ReadableStream<Uint8Array>,
  tail: Tail,
): Promise<void> {
  for await (const chunk of stream) tail.add(chunk);
}
