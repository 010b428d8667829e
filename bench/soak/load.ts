import { type Random, randomBelow, seededRandom } from "../../base/mod.ts";
import type { Cluster, ClusterNode } from "../../tests/nodes/mod.ts";

/** Keys are `soak/PP/NN`: a watcher takes one PP. */
export const PREFIXES = 100;
const KEYS_OF_PREFIX = 100;
const VALUE_BYTES = 256;
/** Calls that are under way at once; those that are due meanwhile wait, and their wait counts. */
const WORKERS = 32;
const ATTEMPT_TIMEOUT_MS = 2000;
/** A call that no node has taken by then has failed. */
const CALL_TIMEOUT_MS = 15_000;
const PAUSE_MS = 20;
/** One call in so many reads; one in so many deletes. */
const READS_ONE_IN = 5;
const DELETES_ONE_IN = 20;

/** Calls at a constant rate. */
export interface Load {
  /** The latencies since the last time that this was asked. */
  takeLatencies(): number[];
  /** Calls that no node took in time. */
  failed(): number;
  stop(): Promise<void>;
}

/**
 * Begins to call the nodes, each call when it is due, however long others take.
 *
 * @param cluster The nodes.
 * @param rate Calls a second.
 */
export function startLoad(cluster: Cluster, rate: number): Load {
  const random = seededRandom(1);
  const startMs = performance.now();
  const stopping = new AbortController();
  let number = 0;
  let failed = 0;
  let latenciesMs: number[] = [];

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      const own = number++;
      const dueMs = startMs + own * 1000 / rate;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await pause(waitMs);
      if (stopping.signal.aborted) return;
      const isDone = await callUntilDone(
        cluster,
        callOf(random, own),
        own,
        stopping.signal,
      );
      if (isDone) latenciesMs.push(performance.now() - dueMs);
      else if (!stopping.signal.aborted) failed += 1;
    }
  }

  const working = Promise.all(Array.from({ length: WORKERS }, work));
  return {
    takeLatencies: () => {
      const taken = latenciesMs;
      latenciesMs = [];
      return taken;
    },
    failed: () => failed,
    async stop(): Promise<void> {
      stopping.abort();
      await working;
    },
  };
}

/** How many Idempotency-Keys a node remembers: until there are so many, its memory must grow. */
const REMEMBERED_KEYS = 100_000;

/**
 * Writes until the nodes remember as much as they ever will, where a load would not have come so far when
 * the warm-up ends.
 *
 * @param cluster The nodes.
 * @param rate The calls a second that will follow.
 * @param warmUpSeconds How long they are not looked at.
 */
export async function fill(
  cluster: Cluster,
  rate: number,
  warmUpSeconds: number,
): Promise<void> {
  const writes = rate * (1 - 1 / READS_ONE_IN) * warmUpSeconds;
  const random = seededRandom(2);
  let left = Math.ceil(REMEMBERED_KEYS - writes);
  const signal = new AbortController().signal;
  const work = async (): Promise<void> => {
    while (left > 0) {
      const number = -left--;
      const call = callOf(random, number * READS_ONE_IN * DELETES_ONE_IN + 2);
      await callUntilDone(cluster, call, -number, signal);
    }
  };
  await Promise.all(Array.from({ length: 2 * WORKERS }, work));
}

type CallOnce = (node: ClusterNode) => Promise<boolean>;

/** One call, which may be repeated: it happens once. */
function callOf(random: Random, number: number): CallOnce {
  const prefix = String(randomBelow(random, PREFIXES)).padStart(2, "0");
  const key = `soak/${prefix}/${randomBelow(random, KEYS_OF_PREFIX)}`;
  const options = {
    timeoutMs: ATTEMPT_TIMEOUT_MS,
    idempotencyKey: `soak-${number}`,
  };
  if (number % READS_ONE_IN === 0) {
    return async ({ client }) => (await client.get(key, options)).kind === "ok";
  }
  if (number % DELETES_ONE_IN === 1) {
    const path = `/v1/kv/${encodeURIComponent(key)}`;
    return async ({ client }) =>
      (await client.request("DELETE", path, undefined, options)).kind === "ok";
  }
  const value = `${number}`.padEnd(VALUE_BYTES, "x");
  return async ({ client }) =>
    (await client.put(key, value, options)).kind === "ok";
}

async function callUntilDone(
  cluster: Cluster,
  call: CallOnce,
  number: number,
  signal: AbortSignal,
): Promise<boolean> {
  const endMs = performance.now() + CALL_TIMEOUT_MS;
  for (let at = number; performance.now() < endMs; at++) {
    const up = cluster.up();
    const node = up[at % up.length];
    if (node && await call(node)) return true;
    if (signal.aborted) return false;
    await pause(PAUSE_MS);
  }
  return false;
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
