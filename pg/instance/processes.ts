import { asOrdinary, type Clock } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import type { Owner } from "./files.ts";

/** More output than this of one command is cut off at the front. */
const MAX_OUTPUT_CHARS = 256 * 1024;

/** What a child may know of this process's environment: nothing that libpq or PostgreSQL obeys. */
const PASSED_ON = ["PATH", "TZ", "LD_LIBRARY_PATH"];

/** R23: the processes that have their working directory in the data directory. */
export function pidsIn(dataDir: string): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    if (cwdOf(Number(name)) === dataDir) found.push(Number(name));
  }
  return found;
}

/** A process's working directory; null for one that is gone, a zombie, or somebody else's. */
export function cwdOf(pid: number): string | null {
  try {
    return Deno.readLinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}

/** The title or arguments of a process. */
export function titleOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ")
      .trim();
  } catch {
    return "";
  }
}

/** Sends a signal; that the process is gone is fine. */
export function sendSignal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The environment of children. */
export function childEnvironment(): Record<string, string> {
  const env: Record<string, string> = { LC_ALL: "C", HOME: "/" };
  for (const name of PASSED_ON) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/** How to run a command. */
export interface CommandOptions {
  readonly clock: Clock;
  readonly owner: Owner;
  readonly timeoutMs: number;
  readonly stdin?: string;
  /**
   * Its working directory.
   *
   * @default {"/"}
   */
  readonly directory?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Sees what arrives on standard output. */
  readonly onOutput?: (text: string) => void;
  /** Sees what arrives on standard error. */
  readonly onError?: (text: string) => void;
}

/** How a command ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function collect(
  stream: ReadableStream<Uint8Array>,
  seen: ((text: string) => void) | undefined,
): Promise<string> {
  let text = "";
  for await (
    const piece of stream.pipeThrough(
      new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>,
    )
  ) {
    seen?.(piece);
    text = (text + piece).slice(-MAX_OUTPUT_CHARS);
  }
  return text;
}

async function feed(
  stream: WritableStream<Uint8Array>,
  text: string,
): Promise<void> {
  const writer = stream.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // It ended without reading everything; its exit code says why.
  }
}

/**
 * Runs a command as the instance's user, with a deadline after which it is killed.
 *
 * @param path The program.
 * @param args Its arguments; never a password, which everybody could read in the process list.
 * @param options How to run it.
 * @returns Its exit code and the end of what it said.
 * @throws {InstanceError} When it does not run, or not end in time, or was aborted.
 */
export async function runCommand(
  path: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const child = spawn(path, args, options);
  let end: "timeout" | "aborted" | null = null;
  const stop = (why: "timeout" | "aborted"): void => {
    end ??= why;
    killChild(child);
  };
  const timer = options.clock.after(options.timeoutMs, () => stop("timeout"));
  const abort = (): void => stop("aborted");
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted === true) abort();
  try {
    const fed = feed(child.stdin, options.stdin ?? "");
    const [stdout, stderr, { code }] = await Promise.all([
      collect(child.stdout, options.onOutput),
      collect(child.stderr, options.onError),
      child.status,
      fed,
    ]);
    if (end !== null) throw ended(path, end, options.timeoutMs);
    return { code, stdout, stderr };
  } finally {
    timer.cancel();
    options.signal?.removeEventListener("abort", abort);
  }
}

function spawn(
  path: string,
  args: readonly string[],
  options: CommandOptions,
): Deno.ChildProcess {
  try {
    const command = new Deno.Command(path, {
      args: [...args],
      cwd: options.directory ?? "/",
      clearEnv: true,
      env: { ...childEnvironment(), ...options.env },
      ...(options.owner === null
        ? {}
        : { uid: options.owner.uid, gid: options.owner.gid }),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // A group of its own: its children, such as pg_basebackup's, go with it.
      detached: true,
    });
    return asOrdinary(() => command.spawn());
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InstanceError(
      "no_binaries",
      `"${path}" cannot be run: ${why}. Install PostgreSQL's server package, or set bin_dir`,
    );
  }
}

function killChild(child: Deno.ChildProcess): void {
  try {
    Deno.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function ended(
  path: string,
  why: "timeout" | "aborted",
  timeoutMs: number,
): InstanceError {
  return why === "aborted"
    ? new InstanceError("aborted", `"${path}" was aborted`)
    : new InstanceError(
      "timeout",
      `"${path}" did not end within ${timeoutMs} ms and was killed: check the disk and the machine's load`,
    );
}
