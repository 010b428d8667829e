/**
 * What goes wrong on purpose between this node and one peer, for tests of whole systems. Each end has
 * its own: a partition is set at both, since a switch goes when its process does.
 */
export interface PeerFault {
  /** Which share of the messages is lost, each way: 0 to 1. @default {0} */
  readonly drop?: number;
  /** How much later everything arrives, each way, at most 60000. @default {0} */
  readonly delayMs?: number;
  /** Whether nothing comes from the peer. @default {false} */
  readonly cutIn?: boolean;
  /** Whether nothing goes to the peer. @default {false} */
  readonly cutOut?: boolean;
}

const MAX_DELAY_MS = 60_000;

/**
 * Fills in and checks a fault.
 *
 * @param fault The fault.
 * @returns All of it.
 * @throws {RangeError} When its share or its delay is out of bounds.
 */
export function faultFrom(fault: PeerFault): Required<PeerFault> {
  const { drop = 0, delayMs = 0, cutIn = false, cutOut = false } = fault;
  if (!(drop >= 0 && drop <= 1)) {
    throw new RangeError(`Share ${drop} of lost messages is not 0 to 1`);
  }
  if (!(delayMs >= 0 && delayMs <= MAX_DELAY_MS)) {
    throw new RangeError(`Delay of ${delayMs} ms is not 0 to ${MAX_DELAY_MS}`);
  }
  return { drop, delayMs, cutIn, cutOut };
}
