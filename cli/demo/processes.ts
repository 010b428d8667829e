import { statOf } from "../../base/mod.ts";

function pids(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
    .filter((pid) => Number.isInteger(pid) && pid !== Deno.pid);
}

/** Reads something of a process; null when it is gone, or somebody else's. */
function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function isWithin(path: string | null, directory: string): boolean {
  return path === directory || (path?.startsWith(`${directory}/`) ?? false);
}

/**
 * Says when a process began, by the kernel's count: with its id that names it for ever.
 *
 * @param pid The process.
 * @returns The count; null when it is gone, or has ended and is not cleared away.
 */
export function beginningOf(pid: number): string | null {
  const stat = statOf(pid);
  return stat === null || stat.state === "Z" ? null : stat.startTime;
}

/**
 * Finds the processes that work in a directory or below it, as PostgreSQL's do.
 *
 * @param directory The directory, by its real path.
 * @returns Their ids.
 */
export function processesIn(directory: string): number[] {
  return pids().filter((pid) =>
    isWithin(orNull(() => Deno.readLinkSync(`/proc/${pid}/cwd`)), directory)
  );
}

/**
 * Finds the processes that belong to a directory: those that work in it, and those that have it in their
 * arguments, as nodes and their guards do.
 *
 * @param directory The directory, by its real path.
 * @returns Their ids; this process is none of them.
 */
export function processesOf(directory: string): number[] {
  const naming = pids().filter((pid) => {
    const words = orNull(() => Deno.readTextFileSync(`/proc/${pid}/cmdline`));
    return words?.split("\0").some((word) => isWithin(word, directory)) ??
      false;
  });
  return [...new Set([...processesIn(directory), ...naming])];
}

/** Sends a signal; that the process is gone is fine. */
export function signalTo(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Sends a signal to all that `find` finds, until it finds no other: none that is forked meanwhile is missed. */
export function signalAll(find: () => number[], signal: Deno.Signal): void {
  const told = new Set<number>();
  let left = find();
  while (left.length > 0) {
    for (const pid of left) {
      signalTo(pid, signal);
      told.add(pid);
    }
    left = find().filter((pid) => !told.has(pid));
  }
}
