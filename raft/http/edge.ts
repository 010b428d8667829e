import {
  type Clock,
  messageOf,
  type Random,
  type Reach,
  reach,
} from "../../base/mod.ts";
import type { HostAndPort } from "./address.ts";
import {
  createDelayLine,
  type DelayLine,
  holdUp,
  loseHeld,
  releaseHeld,
} from "./delay_line.ts";
import { frameWeightBytes } from "./encode.ts";
import type { PeerFault } from "./fault.ts";
import type { Frame } from "./frame.ts";
import type { HttpTransportLimits } from "./limits.ts";

/** Where everything passes that goes to one peer or comes from it: faults strike here. */
export interface Edge {
  readonly random: Random;
  /** Null when nothing is wrong: then frames pass without a trace. */
  fault: Required<PeerFault> | null;
  readonly inward: DelayLine;
  readonly outward: DelayLine;
}

/** Options for {@linkcode createEdge}. */
export interface EdgeOptions {
  readonly limits: HttpTransportLimits;
  readonly clock: Clock;
  readonly random: Random;
}

/** Takes a frame that has passed. */
export type Pass<T> = (owner: T, frame: Frame) => void;

/**
 * Makes the edge towards a peer.
 *
 * @param options What its delays rest on.
 * @param fault What is wrong from the beginning.
 * @returns The edge.
 */
export function createEdge(
  { limits, clock, random }: EdgeOptions,
  fault: Required<PeerFault> | null,
): Edge {
  const held = {
    maxBytes: limits.maxQueueBytes,
    maxCount: limits.maxQueueMessages,
  };
  return {
    random,
    fault,
    inward: createDelayLine(held, clock),
    outward: createDelayLine(held, clock),
  };
}

/**
 * Says what is wrong from now on. What was held up goes at once when nothing is held up any more, and
 * is lost when its way is cut.
 *
 * @param edge The edge.
 * @param fault What is wrong; null for nothing.
 */
export function setEdgeFault(
  edge: Edge,
  fault: Required<PeerFault> | null,
): void {
  edge.fault = fault;
  if (fault?.cutIn) loseHeld(edge.inward);
  if (fault?.cutOut) loseHeld(edge.outward);
  if (fault !== null && fault.delayMs > 0) return;
  releaseHeld(edge.inward);
  releaseHeld(edge.outward);
}

/**
 * Loses what is held up.
 *
 * @param edge The edge of a peer that is let go of.
 */
export function closeEdge(edge: Edge): void {
  loseHeld(edge.inward);
  loseHeld(edge.outward);
}

/**
 * Lets a frame pass that came from the peer, now, later or never.
 *
 * @param edge The edge.
 * @param frame The frame.
 * @param owner Handed to `go`.
 * @param go Takes the frame.
 */
export function passIn<T>(
  edge: Edge,
  frame: Frame,
  owner: T,
  go: Pass<T>,
): void {
  const { fault } = edge;
  if (fault === null) return go(owner, frame);
  if (fault.cutIn || isLost(edge, fault, frame)) return;
  passLater(edge.inward, fault, frame, () => go(owner, frame));
}

/**
 * Lets a frame pass that goes to the peer, now, later or never.
 *
 * @param edge The edge.
 * @param frame The frame.
 * @param owner Handed to `go`.
 * @param go Sends the frame.
 */
export function passOut<T>(
  edge: Edge,
  frame: Frame,
  owner: T,
  go: Pass<T>,
): void {
  const { fault } = edge;
  if (fault === null) return go(owner, frame);
  if (fault.cutOut || isLost(edge, fault, frame)) return;
  passLater(edge.outward, fault, frame, () => go(owner, frame));
}

/** Only messages are lost: a stream that has lost its own frames would be no stream. */
function isLost(
  { random }: Edge,
  { drop }: Required<PeerFault>,
  frame: Frame,
): boolean {
  return drop > 0 && frame.type === "message" && random.next() < drop;
}

function passLater(
  line: DelayLine,
  { delayMs }: Required<PeerFault>,
  frame: Frame,
  go: () => void,
): void {
  if (delayMs === 0) return go();
  holdUp(line, delayMs, frameWeightBytes(frame), go);
}

/**
 * Returns whether nobody can connect across the edge: that takes packets both ways.
 *
 * @param edge The edge.
 * @returns Whether either way is cut.
 */
export function isCut({ fault }: Edge): boolean {
  return fault !== null && (fault.cutIn || fault.cutOut);
}

/**
 * Runs what needs an answer of the peer. While the two are cut apart none comes, not even a refusal.
 *
 * @param edge The edge.
 * @param signal Ends the wait.
 * @param run Asks the peer; it must heed the signal.
 * @returns What it returned.
 * @throws {DOMException} The signal's reason, when none came.
 */
export async function askAcross<T>(
  edge: Edge,
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return isCut(edge) ? await untilAborted(signal) : await run();
  } finally {
    // An answer to a question that was under way when the cut was made has not come either.
    if (isCut(edge)) await untilAborted(signal);
  }
}

/**
 * Connects and hangs up, as `reach` does, where a cut shows nothing.
 *
 * @param edge The edge.
 * @param address Where the peer is.
 * @param signal Ends the attempt.
 * @returns What was seen.
 */
export async function reachAcross(
  edge: Edge,
  address: HostAndPort,
  signal: AbortSignal,
): Promise<Reach> {
  try {
    return await askAcross(edge, signal, () => reach(address, signal));
  } catch (error) {
    return { kind: "unknown", why: messageOf(error) };
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
  });
}
