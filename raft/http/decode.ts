import type { Entry, Envelope, Index, Message, Proposal } from "../core/mod.ts";
import {
  type ByteReader,
  bytesLeft,
  createReader,
  takeBoolean,
  takeBytes,
  takeCount,
  takeJson,
  takeLength,
  takeName,
  takeNodeId,
  takeNodeIdOrNone,
  takeNumber,
  takeU8,
} from "./bytes.ts";
import {
  CONTROL_CODES,
  ENTRY_KINDS,
  FIRST_MESSAGE_CODE,
  type Frame,
  FrameError,
  MESSAGE_KINDS,
  REFUSALS,
} from "./frame.ts";
import { helloFrom, snapshotMetaFrom } from "./meta.ts";

const ENTRY_MIN_BYTES = 13;
const PROPOSAL_MIN_BYTES = 13;

function takeEntries(reader: ByteReader, prevIndex: Index): Entry[] {
  const count = takeLength(reader, ENTRY_MIN_BYTES);
  const entries: Entry[] = [];
  for (let at = 1; at <= count; at++) {
    entries.push({
      index: prevIndex + at,
      term: takeCount(reader),
      kind: takeName(reader, ENTRY_KINDS),
      data: takeBytes(reader),
    });
  }
  return entries;
}

function takeProposals(reader: ByteReader): Proposal[] {
  const count = takeLength(reader, PROPOSAL_MIN_BYTES);
  const proposals: Proposal[] = [];
  for (let at = 0; at < count; at++) {
    const id = takeCount(reader);
    const kind = takeName(reader, ENTRY_KINDS);
    if (kind !== "command") throw new FrameError(`Nobody proposes a ${kind}`);
    proposals.push({ id, kind, data: takeBytes(reader) });
  }
  return proposals;
}

function takeIds(reader: ByteReader): number[] {
  const count = takeLength(reader, 8);
  return Array.from({ length: count }, () => takeCount(reader));
}

function takeEnvelope(reader: ByteReader): Envelope {
  return {
    from: takeNodeId(reader),
    to: takeNodeId(reader),
    fromIncarnation: takeCount(reader),
    toIncarnation: takeCount(reader),
    term: takeCount(reader),
  };
}

function takeMessage(reader: ByteReader, kind: Message["kind"]): Message {
  const envelope = takeEnvelope(reader);
  switch (kind) {
    case "pre_vote":
    case "vote":
      return {
        kind,
        ...envelope,
        lastIndex: takeCount(reader),
        lastTerm: takeCount(reader),
        early: takeBoolean(reader),
        transfer: takeBoolean(reader),
      };
    case "pre_vote_response":
    case "vote_response":
      return {
        kind,
        ...envelope,
        granted: takeBoolean(reader),
        removedAt: takeCount(reader),
      };
    case "append":
      return takeAppend(reader, envelope);
    case "append_response":
      return {
        kind,
        ...envelope,
        ok: takeBoolean(reader),
        index: takeCount(reader),
        hintIndex: takeCount(reader),
        hintTerm: takeCount(reader),
      };
    case "heartbeat":
      return {
        kind,
        ...envelope,
        commit: takeCount(reader),
        round: takeCount(reader),
        sentAtMs: takeNumber(reader),
      };
    case "heartbeat_response":
      return {
        kind,
        ...envelope,
        round: takeCount(reader),
        sentAtMs: takeNumber(reader),
      };
    default:
      return takeRareMessage(reader, kind, envelope);
  }
}

function takeAppend(reader: ByteReader, envelope: Envelope): Message {
  const prevIndex = takeCount(reader);
  const prevTerm = takeCount(reader);
  const commit = takeCount(reader);
  const entries = takeEntries(reader, prevIndex);
  if (!Number.isSafeInteger(prevIndex + entries.length)) {
    throw new FrameError("Frame has entries beyond the last index");
  }
  return { kind: "append", ...envelope, prevIndex, prevTerm, commit, entries };
}

type RareKind = Exclude<
  Message["kind"],
  | "pre_vote"
  | "vote"
  | "pre_vote_response"
  | "vote_response"
  | "append"
  | "append_response"
  | "heartbeat"
  | "heartbeat_response"
>;

function takeRareMessage(
  reader: ByteReader,
  kind: RareKind,
  envelope: Envelope,
): Message {
  switch (kind) {
    case "snapshot_chunk":
      return {
        kind,
        ...envelope,
        snapshot: snapshotMetaFrom(takeJson(reader)),
        offset: takeCount(reader),
        data: takeBytes(reader),
      };
    case "snapshot_response":
      return {
        kind,
        ...envelope,
        index: takeCount(reader),
        nextOffset: takeCount(reader),
        done: takeBoolean(reader),
      };
    case "timeout_now":
    case "transfer_request":
      return { kind, ...envelope };
    case "forward":
      return { kind, ...envelope, proposals: takeProposals(reader) };
    case "forward_refused":
      return {
        kind,
        ...envelope,
        ids: takeIds(reader),
        reason: takeName(reader, REFUSALS),
        leaderId: takeNodeIdOrNone(reader),
      };
    case "read_index":
      return { kind, ...envelope, requestId: takeCount(reader) };
    case "read_index_response":
      return {
        kind,
        ...envelope,
        requestId: takeCount(reader),
        index: takeCount(reader),
      };
  }
}

function takeContent(reader: ByteReader): Frame {
  const code = takeU8(reader);
  switch (code) {
    case CONTROL_CODES.hello:
      return helloFrom(takeJson(reader));
    case CONTROL_CODES.ping:
      return { type: "ping", sentAtMs: takeNumber(reader) };
    case CONTROL_CODES.pong:
      return { type: "pong", sentAtMs: takeNumber(reader) };
    case CONTROL_CODES.want_bulk:
      return { type: "want_bulk" };
    case CONTROL_CODES.note:
      return { type: "note", data: takeBytes(reader) };
  }
  const kind = MESSAGE_KINDS[code - FIRST_MESSAGE_CODE];
  if (kind === undefined) {
    throw new FrameError(`Frame has unknown kind ${code}`);
  }
  return { type: "message", message: takeMessage(reader, kind) };
}

/**
 * Reads the content of one frame.
 *
 * @param content The bytes after the length. Entries and pieces become views of it.
 * @returns The frame.
 * @throws {FrameError} When the bytes are no frame, or more than one.
 */
export function decodeFrame(content: Uint8Array<ArrayBuffer>): Frame {
  const reader = createReader(content);
  const frame = takeContent(reader);
  if (bytesLeft(reader) > 0) {
    throw new FrameError(`Frame has ${bytesLeft(reader)} bytes too many`);
  }
  return frame;
}
