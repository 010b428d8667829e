import { type Door, DOORS } from "./messages.ts";
import { type Address, decodeAddress, encodeAddress } from "./sockets.ts";

/** So many loops one router may have. */
export const MAX_LOOPS = 64;

/** A client that one loop took in and another one serves. */
export interface Handed {
  readonly fd: number;
  readonly door: Door;
  readonly from: Address;
}

/** What all of a router's loops may do together, counted in memory that they share. */
export interface Board {
  readonly memory: SharedArrayBuffer;
  /** How many loops take clients. */
  loops(): number;
  /** Lets the next loop take clients; an eventfd wakes it for those that are handed to it. */
  join(wakeFd: number): void;
  /** What wakes a loop for clients that were handed to it. */
  wakeFd(loop: number): number;
  /** How many clients each of them has. */
  clients(): number[];
  /** Finds the loop with the fewest clients that can be handed one, and counts it there. */
  enter(): number;
  /** Counts one client less. */
  leave(loop: number): void;
  /** Counts one more session that has or seeks a place; false where that would be more than `limit`. */
  place(limit: number): boolean;
  unplace(): void;
  /** Counts one more session that waits; false where that would be more than `limit`. */
  wait(limit: number): boolean;
  unwait(): void;
  /** Whose turn it is, of `count`. */
  turn(count: number): number;
  /** Hands a client to the loop that `enter` found. Only the first loop does this. */
  hand(loop: number, handed: Handed): void;
  /** Takes what was handed over; null for nothing. Only the loop itself does this. */
  take(loop: number): Handed | null;
}

/** So many may be on their way to one loop. */
const RING_SLOTS = 64;
/** The socket, the door, and how long the address is. */
const SLOT_WORDS = 3;
const ADDRESS_BYTES = 28;
const SLOT_BYTES = 4 * SLOT_WORDS + ADDRESS_BYTES;

const LOOPS = 0;
const PLACED = 1;
const WAITING = 2;
const TURN = 3;
const HEAD_WORDS = 4;

const CLIENTS = 0;
const PUT = 1;
const TAKEN = 2;
const WAKE_FD = 3;
const LOOP_WORDS = 4;

const COUNTER_WORDS = HEAD_WORDS + MAX_LOOPS * LOOP_WORDS;
const RING_BYTES = RING_SLOTS * SLOT_BYTES;

/**
 * Opens the memory that a router's loops share.
 *
 * @param memory It, from another thread; new where it is left out.
 * @returns What is counted there.
 */
export function openBoard(
  memory: SharedArrayBuffer = new SharedArrayBuffer(
    4 * COUNTER_WORDS + MAX_LOOPS * RING_BYTES,
  ),
): Board {
  const words = new Int32Array(memory, 0, COUNTER_WORDS);
  const at = (loop: number, word: number): number =>
    HEAD_WORDS + loop * LOOP_WORDS + word;
  const read = (word: number): number => Atomics.load(words, word);
  const claim = (word: number, limit: number): boolean => {
    if (Atomics.add(words, word, 1) < limit) return true;
    Atomics.sub(words, word, 1);
    return false;
  };
  const slotOf = (loop: number, number: number): DataView => {
    const start = 4 * COUNTER_WORDS + loop * RING_BYTES;
    const slot = (number >>> 0) % RING_SLOTS;
    return new DataView(memory, start + slot * SLOT_BYTES, SLOT_BYTES);
  };
  const isFull = (loop: number): boolean =>
    ((read(at(loop, PUT)) - read(at(loop, TAKEN))) | 0) >= RING_SLOTS;
  return {
    memory,
    loops: () => read(LOOPS),
    join: (wakeFd) => {
      Atomics.store(words, at(read(LOOPS), WAKE_FD), wakeFd);
      Atomics.add(words, LOOPS, 1);
    },
    wakeFd: (loop) => read(at(loop, WAKE_FD)),
    clients: () =>
      Array.from(
        { length: read(LOOPS) },
        (_, loop) => read(at(loop, CLIENTS)),
      ),
    enter: () => {
      let least = 0;
      for (let loop = 1; loop < read(LOOPS); loop++) {
        const isLess = read(at(loop, CLIENTS)) < read(at(least, CLIENTS));
        if (isLess && !isFull(loop)) least = loop;
      }
      Atomics.add(words, at(least, CLIENTS), 1);
      return least;
    },
    leave: (loop) => {
      Atomics.sub(words, at(loop, CLIENTS), 1);
    },
    place: (limit) => claim(PLACED, limit),
    unplace: () => {
      Atomics.sub(words, PLACED, 1);
    },
    wait: (limit) => claim(WAITING, limit),
    unwait: () => {
      Atomics.sub(words, WAITING, 1);
    },
    turn: (count) => (Atomics.add(words, TURN, 1) >>> 0) % count,
    hand: (loop, handed) => {
      write(slotOf(loop, read(at(loop, PUT))), handed);
      Atomics.add(words, at(loop, PUT), 1);
    },
    take: (loop) => {
      const taken = read(at(loop, TAKEN));
      if (taken === read(at(loop, PUT))) return null;
      const handed = parse(slotOf(loop, taken));
      Atomics.add(words, at(loop, TAKEN), 1);
      return handed;
    },
  };
}

function write(slot: DataView, { fd, door, from }: Handed): void {
  const address = encodeAddress(from) ?? new Uint8Array();
  slot.setInt32(0, fd);
  slot.setInt32(4, DOORS.indexOf(door));
  slot.setInt32(8, address.length);
  for (const [at, byte] of address.entries()) {
    slot.setUint8(4 * SLOT_WORDS + at, byte);
  }
}

function parse(slot: DataView): Handed {
  const bytes = new Uint8Array(slot.getInt32(8));
  for (const at of bytes.keys()) bytes[at] = slot.getUint8(4 * SLOT_WORDS + at);
  return {
    fd: slot.getInt32(0),
    door: DOORS[slot.getInt32(4)] ?? "read_write",
    from: decodeAddress(bytes),
  };
}
