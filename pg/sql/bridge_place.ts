/**
 * The bridge's socket is called as PostgreSQL's are, after a port; the second counts where PostgreSQL
 * itself listens on the first.
 */
export const BRIDGE_PORTS = [7434, 7435] as const;

/** What a bridge says to whom it does not let in; by this a call is known not to have begun. */
export const REFUSED_HINT = "Nothing happened: try again";

/**
 * Says which port the bridge's socket is called after.
 *
 * @param port PostgreSQL's own.
 *
 * @example Usage
 * ```ts
 * import { bridgePort } from "./bridge_place.ts";
 *
 * if (bridgePort(5432) !== 7434) throw new Error("It is the first");
 * if (bridgePort(7434) !== 7435) throw new Error("It must not be PostgreSQL's own");
 * ```
 */
export function bridgePort(port: number): number {
  const [first, second] = BRIDGE_PORTS;
  return port === first ? second : first;
}
