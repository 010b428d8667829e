/** Below it live the machine's services, above it the kernel gives ports to outgoing connections. */
const LOWEST_PORT = 10_000;
const HIGHEST_PORT = 32_767;
const MAX_TRIES = 1000;

function listenIfFree(port: number): Deno.Listener | null {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return null;
    throw error;
  }
}

/**
 * Finds ports on loopback that nobody listens on, by binding them all before any is let go. They are drawn by
 * lot, so that demos that start at the same time find different ones.
 *
 * @param count How many.
 * @returns The ports.
 */
export function freePorts(count: number): number[] {
  const listeners: Deno.Listener[] = [];
  const ports: number[] = [];
  try {
    for (let tries = 0; tries < MAX_TRIES && ports.length < count; tries++) {
      const port = LOWEST_PORT +
        Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT + 1));
      const listener = listenIfFree(port);
      if (listener === null) continue;
      listeners.push(listener);
      ports.push(port);
    }
  } finally {
    for (const listener of listeners) listener.close();
  }
  if (ports.length === count) return ports;
  throw new Error(
    `No ${count} free ports were found from ${LOWEST_PORT} to ${HIGHEST_PORT}: stop something that listens there`,
  );
}
