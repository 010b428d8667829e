import { keyOf } from "./startup.ts";

/** What a server says in a session that can be read. */
export interface Answers {
  /**
   * Reads on.
   *
   * @param bytes What came, in its first `size` bytes.
   * @param size How many.
   * @returns How many of them may be passed on: all, or those before the warning that a commit waited in
   * vain, after which nothing may be.
   */
  read(bytes: Uint8Array, size: number): number;
  /** The server's process; 0 while it has not told. */
  readonly pid: number;
  /** What cancels its statements, as {@linkcode keyOf} writes it. */
  readonly key: string;
  /** How often it has told that it is ready for the next statement. */
  readonly readyCount: number;
}

const KEY_DATA = "K".charCodeAt(0);
const NOTICE = "N".charCodeAt(0);
const READY = "Z".charCodeAt(0);
/** Where PostgreSQL says that it gave the wait up, in the field that no language changes. */
const CANCELLED_WAIT = "RSyncRepWaitForLSN";
/** A notice that is longer is none of those looked for, which name their function early. */
const MAX_KEPT_BYTES = 4096;
const HEADER_BYTES = 5;

/** Makes what reads a server's answers from the first one to a startup packet on. */
export function createAnswers(): Answers {
  const header = new Uint8Array(HEADER_BYTES);
  let headerSize = 0;
  let left = 0;
  let type = 0;
  let kept: Uint8Array | null = null;
  let keptSize = 0;
  let pid = 0;
  let key = "";
  let readyCount = 0;
  let isLost = false;

  function begin(nextType: number, size: number): void {
    type = nextType;
    left = size - 4;
    if (left < 0) isLost = true;
    if (type === READY) readyCount += 1;
    kept = type === NOTICE || (type === KEY_DATA && pid === 0)
      ? new Uint8Array(Math.min(left, MAX_KEPT_BYTES))
      : null;
    keptSize = 0;
  }

  /** Whether the message that has ended lets the session go on. */
  function end(): boolean {
    const body = kept;
    kept = null;
    if (body === null) return true;
    if (type === NOTICE) return !tellsOfCancelledWait(body);
    if (body.length >= 4) {
      pid = new DataView(body.buffer).getInt32(0);
      key = keyOf(body.subarray(4));
    }
    return true;
  }

  function keep(bytes: Uint8Array): void {
    if (kept === null) return;
    const some = bytes.subarray(0, kept.length - keptSize);
    kept.set(some, keptSize);
    keptSize += some.length;
  }

  return {
    read(bytes, size): number {
      let start = 0;
      for (let at = 0; at < size && !isLost;) {
        if (left === 0) {
          if (headerSize === 0) start = at;
          if (headerSize === 0 && size - at >= HEADER_BYTES) {
            begin(bytes[at] ?? 0, sizeAt(bytes, at + 1));
            at += HEADER_BYTES;
          } else {
            header[headerSize++] = bytes[at++] ?? 0;
            if (headerSize < HEADER_BYTES) continue;
            headerSize = 0;
            begin(header[0] ?? 0, sizeAt(header, 1));
          }
        }
        const taken = Math.min(left, size - at);
        if (kept !== null) keep(bytes.subarray(at, at + taken));
        left -= taken;
        at += taken;
        if (left === 0 && headerSize === 0 && !end()) return start;
      }
      return size;
    },
    get pid(): number {
      return pid;
    },
    get key(): string {
      return key;
    },
    get readyCount(): number {
      return readyCount;
    },
  };
}

function sizeAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
}

function tellsOfCancelledWait(body: Uint8Array): boolean {
  return new TextDecoder().decode(body).split("\0").includes(CANCELLED_WAIT);
}
