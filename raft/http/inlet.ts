import { pause, type Random } from "../../base/mod.ts";
import { withDeadline } from "./deadline.ts";
import { reachAcross } from "./edge.ts";
import type { HelloFrame } from "./frame.ts";
import { retryDelayMs, type RetryState } from "./retry.ts";
import {
  closeStream,
  createStreamIn,
  runStream,
  type StreamEnd,
  type StreamIn,
  type StreamInOptions,
  tickStream,
} from "./stream_in.ts";

const LOOKS_AFTER_BREAK = 3;

/** Keeps a stream to one peer open on the main lane. */
export interface Inlet {
  readonly options: InletOptions;
  readonly stopping: AbortController;
  /** The stream that stands or is being opened; null before the first. */
  stream: StreamIn | null;
  /** Ends the wait for the next attempt, also before it has begun. */
  waiting: AbortController;
  /** How many attempts in a row have failed. */
  failures: number;
  /** How many streams in a row broke soon. */
  quickBreaks: number;
  /** Whether a stream broke and nothing was seen of the peer since. */
  broke: boolean;
}

/** Options for {@linkcode createInlet}. */
export interface InletOptions extends Omit<StreamInOptions, "lane"> {
  readonly random: Random;
  /** A stream that stood, or an attempt, has ended. */
  readonly onEnd: (end: StreamEnd) => void;
  /** A stream broke, and by now the peer's port refuses. */
  readonly onGone: () => void;
}

/**
 * Makes what keeps a stream open.
 *
 * @param options Whom to call, and whom to tell.
 * @returns The inlet, still to be run.
 */
export function createInlet(options: InletOptions): Inlet {
  return {
    options,
    stopping: new AbortController(),
    stream: null,
    waiting: new AbortController(),
    failures: 0,
    quickBreaks: 0,
    broke: false,
  };
}

/**
 * Opens the stream again and again; resolves once the inlet is stopped and nothing is left.
 *
 * @param inlet The inlet; it runs once.
 */
export async function runInlet(inlet: Inlet): Promise<void> {
  const { limits, clock, random } = inlet.options;
  const { signal } = inlet.stopping;
  while (!signal.aborted) {
    inlet.stream = nextStream(inlet);
    const end = await runStream(inlet.stream);
    if (signal.aborted) return;
    // What the peer did while a stream stood says nothing of now.
    if (end.kind === "broken") inlet.waiting = new AbortController();
    const delayMs = retryDelayMs(await digest(inlet, end), limits, random);
    if (signal.aborted) return;
    if (delayMs > 0) await pause(clock, delayMs, inlet.waiting.signal);
    inlet.waiting = new AbortController();
  }
}

/**
 * Takes that the peer is there: it has just reached this node.
 *
 * @param inlet The inlet.
 */
export function hurryInlet(inlet: Inlet): void {
  inlet.waiting.abort();
}

/**
 * Lets the stream see that time passes.
 *
 * @param inlet The inlet, every `pingIntervalMs`.
 */
export function tickInlet(inlet: Inlet): void {
  if (inlet.stream !== null) tickStream(inlet.stream);
}

/**
 * Ends the stream and all attempts.
 *
 * @param inlet The inlet.
 */
export function stopInlet(inlet: Inlet): void {
  inlet.stopping.abort();
  inlet.waiting.abort();
  if (inlet.stream !== null) closeStream(inlet.stream);
}

function nextStream(inlet: Inlet): StreamIn {
  const { options } = inlet;
  return createStreamIn({
    ...options,
    lane: "main",
    onStanding: (hello: HelloFrame) => {
      inlet.broke = false;
      options.onStanding(hello);
    },
  });
}

/** Returns what the delay before the next attempt rests on. */
async function digest(inlet: Inlet, end: StreamEnd): Promise<RetryState> {
  const { options } = inlet;
  options.onEnd(end);
  if (end.kind !== "broken") {
    inlet.failures += 1;
    const refused = end.kind === "refused";
    if (refused) noteRefused(inlet);
    return { failures: inlet.failures, refused };
  }
  inlet.broke = true;
  inlet.failures = 0;
  if (end.stoodMs >= options.limits.stableMs) inlet.quickBreaks = 0;
  // Two processes under one id must not throw each other out at full speed; but a refusal is worth
  // more the sooner it is known, so only the opening waits, not the look at the port.
  const refused = inlet.quickBreaks > 0 && await refusesNow(inlet);
  if (refused) noteRefused(inlet);
  return { failures: inlet.quickBreaks++, refused };
}

function noteRefused(inlet: Inlet): void {
  if (inlet.broke) inlet.options.onGone();
  inlet.broke = false;
}

/** Looks a few times: a dying process may let go of its streams before its port. */
async function refusesNow(inlet: Inlet): Promise<boolean> {
  const { limits, clock, call, edge } = inlet.options;
  const { signal } = inlet.stopping;
  for (let look = 1; look <= LOOKS_AFTER_BREAK; look++) {
    const reached = await withDeadline(
      clock,
      limits.openTimeoutMs,
      signal,
      (within) => reachAcross(edge, call.address, within),
    );
    if (signal.aborted) return false;
    if (reached.kind === "refused") return true;
    await pause(clock, limits.retryMinMs, signal);
  }
  return false;
}
