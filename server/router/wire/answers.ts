import { keyOf } from "./startup.ts";

const KEY_DATA = "K".charCodeAt(0);
const NOTICE = "N".charCodeAt(0);
const READY = "Z".charCodeAt(0);
/** Where PostgreSQL says that it gave the wait up, in the field that no language changes. */
const CANCELLED_WAIT = "RSyncRepWaitForLSN";
/** A notice that is longer is none of those looked for, which name their function early. */
const MAX_KEPT_BYTES = 4096;
const HEADER_BYTES = 5;

/** What a server has said in a session that can be read, and how far it was read. */
export interface Answers {
  /** The kind and length of the message that comes next, as far as they are there. */
  readonly header: Uint8Array;
  headerSize: number;
  /** How much of the message under way is still to come. */
  left: number;
  /** Its kind. */
  type: number;
  /** What is kept of it; null where nothing is. */
  kept: Uint8Array | null;
  keptSize: number;
  /** The server's process; 0 while it has not told. */
  pid: number;
  /** What cancels its statements, as {@linkcode keyOf} writes it. */
  key: string;
  /** How often it has told that it is ready for the next statement. */
  readyCount: number;
  /** What came can't be a message: nothing is read any more. */
  isLost: boolean;
}

/**
 * Makes what a server's answers are read into, from the first one to a startup packet on.
 *
 * @returns What is known of them: nothing yet. It is plain data: an accessor of its own would cost each session
 * a hidden class, which V8 keeps for long after its end.
 */
export function createAnswers(): Answers {
  return {
    header: new Uint8Array(HEADER_BYTES),
    headerSize: 0,
    left: 0,
    type: 0,
    kept: null,
    keptSize: 0,
    pid: 0,
    key: "",
    readyCount: 0,
    isLost: false,
  };
}

/**
 * Reads on.
 *
 * @param self How far it was read.
 * @param bytes What came, in its first `size` bytes.
 * @param size How many.
 * @returns How many of them may be passed on: all, or those before the warning that a commit waited in vain,
 * after which nothing may be.
 */
export function readAnswers(
  self: Answers,
  bytes: Uint8Array,
  size: number,
): number {
  let start = 0;
  for (let at = 0; at < size && !self.isLost;) {
    if (self.left === 0) {
      if (self.headerSize === 0) start = at;
      if (self.headerSize === 0 && size - at >= HEADER_BYTES) {
        begin(self, bytes[at] ?? 0, sizeAt(bytes, at + 1));
        at += HEADER_BYTES;
      } else {
        const { header } = self;
        header[self.headerSize++] = bytes[at++] ?? 0;
        if (self.headerSize < HEADER_BYTES) continue;
        self.headerSize = 0;
        begin(self, header[0] ?? 0, sizeAt(header, 1));
      }
    }
    const taken = Math.min(self.left, size - at);
    if (self.kept !== null) keep(self, bytes.subarray(at, at + taken));
    self.left -= taken;
    at += taken;
    if (self.left === 0 && !end(self)) return start;
  }
  return size;
}

function begin(self: Answers, type: number, size: number): void {
  self.type = type;
  self.left = Math.max(0, size - 4);
  if (size < 4) self.isLost = true;
  if (type === READY) self.readyCount += 1;
  const isKept = type === NOTICE || (type === KEY_DATA && self.pid === 0);
  self.kept = isKept
    ? new Uint8Array(Math.min(self.left, MAX_KEPT_BYTES))
    : null;
  self.keptSize = 0;
}

function keep(self: Answers, bytes: Uint8Array): void {
  if (self.kept === null) return;
  const some = bytes.subarray(0, self.kept.length - self.keptSize);
  self.kept.set(some, self.keptSize);
  self.keptSize += some.length;
}

/** Whether the message that has ended lets the session go on. */
function end(self: Answers): boolean {
  const { kept, type } = self;
  self.kept = null;
  if (kept === null) return true;
  if (type === NOTICE) return !tellsOfCancelledWait(kept);
  if (kept.length >= 4) {
    self.pid = new DataView(kept.buffer).getInt32(0);
    self.key = keyOf(kept.subarray(4));
  }
  return true;
}

function sizeAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
}

function tellsOfCancelledWait(body: Uint8Array): boolean {
  return new TextDecoder().decode(body).split("\0").includes(CANCELLED_WAIT);
}
