import { invariant } from "../../base/mod.ts";
import type { AppendRequest, Entry, Message, Proposal } from "../core/mod.ts";
import {
  type ByteWriter,
  createWriter,
  putBoolean,
  putBytes,
  putCount,
  putJson,
  putNodeId,
  putNumber,
  putU32,
  putU8,
} from "./bytes.ts";
import {
  CONTROL_CODES,
  ENTRY_KINDS,
  FIRST_MESSAGE_CODE,
  type Frame,
  FRAME_HEADER_BYTES,
  MESSAGE_KINDS,
  REFUSALS,
} from "./frame.ts";

/** No frame is larger but for its data; a snapshot's description makes the writer grow. */
const FIXED_BYTES = 96;
const ENTRY_BYTES = 13;
const PROPOSAL_BYTES = 13;
const MEMBER_BYTES = 160;

function dataBytes(
  parts: readonly (Entry | Proposal)[],
  eachBytes: number,
): number {
  return parts.reduce((sum, part) => sum + eachBytes + part.data.length, 0);
}

/**
 * Says how much a frame weighs in a queue: what it takes on the wire, or a little more.
 *
 * @param frame What is to be sent.
 * @returns Its weight.
 */
export function frameWeightBytes(frame: Frame): number {
  if (frame.type === "hello") return 1024;
  if (frame.type === "note") return FIXED_BYTES + frame.data.length;
  if (frame.type !== "message") return FIXED_BYTES;
  const { message } = frame;
  switch (message.kind) {
    case "append":
      return FIXED_BYTES + dataBytes(message.entries, ENTRY_BYTES);
    case "forward":
      return FIXED_BYTES + dataBytes(message.proposals, PROPOSAL_BYTES);
    case "forward_refused":
      return FIXED_BYTES + 8 * message.ids.length;
    case "snapshot_chunk": {
      const { members } = message.snapshot.configuration;
      return 4 * FIXED_BYTES + MEMBER_BYTES * members.length +
        message.data.length;
    }
    default:
      return FIXED_BYTES;
  }
}

function putEntries(writer: ByteWriter, message: AppendRequest): void {
  putU32(writer, message.entries.length);
  let index = message.prevIndex;
  for (const entry of message.entries) {
    index += 1;
    invariant(
      entry.index === index,
      `appended entries follow each other: ${index} expected, got ${entry.index}`,
    );
    putCount(writer, entry.term);
    putU8(writer, ENTRY_KINDS.indexOf(entry.kind));
    putBytes(writer, entry.data);
  }
}

function putProposals(
  writer: ByteWriter,
  proposals: readonly Proposal[],
): void {
  putU32(writer, proposals.length);
  for (const proposal of proposals) {
    putCount(writer, proposal.id);
    putU8(writer, ENTRY_KINDS.indexOf(proposal.kind));
    putBytes(writer, proposal.data);
  }
}

function putBody(writer: ByteWriter, message: Message): void {
  switch (message.kind) {
    case "pre_vote":
    case "vote":
      putCount(writer, message.lastIndex);
      putCount(writer, message.lastTerm);
      putBoolean(writer, message.early);
      return putBoolean(writer, message.transfer);
    case "pre_vote_response":
    case "vote_response":
      putBoolean(writer, message.granted);
      return putCount(writer, message.removedAt);
    case "append":
      putCount(writer, message.prevIndex);
      putCount(writer, message.prevTerm);
      putCount(writer, message.commit);
      return putEntries(writer, message);
    case "append_response":
      putBoolean(writer, message.ok);
      putCount(writer, message.index);
      putCount(writer, message.hintIndex);
      return putCount(writer, message.hintTerm);
    case "heartbeat":
      putCount(writer, message.commit);
      putCount(writer, message.round);
      return putNumber(writer, message.sentAtMs);
    case "heartbeat_response":
      putCount(writer, message.round);
      return putNumber(writer, message.sentAtMs);
    case "snapshot_chunk":
      putJson(writer, message.snapshot);
      putCount(writer, message.offset);
      return putBytes(writer, message.data);
    case "snapshot_response":
      putCount(writer, message.index);
      putCount(writer, message.nextOffset);
      return putBoolean(writer, message.done);
    case "timeout_now":
    case "transfer_request":
      return;
    case "forward":
      return putProposals(writer, message.proposals);
    case "forward_refused":
      putU32(writer, message.ids.length);
      for (const id of message.ids) putCount(writer, id);
      putU8(writer, REFUSALS.indexOf(message.reason));
      return putNodeId(writer, message.leaderId);
    case "read_index":
      return putCount(writer, message.requestId);
    case "read_index_response":
      putCount(writer, message.requestId);
      return putCount(writer, message.index);
  }
}

function putMessage(writer: ByteWriter, message: Message): void {
  putU8(writer, FIRST_MESSAGE_CODE + MESSAGE_KINDS.indexOf(message.kind));
  putNodeId(writer, message.from);
  putNodeId(writer, message.to);
  putCount(writer, message.fromIncarnation);
  putCount(writer, message.toIncarnation);
  putCount(writer, message.term);
  putBody(writer, message);
}

function putContent(writer: ByteWriter, frame: Frame): void {
  switch (frame.type) {
    case "message":
      return putMessage(writer, frame.message);
    case "hello": {
      const { type: _type, ...fields } = frame;
      putU8(writer, CONTROL_CODES.hello);
      return putJson(writer, fields);
    }
    case "ping":
    case "pong":
      putU8(writer, CONTROL_CODES[frame.type]);
      return putNumber(writer, frame.sentAtMs);
    case "want_bulk":
      return putU8(writer, CONTROL_CODES.want_bulk);
    case "note":
      putU8(writer, CONTROL_CODES.note);
      return putBytes(writer, frame.data);
  }
}

/**
 * Writes frames one after the other into one buffer, each with its length before it.
 *
 * @param frames What is to be sent.
 * @returns The bytes; the data of entries has been copied once.
 *
 * @example Usage
 * ```ts
 * import { createFrameDecoder, decodeChunk } from "./frame_decoder.ts";
 * import { encodeFrames } from "./encode.ts";
 *
 * const bytes = encodeFrames([{ type: "ping", sentAtMs: 1.5 }]);
 * const [frame] = decodeChunk(createFrameDecoder({ maxFrameBytes: 1024 }), bytes);
 * if (frame?.type !== "ping") throw new Error("A frame comes back as it was");
 * ```
 */
export function encodeFrames(
  frames: readonly Frame[],
): Uint8Array<ArrayBuffer> {
  const weight = frames.reduce((sum, f) => sum + frameWeightBytes(f), 0);
  const writer = createWriter(weight);
  for (const frame of frames) {
    const start = writer.at;
    putU32(writer, 0);
    putContent(writer, frame);
    writer.view.setUint32(start, writer.at - start - FRAME_HEADER_BYTES);
  }
  return writer.bytes.subarray(0, writer.at);
}
