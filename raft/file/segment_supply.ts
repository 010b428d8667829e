import { messageOf } from "../../base/mod.ts";
import { DiskFullError } from "./errors.ts";
import type { FileSystem, StoreFile } from "./file_system.ts";
import { segmentName } from "./segment.ts";

/** How much is written at once, so that syncs of the log in use are not held up for long. */
const FILL_CHUNK_BYTES = 256 * 1024;

/** A segment's file that holds nothing but zeros, really written: its space is reserved. */
export interface BlankSegment {
  readonly sequence: number;
  readonly file: StoreFile;
  readonly sizeBytes: number;
}

/** Keeps one blank segment ahead of the log. */
export interface SegmentSupply {
  /** Begins to make the next segment in the background, unless it is there. */
  prepare(sequence: number): void;
  /**
   * Hands over a blank segment, durable with its name.
   *
   * @throws {DiskFullError} When it cannot be reserved; a later call tries again.
   */
  take(sequence: number, sizeBytes: number): Promise<BlankSegment>;
  /** Takes in a blank segment that was found at start. */
  adopt(sequence: number): Promise<void>;
  /** Lets go of the file; waits for work in the background. */
  close(): Promise<void>;
}

/** How a {@linkcode SegmentSupply} is made. */
export interface SegmentSupplyOptions {
  /** The size of a segment that nothing needs larger. */
  readonly segmentBytes: number;
  /** Is told what fails in the background. */
  readonly warn: (message: string) => void;
}

async function fill(
  files: FileSystem,
  blank: BlankSegment,
  sizeBytes: number,
  fresh: boolean,
): Promise<BlankSegment> {
  const zeros = new Uint8Array(Math.min(FILL_CHUNK_BYTES, sizeBytes));
  let at = blank.sizeBytes;
  while (at < sizeBytes) {
    const chunk = zeros.subarray(0, Math.min(zeros.length, sizeBytes - at));
    await blank.file.write(at, chunk);
    await blank.file.syncData();
    at += chunk.length;
  }
  if (fresh) await files.syncDirectory();
  return { ...blank, sizeBytes: at };
}

/** Removes what could not be filled, so that a full disk gets the space back. */
async function discard(files: FileSystem, blank: BlankSegment): Promise<void> {
  blank.file.close();
  await files.remove(segmentName(blank.sequence));
}

/**
 * Makes a supply of blank segments.
 *
 * @param files The directory.
 * @param options The size and where warnings go.
 * @returns The supply.
 */
export function createSegmentSupply(
  files: FileSystem,
  options: SegmentSupplyOptions,
): SegmentSupply {
  let spare: BlankSegment | null = null;
  let pending: Promise<void> | null = null;
  // One attempt ahead of need: a full disk is not filled again and again.
  let attempted = false;

  async function make(sequence: number, sizeBytes: number): Promise<void> {
    const found = spare;
    const blank = found ?? {
      sequence,
      file: await files.create(segmentName(sequence)),
      sizeBytes: 0,
    };
    spare = null;
    try {
      spare = await fill(files, blank, sizeBytes, found === null);
    } catch (error) {
      await discard(files, blank);
      throw error;
    }
  }

  async function makeAhead(sequence: number): Promise<void> {
    try {
      await make(sequence, options.segmentBytes);
    } catch (error) {
      // Whoever takes the segment tries again and gets the error.
      options.warn(`The log's next segment is not ready: ${messageOf(error)}`);
    } finally {
      pending = null;
    }
  }

  return {
    prepare: (sequence) => {
      if (spare !== null || attempted) return;
      attempted = true;
      pending = makeAhead(sequence);
    },
    take: async (sequence, sizeBytes) => {
      await pending;
      if (spare === null || spare.sizeBytes < sizeBytes) {
        await make(sequence, sizeBytes);
      }
      const taken = spare;
      spare = null;
      attempted = false;
      if (taken === null) throw new DiskFullError("the log's next segment");
      return taken;
    },
    adopt: async (sequence) => {
      const file = await files.open(segmentName(sequence));
      spare = { sequence, file, sizeBytes: await file.size() };
      await file.syncData();
      await files.syncDirectory();
    },
    close: async () => {
      await pending;
      spare?.file.close();
      spare = null;
    },
  };
}
