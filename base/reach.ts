import { messageOf } from "./errors.ts";

/** What a bare connection showed about a port. */
export type Reach =
  /** Something listens. */
  | { readonly kind: "listening" }
  /** The machine answered that nothing listens there. */
  | { readonly kind: "refused" }
  /** Nothing is proven. */
  | { readonly kind: "unknown"; readonly why: string };

/** Where something may listen. */
export interface PortAddress {
  readonly hostname: string;
  readonly port: number;
}

/**
 * Connects.
 *
 * @param address Where.
 * @param signal Ends the attempt.
 * @returns The connection.
 */
export async function connectTo(
  address: PortAddress,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  const ending = new AbortController();
  // A turn later: Deno loses a connection, and never closes it, that comes about in the very turn in which
  // its signal is aborted. By then it is here, or has not come.
  const end = (): void => void setImmediate(() => ending.abort(signal.reason));
  signal.throwIfAborted();
  signal.addEventListener("abort", end, { once: true });
  try {
    return await Deno.connect({ ...address, signal: ending.signal });
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/**
 * Connects and hangs up, to tell a process that is gone from one that does not answer.
 *
 * @param address Where.
 * @param signal Ends the attempt, which then shows nothing.
 * @returns What was seen.
 */
export async function reach(
  address: PortAddress,
  signal: AbortSignal,
): Promise<Reach> {
  try {
    const connection = await connectTo(address, signal);
    connection.close();
    return { kind: "listening" };
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) {
      return { kind: "refused" };
    }
    return { kind: "unknown", why: messageOf(error) };
  }
}
