import {
  freePorts as findFreePorts,
  HIGHEST_FREE_PORT,
  LOWEST_FREE_PORT,
} from "../../base/mod.ts";

/** Nobody listens on them between their choice and their use, so only memory keeps them apart. */
const handedOut = new Set<number>();
const MAX_HANDED_OUT = (HIGHEST_FREE_PORT - LOWEST_FREE_PORT) / 2;

/**
 * Finds free ports on loopback. A process is given none twice.
 *
 * @param count How many.
 * @returns Ports that nobody listens on.
 * @throws {Error} When none are found in many tries.
 */
export function freePorts(count: number): number[] {
  if (handedOut.size + count > MAX_HANDED_OUT) handedOut.clear();
  const ports = findFreePorts(count, {
    isTaken: (port) => handedOut.has(port),
  });
  for (const port of ports) handedOut.add(port);
  return ports;
}
