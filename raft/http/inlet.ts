import type { Random } from "../../base/mod.ts";
import { reach } from "./address.ts";
import { pause, withDeadline } from "./deadline.ts";
import type { HelloFrame } from "./frame.ts";
import type { HttpTransportLimits } from "./limits.ts";
import {
  openStream,
  type StreamEnd,
  type StreamInOptions,
} from "./stream_in.ts";

const LOOKS_AFTER_BREAK = 3;

/** Keeps a stream to one peer open on the main lane. */
export interface Inlet {
  /** To be called every `pingIntervalMs`. */
  tick(): void;
  /** Ends the stream and all attempts; resolves once nothing is left. */
  stop(): Promise<void>;
}

/** Options for {@linkcode createInlet}. */
export interface InletOptions extends Omit<StreamInOptions, "lane"> {
  readonly random: Random;
  /** A stream that stood, or an attempt, has ended. */
  readonly onEnd: (end: StreamEnd) => void;
  /** A stream broke, and by now the peer's port refuses. */
  readonly onGone: () => void;
}

/** What decides when the next attempt comes. */
export interface RetryState {
  /** How many attempts in a row did not lead to a stream that lasted. */
  readonly failures: number;
  /** Whether the last one was refused. */
  readonly refused: boolean;
}

/**
 * Says how long to wait before the next attempt to open a stream.
 *
 * @param state What came before.
 * @param limits The bounds.
 * @param random Spreads the attempts of several nodes.
 * @returns The delay, 0 for the first attempt.
 */
export function retryDelayMs(
  state: RetryState,
  limits: HttpTransportLimits,
  random: Random,
): number {
  if (state.failures === 0) return 0;
  const highest = state.refused ? limits.retryRefusedMs : limits.retryMaxMs;
  const doubled = limits.retryMinMs * 2 ** Math.min(state.failures - 1, 16);
  const delayMs = Math.min(doubled, highest);
  return delayMs * (0.5 + random.next() / 2);
}

/**
 * Begins to keep a stream open.
 *
 * @param options Whom to call, and whom to tell.
 * @returns The inlet.
 */
export function createInlet(options: InletOptions): Inlet {
  const { limits, clock, random } = options;
  const stopping = new AbortController();
  let failures = 0;
  let quickBreaks = 0;
  let broke = false;
  let current = begin();

  function begin(): ReturnType<typeof openStream> {
    return openStream({
      ...options,
      lane: "main",
      onStanding: (hello: HelloFrame) => {
        broke = false;
        options.onStanding(hello);
      },
    });
  }

  function noteRefused(): void {
    if (broke) options.onGone();
    broke = false;
  }

  /** Returns what the delay before the next attempt rests on. */
  async function digest(end: StreamEnd): Promise<RetryState> {
    options.onEnd(end);
    if (end.kind !== "broken") {
      failures += 1;
      const refused = end.kind === "refused";
      if (refused) noteRefused();
      return { failures, refused };
    }
    broke = true;
    failures = 0;
    if (end.stoodMs >= limits.stableMs) quickBreaks = 0;
    // Two processes under one id must not throw each other out at full speed; but a refusal is worth
    // more the sooner it is known, so only the opening waits, not the look at the port.
    const refused = quickBreaks > 0 && await refusesNow();
    if (refused) noteRefused();
    return { failures: quickBreaks++, refused };
  }

  /** Looks a few times: a dying process may let go of its streams before its port. */
  async function refusesNow(): Promise<boolean> {
    const { signal } = stopping;
    for (let look = 1; look <= LOOKS_AFTER_BREAK; look++) {
      const reached = await withDeadline(
        clock,
        limits.openTimeoutMs,
        signal,
        (within) => reach(options.call.address, within),
      );
      if (signal.aborted) return false;
      if (reached.kind === "refused") return true;
      await pause(clock, limits.retryMinMs, signal);
    }
    return false;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const end = await current.ended;
      if (stopping.signal.aborted) return;
      const delayMs = retryDelayMs(await digest(end), limits, random);
      if (delayMs > 0) await pause(clock, delayMs, stopping.signal);
      if (!stopping.signal.aborted) current = begin();
    }
  }

  const running = run();
  return {
    tick: () => current.tick(),
    stop: async () => {
      stopping.abort();
      current.close();
      await running;
    },
  };
}
