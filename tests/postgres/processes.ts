/** The ids of all processes. */
function pids(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
    .filter((pid) => Number.isInteger(pid));
}

/** Reads something of a process; null when it is gone or nobody's business. */
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
 * Finds the processes that work in a directory or below it: PostgreSQL's all work in their data directory.
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
 * Finds the processes that have a path in their arguments, such as the guards and PostgreSQL's tools; this
 * process is none of them.
 *
 * @param path The path.
 * @returns Their ids.
 */
export function processesNaming(path: string): number[] {
  return pids().filter((pid) =>
    pid !== Deno.pid && (commandLineOf(pid)?.includes(path) ?? false)
  );
}

/** A process's arguments, parted by spaces; null when it is gone. */
export function commandLineOf(pid: number): string | null {
  return orNull(() =>
    Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ")
  );
}

/** Sends a signal; that the process is gone is fine. */
export function signalTo(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (
      !(error instanceof Deno.errors.NotFound || error instanceof TypeError)
    ) throw error;
  }
}

/** A running server's postmaster; null when there is none. */
export function postmasterIn(dataDir: string): number | null {
  const text = orNull(() => Deno.readTextFileSync(`${dataDir}/postmaster.pid`));
  const pid = Number(text?.split("\n")[0] ?? NaN);
  return processesIn(dataDir).includes(pid) ? pid : null;
}

/** Freezes a postmaster and all of its children; none that it forks meanwhile is missed. Tells when it began. */
export function freezeAllIn(dataDir: string): number {
  const frozen = new Set<number>();
  const first = postmasterIn(dataDir);
  const next = (): number[] =>
    [...first === null ? [] : [first], ...processesIn(dataDir)]
      .filter((pid) => !frozen.has(pid));
  let left = next();
  const sinceMs = performance.now();
  for (; left.length > 0; left = next()) {
    for (const pid of left) {
      signalTo(pid, "SIGSTOP");
      frozen.add(pid);
    }
  }
  return sinceMs;
}
