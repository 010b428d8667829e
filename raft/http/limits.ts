import { invariant } from "../../base/mod.ts";

/** Every bound of the transport, by name. Times in milliseconds, sizes in bytes. */
export interface HttpTransportLimits {
  /** The largest frame that is sent or taken. @default {8388608} */
  readonly maxFrameBytes: number;
  /** What may wait for one peer on the main lane, in order. @default {16777216} */
  readonly maxQueueBytes: number;
  /** How many messages may wait for one peer on the main lane, in order. @default {4096} */
  readonly maxQueueMessages: number;
  /** How many heartbeats, votes and the like may wait; the oldest goes first. @default {1024} */
  readonly maxUrgentMessages: number;
  /** What may wait for one peer on the bulk lane. @default {16777216} */
  readonly maxBulkQueueBytes: number;
  /** How many snapshot pieces may wait for one peer. @default {64} */
  readonly maxBulkQueueMessages: number;
  /** What one write into a stream gathers, unless a single frame is larger. @default {65536} */
  readonly maxChunkBytes: number;
  /** The largest note. @default {65536} */
  readonly maxNoteBytes: number;
  /** The largest request body; above 1 KiB Deno's client stalls for 40 ms. @default {1000} */
  readonly maxRequestBytes: number;
  /** How many requests may be under way to one peer. @default {4} */
  readonly maxRequestsInFlight: number;
  /** How many requests are served at once, streams that stand not counted. @default {256} */
  readonly maxServedRequests: number;
  /** How many nodes that are no known peers may hold a stream. @default {32} */
  readonly maxStrangers: number;
  /** How many used challenges are remembered; beyond that openings are refused. @default {4096} */
  readonly maxUsedChallenges: number;
  /** How long a challenge can be answered. @default {5000} */
  readonly challengeMs: number;
  /** How long the opening of a stream may take, up to its first frame. @default {1000} */
  readonly openTimeoutMs: number;
  /** How long any other request may take, at either end. @default {500} */
  readonly requestTimeoutMs: number;
  /** How long a probe waits for a refusal before it takes the peer for present. @default {50} */
  readonly probeTimeoutMs: number;
  /** How often an idle stream says that it lives. @default {250} */
  readonly pingIntervalMs: number;
  /** How often the round trip is measured, also on a busy stream. @default {1000} */
  readonly rttIntervalMs: number;
  /** After how long without a byte a stream is dropped and opened again. @default {1000} */
  readonly silenceMs: number;
  /** After how long a stream whose reader takes nothing is closed. @default {2000} */
  readonly stallMs: number;
  /** How long a bulk stream stays open without a message. @default {10000} */
  readonly bulkIdleMs: number;
  /** How long snapshot pieces wait for the peer to open a bulk stream. @default {2000} */
  readonly bulkOpenMs: number;
  /** The first delay between attempts to open a stream; the very first comes at once. @default {10} */
  readonly retryMinMs: number;
  /** The longest delay between attempts. @default {500} */
  readonly retryMaxMs: number;
  /** The longest delay while the peer's port refuses, for the first seconds. @default {100} */
  readonly retryRefusedMs: number;
  /** A stream that stood for so long resets the delay. @default {1000} */
  readonly stableMs: number;
}

/** The limits where an option does not name others. */
export const DEFAULT_LIMITS: HttpTransportLimits = {
  maxFrameBytes: 8 * 1024 * 1024,
  maxQueueBytes: 16 * 1024 * 1024,
  maxQueueMessages: 4096,
  maxUrgentMessages: 1024,
  maxBulkQueueBytes: 16 * 1024 * 1024,
  maxBulkQueueMessages: 64,
  maxChunkBytes: 64 * 1024,
  maxNoteBytes: 64 * 1024,
  maxRequestBytes: 1000,
  maxRequestsInFlight: 4,
  maxServedRequests: 256,
  maxStrangers: 32,
  maxUsedChallenges: 4096,
  challengeMs: 5000,
  openTimeoutMs: 1000,
  requestTimeoutMs: 500,
  probeTimeoutMs: 50,
  pingIntervalMs: 250,
  rttIntervalMs: 1000,
  silenceMs: 1000,
  stallMs: 2000,
  bulkIdleMs: 10_000,
  bulkOpenMs: 2000,
  retryMinMs: 10,
  retryMaxMs: 500,
  retryRefusedMs: 100,
  stableMs: 1000,
};

/**
 * Fills in and checks limits.
 *
 * @param given Those that differ from the defaults.
 * @returns All of them.
 * @throws {InvariantError} When they cannot work together.
 */
export function limitsFrom(
  given: Partial<HttpTransportLimits> = {},
): HttpTransportLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) {
    invariant(
      Number.isSafeInteger(value) && value > 0,
      `the limit ${name} is a whole number above 0, got ${value}`,
    );
  }
  invariant(
    limits.maxQueueBytes >= limits.maxFrameBytes &&
      limits.maxBulkQueueBytes >= limits.maxFrameBytes,
    "the largest frame fits in an empty queue",
  );
  invariant(
    limits.silenceMs >= 2 * limits.pingIntervalMs,
    "one late ping is not a silence",
  );
  return limits;
}
