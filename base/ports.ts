import { type Random, randomBelow, systemRandom } from "./random.ts";

/** The lowest port that is handed out; below it live the services of the machine. */
export const LOWEST_FREE_PORT = 10_000;

/** The highest port that is handed out; the kernel gives those above it to outgoing connections. */
export const HIGHEST_FREE_PORT = 32_767;

const MAX_TRIES = 1000;

/** The "bad ports" of the Fetch standard: those of old protocols that a request could be smuggled into. */
const BLOCKED_PORTS: ReadonlySet<number> = new Set(
  [
    [1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77],
    [79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123],
    [135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526],
    [530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993],
    [995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566],
    [6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080],
  ].flat(),
);

/**
 * Tells whether `fetch` refuses to ask on a port, whoever listens there.
 *
 * @param port The port.
 * @returns Whether it does; browsers do the same.
 */
export function isBlockedPort(port: number): boolean {
  return BLOCKED_PORTS.has(port);
}

/** How free ports are looked for. */
export interface FreePortsOptions {
  /** Where to begin to look; others look for ports at the same time. */
  readonly random?: Random;
  /** Ports to pass over, though nobody listens on them. */
  readonly isTaken?: (port: number) => boolean;
}

/**
 * Finds free ports on loopback by binding them all before any is let go. They are drawn by lot, so that who
 * looks at the same time finds others, and `fetch` asks on each of them.
 *
 * @param count How many.
 * @param options How they are looked for.
 * @returns Ports that nobody listens on.
 * @throws {Error} When they are not found in many tries.
 */
export function freePorts(
  count: number,
  { random = systemRandom(), isTaken = () => false }: FreePortsOptions = {},
): number[] {
  const span = HIGHEST_FREE_PORT - LOWEST_FREE_PORT + 1;
  const listeners: Deno.Listener[] = [];
  const ports: number[] = [];
  try {
    for (let tries = 0; tries < MAX_TRIES && ports.length < count; tries++) {
      const port = LOWEST_FREE_PORT + randomBelow(random, span);
      if (isBlockedPort(port) || isTaken(port)) continue;
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
    `No ${count} free ports were found from ${LOWEST_FREE_PORT} to ${HIGHEST_FREE_PORT}: stop something that listens there`,
  );
}

/**
 * Finds one free port on loopback.
 *
 * @returns A port that nobody listens on.
 * @throws {Error} When none is found in many tries.
 */
export function freePort(): number {
  const [port] = freePorts(1);
  if (port === undefined) throw new Error("No free port was found");
  return port;
}

function listenIfFree(port: number): Deno.Listener | null {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return null;
    throw error;
  }
}
