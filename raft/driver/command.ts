import { present, type Slab } from "../../base/mod.ts";
import type { Entry } from "../core/mod.ts";
import {
  RAFT_OPERATION_KINDS,
  type RaftOperation,
  type RaftOperationKind,
} from "../ports.ts";

/** Who proposed a command, so that it is applied once however often it is sent. */
export interface CommandId {
  readonly session: number;
  readonly sequence: number;
  /** The proposer waits for no command below this one any more. */
  readonly ackedBelow: number;
}

/** What a command entry holds. */
export type Command =
  | { readonly kind: "open_session"; readonly session: number }
  | {
    readonly kind: "operation";
    readonly id: CommandId;
    readonly operation: RaftOperation;
  };

/** What a command's header adds to the operation's data. */
export const COMMAND_HEADER_BYTES = 20;

const OPEN_SESSION = 0;
const OPERATION = 1;
const KIND_CODES: ReadonlyMap<RaftOperationKind, number> = new Map(
  RAFT_OPERATION_KINDS.map((kind, code) => [kind, code]),
);

/** Encodes the command that opens a session. */
export function encodeOpenSession(session: number): Uint8Array {
  const bytes = new Uint8Array(7);
  bytes[0] = OPEN_SESSION;
  writeUint48(bytes, 1, session);
  return bytes;
}

/** Encodes an operation with its identity, into a piece of a slab: entries of one time go at one time. */
export function encodeOperation(
  id: CommandId,
  operation: RaftOperation,
  slab: Slab,
): Uint8Array {
  const bytes = slab.cut(COMMAND_HEADER_BYTES + operation.data.length);
  bytes[0] = OPERATION;
  writeUint48(bytes, 1, id.session);
  writeUint48(bytes, 7, id.sequence);
  writeUint48(bytes, 13, id.ackedBelow);
  bytes[19] = present(KIND_CODES.get(operation.kind), operation.kind);
  bytes.set(operation.data, COMMAND_HEADER_BYTES);
  return bytes;
}

/** Decodes a command; the operation's data is a view. */
export function decodeCommand(bytes: Uint8Array): Command {
  const session = readUint48(bytes, 1);
  if (bytes[0] === OPEN_SESSION) return { kind: "open_session", session };
  const kind = present(
    RAFT_OPERATION_KINDS[bytes[19] ?? -1],
    `the operation kind ${bytes[19]}`,
  );
  return {
    kind: "operation",
    id: {
      session,
      sequence: readUint48(bytes, 7),
      ackedBelow: readUint48(bytes, 13),
    },
    operation: { kind, data: bytes.subarray(COMMAND_HEADER_BYTES) },
  };
}

/**
 * Takes an operation's data out of an entry, as it was proposed.
 *
 * @param entry An entry of the log.
 * @returns A view of the data, or null where the entry holds no operation.
 */
export function operationBytesOf({ kind, data }: Entry): Uint8Array | null {
  return kind === "command" && data[0] === OPERATION
    ? data.subarray(COMMAND_HEADER_BYTES)
    : null;
}

function writeUint48(bytes: Uint8Array, offset: number, value: number): void {
  const high = Math.floor(value / 0x100000000);
  const low = value >>> 0;
  bytes[offset] = high >>> 8;
  bytes[offset + 1] = high;
  bytes[offset + 2] = low >>> 24;
  bytes[offset + 3] = low >>> 16;
  bytes[offset + 4] = low >>> 8;
  bytes[offset + 5] = low;
}

function readUint48(bytes: Uint8Array, offset: number): number {
  const at = (i: number): number => bytes[offset + i] ?? 0;
  const high = at(0) * 0x100 + at(1);
  const low = at(2) * 0x1000000 + (at(3) << 16) + (at(4) << 8) + at(5);
  return high * 0x100000000 + low;
}
