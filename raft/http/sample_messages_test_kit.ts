import type { Random } from "../../base/mod.ts";
import { randomBelow, randomIdentity } from "../../base/mod.ts";
import type { Configuration, Entry, Message } from "../core/mod.ts";
import { ENTRY_KINDS, MESSAGE_KINDS, REFUSALS } from "./frame.ts";

/** Random messages of every kind, for tests. */
export interface SampleOptions {
  readonly from: number;
  readonly to: number;
  /** The largest data of an entry. */
  readonly maxDataBytes: number;
}

function number(random: Random): number {
  const edges = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
  if (randomBelow(random, 2) === 0) return randomIdentity(random);
  return edges[randomBelow(random, edges.length)] ?? 0;
}

function truth(random: Random): boolean {
  return randomBelow(random, 2) === 0;
}

function data(random: Random, maxBytes: number): Uint8Array {
  const bytes = new Uint8Array(randomBelow(random, maxBytes + 1));
  for (let at = 0; at < bytes.length; at += 7) bytes[at] = 1 + (at % 255);
  return bytes;
}

function pick<T>(random: Random, from: readonly T[], other: T): T {
  return from[randomBelow(random, from.length)] ?? other;
}

function configuration(random: Random): Configuration {
  const ids = [1, 2, 3, 999].slice(0, randomBelow(random, 5));
  return {
    leaseReads: truth(random),
    members: ids.map((id) => ({
      id,
      incarnation: number(random),
      role: pick(random, ["voter", "witness", "learner"], "voter"),
      promoteTo: pick(random, ["voter", "witness", null], null),
      address: `höst-${id}:7400`,
    })),
  };
}

function entries(random: Random, prevIndex: number, max: number): Entry[] {
  const count = randomBelow(random, 6);
  return Array.from({ length: count }, (_, at) => ({
    index: prevIndex + 1 + at,
    term: number(random),
    kind: pick(random, ENTRY_KINDS, "command"),
    data: data(random, max),
  }));
}

/**
 * Makes a message of a kind with random content.
 *
 * @param random Where the content comes from.
 * @param kind The message's kind.
 * @param options Who speaks to whom, and how much.
 * @returns The message.
 */
export function sampleMessage(
  random: Random,
  kind: Message["kind"],
  options: SampleOptions,
): Message {
  const envelope = {
    from: options.from,
    to: options.to,
    fromIncarnation: number(random),
    toIncarnation: number(random),
    term: number(random),
  };
  const anyNumber = (): number => number(random);
  switch (kind) {
    case "pre_vote":
    case "vote":
      return {
        kind,
        ...envelope,
        lastIndex: anyNumber(),
        lastTerm: anyNumber(),
        early: truth(random),
        transfer: truth(random),
      };
    case "pre_vote_response":
    case "vote_response":
      return {
        kind,
        ...envelope,
        granted: truth(random),
        removedAt: anyNumber(),
      };
    case "append": {
      const prevIndex = randomIdentity(random);
      return {
        kind,
        ...envelope,
        prevIndex,
        prevTerm: anyNumber(),
        commit: anyNumber(),
        entries: entries(random, prevIndex, options.maxDataBytes),
      };
    }
    case "append_response":
      return {
        kind,
        ...envelope,
        ok: truth(random),
        index: anyNumber(),
        hintIndex: anyNumber(),
        hintTerm: anyNumber(),
      };
    case "heartbeat":
      return {
        kind,
        ...envelope,
        commit: anyNumber(),
        round: anyNumber(),
        sentAtMs: random.next() * 1e9,
      };
    case "heartbeat_response":
      return { kind, ...envelope, round: anyNumber(), sentAtMs: random.next() };
    case "snapshot_chunk":
      return {
        kind,
        ...envelope,
        snapshot: {
          index: anyNumber(),
          term: anyNumber(),
          configuration: configuration(random),
          configurationIndex: anyNumber(),
          sizeBytes: anyNumber(),
        },
        offset: anyNumber(),
        data: data(random, options.maxDataBytes),
      };
    case "snapshot_response":
      return {
        kind,
        ...envelope,
        index: anyNumber(),
        nextOffset: anyNumber(),
        done: truth(random),
      };
    case "timeout_now":
    case "transfer_request":
      return { kind, ...envelope };
    case "forward":
      return {
        kind,
        ...envelope,
        proposals: Array.from({ length: randomBelow(random, 4) }, () => ({
          id: anyNumber(),
          kind: "command" as const,
          data: data(random, options.maxDataBytes),
        })),
      };
    case "forward_refused":
      return {
        kind,
        ...envelope,
        ids: Array.from({ length: randomBelow(random, 5) }, anyNumber),
        reason: pick(random, REFUSALS, "busy"),
        leaderId: randomBelow(random, 1001),
      };
    case "read_index":
      return { kind, ...envelope, requestId: anyNumber() };
    case "read_index_response":
      return { kind, ...envelope, requestId: anyNumber(), index: anyNumber() };
  }
}

/**
 * Makes one message of every kind.
 *
 * @param random Where the content comes from.
 * @param options Who speaks to whom, and how much.
 * @returns The messages.
 */
export function sampleMessages(
  random: Random,
  options: SampleOptions,
): Message[] {
  return MESSAGE_KINDS.map((kind) => sampleMessage(random, kind, options));
}
