import type { Random } from "../../base/mod.ts";
import { pause } from "./deadline.ts";
import type { HelloFrame } from "./frame.ts";
import type { HttpTransportLimits } from "./limits.ts";
import {
  openStream,
  type StreamEnd,
  type StreamInOptions,
} from "./stream_in.ts";

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

  /** Returns what the delay before the next attempt rests on. */
  function digest(end: StreamEnd): RetryState {
    options.onEnd(end);
    if (end.kind === "broken") {
      broke = true;
      failures = 0;
      if (end.stoodMs >= limits.stableMs) quickBreaks = 0;
      // At once after a break, for a refusal is worth more the sooner it is known; but two
      // processes under one id, which throw each other out, must not do so at full speed.
      return { failures: quickBreaks++, refused: false };
    }
    failures += 1;
    if (end.kind !== "refused") return { failures, refused: false };
    if (broke) options.onGone();
    broke = false;
    return { failures, refused: true };
  }

  async function run(): Promise<void> {
    while (true) {
      const end = await current.ended;
      if (stopping.signal.aborted) return;
      const delayMs = retryDelayMs(digest(end), limits, random);
      if (delayMs > 0) await pause(clock, delayMs, stopping.signal);
      if (stopping.signal.aborted) return;
      current = begin();
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
