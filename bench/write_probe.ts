import { type Clock, present } from "../base/mod.ts";
import type { NodeClient } from "../tests/nodes/mod.ts";

/** A put that was acknowledged. */
export interface Acknowledged {
  /** When it was sent. */
  readonly sentMs: number;
  /** When its acknowledgement came. */
  readonly ackMs: number;
}

/** How a probe writes. */
export interface WriteProbeOptions {
  /** The nodes that it writes through, in turn. */
  readonly clients: readonly NodeClient[];
  /** Tells the time. */
  readonly clock: Clock;
  /**
   * How often a put is sent.
   *
   * @default {3}
   */
  readonly everyMs?: number;
  /**
   * How long a put's answer is waited for.
   *
   * @default {400}
   */
  readonly timeoutMs?: number;
}

/** Writes at a steady pace until it is stopped, whatever becomes of the puts. */
export interface WriteProbe extends AsyncDisposable {
  /** Returns the puts that were acknowledged so far, by the time of their acknowledgement. */
  acknowledged(): readonly Acknowledged[];
}

/** Older acknowledgements than these are forgotten. */
const MAX_ACKNOWLEDGED = 100_000;
/** A put that finds so many before it without an answer is left out. */
const MAX_IN_FLIGHT = 256;

/**
 * Starts to write through some nodes in turn.
 *
 * @param options Through which nodes, and how often.
 * @returns The probe; stops, and waits for its last puts, at the end of its scope.
 */
export function startWriteProbe(options: WriteProbeOptions): WriteProbe {
  const { clients, clock, everyMs = 3, timeoutMs = 400 } = options;
  const acknowledged: Acknowledged[] = [];
  const inFlight = new Set<Promise<void>>();
  let count = 0;
  let timer = clock.after(0, sendNext);

  async function send(client: NodeClient, value: string): Promise<void> {
    const sentMs = clock.nowMs();
    const { kind } = await client.put("probe", value, { timeoutMs });
    if (kind !== "ok") return;
    acknowledged.push({ sentMs, ackMs: clock.nowMs() });
    if (acknowledged.length > MAX_ACKNOWLEDGED) acknowledged.shift();
  }

  function sendNext(): void {
    timer = clock.after(everyMs, sendNext);
    if (inFlight.size >= MAX_IN_FLIGHT) return;
    const client = present(clients[count % clients.length], "a node to write");
    const put = send(client, String(count++));
    inFlight.add(put);
    put.finally(() => inFlight.delete(put));
  }

  return {
    acknowledged: () => acknowledged,
    [Symbol.asyncDispose]: async () => {
      timer.cancel();
      await Promise.all(inFlight);
    },
  };
}

/** A time without an acknowledgement. */
export interface Silence {
  /** How long it was; infinite when nothing was acknowledged at all. */
  readonly lengthMs: number;
  /** When the acknowledgement that ended it came. */
  readonly endMs: number;
}

/**
 * Finds the longest time without an acknowledgement.
 *
 * @param acknowledged Puts, by the time of their acknowledgement.
 * @param fromMs From when on; the silence before the first acknowledgement after it counts.
 * @param untilMs Until when; silences that begin later do not count.
 * @returns The silence.
 */
export function longestSilence(
  acknowledged: readonly Acknowledged[],
  fromMs: number,
  untilMs: number,
): Silence {
  let last = fromMs;
  let longest: Silence = { lengthMs: 0, endMs: fromMs };
  for (const { ackMs } of acknowledged) {
    if (ackMs <= fromMs) continue;
    if (last > untilMs) break;
    if (ackMs - last > longest.lengthMs) {
      longest = { lengthMs: ackMs - last, endMs: ackMs };
    }
    last = ackMs;
  }
  return last === fromMs ? { lengthMs: Infinity, endMs: Infinity } : longest;
}
