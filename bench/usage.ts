import { parseProcessStat } from "../base/mod.ts";

/** What a process has used so far, and holds now. */
export interface Usage {
  /** Its CPU time in user mode and in the kernel, of all of its threads. */
  readonly cpuSeconds: number;
  /** Its resident memory. */
  readonly residentBytes: number;
}

/** The unit of times in /proc: USER_HZ, 100 on every Linux that Deno runs on. */
const TICKS_PER_SECOND = 100;
const KB = 1024;

/**
 * Reads what processes use; Linux only.
 *
 * @param pids The processes, which must be there.
 * @returns Their usage, in the same order.
 */
export function readUsage(pids: readonly number[]): Promise<Usage[]> {
  return Promise.all(pids.map(async (pid) => ({
    cpuSeconds: parseCpuSeconds(await readProc(pid, "stat")),
    residentBytes: parseResidentBytes(await readProc(pid, "status")),
  })));
}

/**
 * Adds CPU times up.
 *
 * @param usages What some processes used.
 * @returns Their CPU seconds together.
 */
export function sumCpuSeconds(usages: readonly Usage[]): number {
  return usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

/**
 * Reads the CPU time out of /proc/PID/stat.
 *
 * @param stat The file's text.
 * @returns User and system time.
 */
export function parseCpuSeconds(stat: string): number {
  return parseProcessStat(stat).cpuTicks / TICKS_PER_SECOND;
}

/**
 * Reads the resident memory out of /proc/PID/status.
 *
 * @param status The file's text.
 * @returns The memory, or NaN for a process that has ended.
 */
export function parseResidentBytes(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * KB;
}

function readProc(pid: number, file: string): Promise<string> {
  return Deno.readTextFile(`/proc/${pid}/${file}`);
}
