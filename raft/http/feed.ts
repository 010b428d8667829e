import type { Clock } from "../../base/mod.ts";
import { parseAddress } from "./address.ts";
import { askNodeId, callPeer } from "./call.ts";
import { FEED_PATH } from "./claim.ts";
import { type CalledPeer, type Caller, checkProof } from "./named_call.ts";
import type { PeerLine } from "./line.ts";

/** How long a feed may be silent. */
export interface FeedPatience {
  /** How long it may take until it begins, and then each piece. */
  readonly idleTimeoutMs: number;
  /**
   * Ends it before.
   *
   * @default {never}
   */
  readonly signal?: AbortSignal;
}

/** Aborts when nothing has come for too long. */
function createWatchdog(
  clock: Clock,
  timeoutMs: number,
  abort: AbortController,
  address: string,
): { heard(): void; end(): void } {
  const start = (): { cancel(): void } =>
    clock.after(timeoutMs, () =>
      abort.abort(
        new Error(`${address} has sent nothing for ${timeoutMs} ms`),
      ));
  let timer = start();
  return {
    heard: () => {
      timer.cancel();
      timer = start();
    },
    end: () => timer.cancel(),
  };
}

/**
 * Has a peer send something by name, and checks that the sender is that peer.
 *
 * Over HTTP/1: there the kernel's windows bound what is under way, and one stream has a connection to itself
 * anyway. Whoever stops reading ends the connection.
 *
 * @param caller Who asks.
 * @param peer Whom.
 * @param name What.
 * @param patience How long it may be silent.
 * @returns The pieces as they come; they end where the sender ended, whole or not is for their reader to see.
 * @throws {OpeningRefusedError} When the peer turned the request away, or did not prove itself.
 * @throws {TypeError} When the connection failed.
 */
export async function* openFeed(
  caller: Caller,
  peer: CalledPeer,
  name: string,
  { idleTimeoutMs, signal }: FeedPatience,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { self, authenticator, wire, clock } = caller;
  const address = parseAddress(peer.address);
  const abort = new AbortController();
  const end = (): void => abort.abort(signal?.reason);
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();
  const watchdog = createWatchdog(clock, idleTimeoutMs, abort, peer.address);
  let line: PeerLine | null = null;
  try {
    line = await wire.dial(address, "http/1.1", abort.signal);
    const id = peer.id ?? await askNodeId(wire, address, line, abort.signal);
    const call = { self, peer: id, address, authenticator, wire };
    const path = `${FEED_PATH}${name}`;
    const request = { method: "POST", path } as const;
    const { response, claim } = await callPeer(
      call,
      request,
      line,
      abort.signal,
    );
    if (response.body === null) return;
    const reader = response.body.getReader();
    // The signal alone does not do: Deno forgets it once the response object has been collected.
    const cancel = (): void => void reader.cancel().catch(() => {});
    abort.signal.addEventListener("abort", cancel, { once: true });
    try {
      checkProof(caller, claim, response.headers, null);
      while (true) {
        watchdog.heard();
        const { done, value } = await reader.read();
        abort.signal.throwIfAborted();
        if (done) return;
        // The reader may take its time with a piece: that is not the sender's silence.
        watchdog.end();
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  } finally {
    watchdog.end();
    signal?.removeEventListener("abort", end);
    line?.close();
  }
}
