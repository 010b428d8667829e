/** One thing that a source tells who copies its data. */
export type BackupFrame =
  /** Nothing yet: the source makes a checkpoint, or waits for its disk. */
  | { readonly type: "wait" }
  /** Comes first. */
  | {
    readonly type: "begin";
    readonly systemId: string;
    readonly major: number;
    /** How long the files were together when they were listed. */
    readonly totalBytes: number;
  }
  | { readonly type: "directory"; readonly path: string }
  /** Where a tablespace's files are; they follow below `pg_tblspc`. */
  | {
    readonly type: "tablespace";
    readonly path: string;
    readonly location: string;
  }
  /** Bytes of a file; an empty piece makes an empty file. */
  | { readonly type: "piece"; readonly path: string; readonly offset: number }
  /** Comes last: without it nothing is whole. */
  | {
    readonly type: "end";
    /** The text of `backup_label`. */
    readonly label: string;
    /** The text of `tablespace_map`; empty where there are no tablespaces. */
    readonly tablespaceMap: string;
    /** How many pieces there were. */
    readonly pieces: number;
  }
  /** Comes in place of all that is left. */
  | { readonly type: "failed"; readonly why: string };

/** A frame with the bytes that belong to it. */
export interface BackupPiece {
  readonly frame: BackupFrame;
  readonly data: Uint8Array;
}

/** How many bytes of a file a piece holds at most. */
export const MAX_PIECE_BYTES = 256 * 1024;
/** A path has 1 kB at most, a tablespace map a line for each tablespace. */
const MAX_HEADER_BYTES = 1024 * 1024;
const PREFIX_BYTES = 8;
const NOTHING = new Uint8Array(0);

/** Thrown where bytes are no backup. */
export class BackupFormatError extends Error {
  override readonly name = "BackupFormatError";
}

/**
 * Writes a frame.
 *
 * @param frame What is told.
 * @param data The bytes of a piece.
 * @returns The length of both, the frame as JSON, the bytes.
 */
export function encodeBackup(
  frame: BackupFrame,
  data: Uint8Array = NOTHING,
): Uint8Array<ArrayBuffer> {
  const header = new TextEncoder().encode(JSON.stringify(frame));
  const bytes = new Uint8Array(PREFIX_BYTES + header.length + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, header.length);
  view.setUint32(4, data.length);
  bytes.set(header, PREFIX_BYTES);
  bytes.set(data, PREFIX_BYTES + header.length);
  return bytes;
}

function readPrefix(bytes: Uint8Array): { header: number; data: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, PREFIX_BYTES);
  const [header, data] = [view.getUint32(0), view.getUint32(4)];
  if (header > MAX_HEADER_BYTES || data > MAX_PIECE_BYTES) {
    throw new BackupFormatError(
      `A frame of ${header} and ${data} bytes is none of a backup`,
    );
  }
  return { header, data };
}

/**
 * Reads frames out of bytes that come in any pieces.
 *
 * @param bytes What comes.
 * @returns The frames; bytes that end in the middle of one are an error.
 * @throws {BackupFormatError} When they are no backup, or a torn one.
 */
export async function* decodeBackup(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<BackupPiece> {
  let held: Uint8Array = NOTHING;
  for await (const more of bytes) {
    const joined = new Uint8Array(held.length + more.length);
    joined.set(held);
    joined.set(more, held.length);
    let at = 0;
    while (joined.length - at >= PREFIX_BYTES) {
      const { header, data } = readPrefix(joined.subarray(at));
      const end = at + PREFIX_BYTES + header + data;
      if (joined.length < end) break;
      const text = joined.subarray(at + PREFIX_BYTES, end - data);
      yield {
        // Peers share a secret and a version: what they send is a frame.
        frame: JSON.parse(new TextDecoder().decode(text)) as BackupFrame,
        data: joined.subarray(end - data, end),
      };
      at = end;
    }
    held = joined.subarray(at);
  }
  if (held.length > 0) throw new BackupFormatError("It ends within a frame");
}
