import type { Cluster } from "../../tests/nodes/mod.ts";
import { pause } from "./load.ts";

const TTL_SECONDS = 20;
const KEEP_ALIVE_MS = 5000;
const CALL_TIMEOUT_MS = 2000;
/** A lease in so many is left to end, and granted anew. */
const LEFT_ONE_IN = 4;
/** How long a lease that is left takes to end, at most two seconds late. */
const LEFT_MS = (TTL_SECONDS + 3) * 1000;

/** What became of leases. */
export interface Leasing {
  readonly keptAlive: number;
  readonly granted: number;
  /** What must not be: leases that ended early. */
  readonly faults: readonly string[];
}

/** Leases that are kept alive, and others that end. */
export interface Leases {
  seen(): Leasing;
  stop(): Promise<void>;
}

interface Seen {
  keptAlive: number;
  granted: number;
  readonly faults: string[];
}

/**
 * Begins to hold leases, each with a key.
 *
 * @param cluster The nodes.
 * @param count How many leases.
 */
export function startLeases(cluster: Cluster, count: number): Leases {
  const stopping = new AbortController();
  const seen: Seen = { keptAlive: 0, granted: 0, faults: [] };
  const holding = Promise.all(Array.from(
    { length: count },
    (_, at) => hold(cluster, at + 1, seen, stopping.signal),
  ));
  return {
    seen: () => seen,
    async stop(): Promise<void> {
      stopping.abort();
      await holding;
    },
  };
}

async function hold(
  cluster: Cluster,
  number: number,
  seen: Seen,
  signal: AbortSignal,
): Promise<void> {
  let id = number;
  let aliveMs: number | null = null;
  // Not all at the same moment.
  await wait((number % 50) * KEEP_ALIVE_MS / 50, signal);
  while (!signal.aborted) {
    const sentMs = performance.now();
    if (aliveMs === null) {
      id += 1_000_000;
      aliveMs = await grant(cluster, id) ? sentMs : null;
      if (aliveMs !== null) seen.granted += 1;
    } else if (number % LEFT_ONE_IN === 0) {
      await wait(LEFT_MS, signal);
      aliveMs = null;
      continue;
    } else {
      const answer = await ask(cluster, "keepalive", { ID: id });
      const isThere = answer === null ? null : answer.includes('"TTL"');
      const agoMs = performance.now() - aliveMs;
      if (isThere) {
        seen.keptAlive += 1;
        aliveMs = sentMs;
      } else if (isThere === false) {
        if (agoMs < TTL_SECONDS * 1000) {
          seen.faults.push(`lease ${id} ended ${agoMs} ms after it was kept`);
        }
        aliveMs = null;
      }
    }
    // A stall must not bring them all to the same moment: their connections would be its measure.
    await wait(KEEP_ALIVE_MS * (0.5 + Math.random()), signal);
  }
}

async function grant(cluster: Cluster, id: number): Promise<boolean> {
  const lease = { ID: id, TTL: TTL_SECONDS };
  if (await ask(cluster, "grant", lease) === null) return false;
  const key = btoa(`lease/${id}`);
  return await ask(cluster, "../kv/put", { key, lease: id }) !== null;
}

async function ask(
  cluster: Cluster,
  call: string,
  body: unknown,
): Promise<string | null> {
  const up = cluster.up();
  const first = Math.floor(Math.random() * up.length);
  for (const { client } of [...up.slice(first), ...up.slice(0, first)]) {
    const options = { timeoutMs: CALL_TIMEOUT_MS };
    const path = call.startsWith("..")
      ? call.replace("..", "/v3")
      : `/v3/lease/${call}`;
    const answer = await client.request("POST", path, body, options);
    if (answer.kind === "ok") return JSON.stringify(answer.value);
  }
  return null;
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  const endMs = performance.now() + ms;
  while (!signal.aborted && performance.now() < endMs) {
    await pause(Math.min(500, endMs - performance.now()));
  }
}
