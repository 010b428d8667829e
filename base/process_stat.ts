/** What the kernel says of a process in /proc/PID/stat. */
export interface ProcessStat {
  /** Its state's letter, such as `T` for stopped and `Z` for a zombie. */
  readonly state: string;
  readonly parent: number;
  /** The leader of its session. */
  readonly session: number;
  /** User and system time, in the kernel's ticks. */
  readonly cpuTicks: number;
  /** How nice its first thread is. */
  readonly nice: number;
  /** When it began, by the kernel's count: with its number that names it for ever. */
  readonly startTime: string;
}

/**
 * Reads /proc/PID/stat.
 *
 * @param text The file's text.
 * @returns What it says.
 */
export function parseProcessStat(text: string): ProcessStat {
  // The name stands in parentheses and may hold anything, so count from the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const number = (at: number): number => Number(fields[at]);
  return {
    state: fields[0] ?? "",
    parent: number(1),
    session: number(3),
    cpuTicks: number(11) + number(12),
    nice: number(16),
    startTime: fields[19] ?? "",
  };
}

/**
 * Says what the kernel knows of a process.
 *
 * @param pid The process.
 * @returns That; null when there is no such process.
 */
export function statOf(pid: number): ProcessStat | null {
  try {
    return parseProcessStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return null;
  }
}
