import process from "node:process";
import type { ReadMetric, Registry } from "./registry.ts";

/** What a process uses. */
export interface ProcessUsage {
  /** Memory that is resident. */
  readonly residentBytes: number;
  /** What V8 has taken for its heap. */
  readonly heapTotalBytes: number;
  /** What of it is in use. */
  readonly heapUsedBytes: number;
  /** Memory of buffers outside of the heap. */
  readonly externalBytes: number;
  /** Files, sockets and pipes that are open; null where that cannot be counted. */
  readonly openFiles: number | null;
  /** CPU time, in user and system mode together. */
  readonly cpuSeconds: number;
  /** When the process began, in seconds since 1970. */
  readonly startedAtSeconds: number;
}

const OPEN_FILES = "/proc/self/fd";

function countOpenFiles(): number | null {
  try {
    let count = 0;
    for (const _ of Deno.readDirSync(OPEN_FILES)) count += 1;
    // The list itself was one of them.
    return count - 1;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * Measures this process.
 *
 * @returns What it uses now.
 */
export function readProcessUsage(): ProcessUsage {
  const memory = Deno.memoryUsage();
  const cpu = process.cpuUsage();
  return {
    residentBytes: memory.rss,
    heapTotalBytes: memory.heapTotal,
    heapUsedBytes: memory.heapUsed,
    externalBytes: memory.external,
    openFiles: countOpenFiles(),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    startedAtSeconds: performance.timeOrigin / 1000,
  };
}

/** The names that every exporter uses, so that ready-made dashboards find them. */
const METRICS: readonly ReadMetric<ProcessUsage>[] = [
  {
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process",
    type: "gauge",
    read: ({ residentBytes }) => residentBytes,
  },
  {
    name: "pgraft_heap_total_bytes",
    help: "Memory that the JavaScript heap has taken",
    type: "gauge",
    read: ({ heapTotalBytes }) => heapTotalBytes,
  },
  {
    name: "pgraft_heap_used_bytes",
    help: "Memory of the JavaScript heap that is in use",
    type: "gauge",
    read: ({ heapUsedBytes }) => heapUsedBytes,
  },
  {
    name: "pgraft_external_memory_bytes",
    help: "Memory of buffers outside of the JavaScript heap",
    type: "gauge",
    read: ({ externalBytes }) => externalBytes,
  },
  {
    name: "process_open_fds",
    help: "Open file descriptors",
    type: "gauge",
    read: ({ openFiles }) => openFiles,
  },
  {
    name: "process_cpu_seconds_total",
    help: "CPU time that the process has used, user and system",
    type: "counter",
    read: ({ cpuSeconds }) => cpuSeconds,
  },
  {
    name: "process_start_time_seconds",
    help: "When the process began, in seconds since 1970",
    type: "gauge",
    read: ({ startedAtSeconds }) => startedAtSeconds,
  },
];

/**
 * Defines the metrics of the process.
 *
 * @param registry Where.
 * @param usage Measures the process.
 */
export function defineProcessMetrics(
  registry: Registry,
  usage: () => ProcessUsage,
): void {
  registry.read(usage, METRICS);
}
