import { type Random, randomBelow, systemRandom } from "../../base/mod.ts";

/** The lowest port that is handed out; below it live the services of the machine. */
export const LOWEST_PORT = 10_000;

/** The highest port that is handed out; the kernel gives those above it to outgoing connections. */
export const HIGHEST_PORT = 32_767;

const MAX_TRIES = 1000;

/** Nobody listens on them between their choice and their use, so only memory keeps them apart. */
const handedOut = new Set<number>();
const MAX_HANDED_OUT = (HIGHEST_PORT - LOWEST_PORT) / 2;

/**
 * Finds free ports on loopback by binding them all before any is let go. A process is given none twice.
 *
 * @param count How many.
 * @param random Where to begin to look; others look for ports at the same time.
 * @returns Ports that nobody listens on.
 * @throws {Error} When none are found in many tries.
 */
export function freePorts(
  count: number,
  random: Random = systemRandom(),
): number[] {
  const listeners: Deno.Listener[] = [];
  const ports: number[] = [];
  try {
    for (let tries = 0; ports.length < count; tries++) {
      if (tries === MAX_TRIES) {
        throw new Error(
          `No ${count} free ports were found from ${LOWEST_PORT} to ${HIGHEST_PORT}`,
        );
      }
      const port = LOWEST_PORT +
        randomBelow(random, HIGHEST_PORT - LOWEST_PORT + 1);
      if (handedOut.has(port)) continue;
      const listener = listenIfFree(port);
      if (listener === null) continue;
      listeners.push(listener);
      ports.push(port);
      if (handedOut.size >= MAX_HANDED_OUT) handedOut.clear();
      handedOut.add(port);
    }
    return ports;
  } finally {
    for (const listener of listeners) listener.close();
  }
}

function listenIfFree(port: number): Deno.Listener | null {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return null;
    throw error;
  }
}
