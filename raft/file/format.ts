/** The newest format this program reads and the one it writes. */
export const FORMAT_VERSION = 1;
/** What a disk writes as a whole: a torn write leaves whole old or whole new sectors. */
export const SECTOR_BYTES = 512;

const HIGH = 0x1_0000_0000;

/**
 * Writes a whole number of up to 53 bits in 8 bytes, little-endian.
 *
 * @param view Where.
 * @param at At which byte.
 * @param value The number.
 */
export function putNumber(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / HIGH), true);
}

/**
 * Reads what {@linkcode putNumber} wrote.
 *
 * @param view Where.
 * @param at At which byte.
 * @returns The number.
 */
export function getNumber(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * HIGH + view.getUint32(at, true);
}

/**
 * Makes a view over the same bytes.
 *
 * @param bytes The bytes.
 * @returns The view.
 */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Tells whether bytes are all zero, or zero but for one flipped bit: nothing was ever written there,
 * because each piece of a file begins and ends with bytes of several bits.
 *
 * @param bytes The bytes.
 * @returns Whether at most one bit is set.
 */
export function isBlank(bytes: Uint8Array): boolean {
  let bits = 0;
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at] ?? 0;
    for (; byte !== 0; byte &= byte - 1) bits++;
    if (bits > 1) return false;
  }
  return true;
}

/**
 * Finds where the zeros at the end of some bytes begin.
 *
 * @param bytes The bytes.
 * @param from Where to stop looking.
 * @returns The offset after the last byte that is not zero, `from` at least.
 */
export function lastUsed(bytes: Uint8Array, from: number): number {
  let end = bytes.length;
  while (end > from && (bytes.byteOffset + end) % 8 !== 0) {
    if (bytes[end - 1] !== 0) return end;
    end--;
  }
  const words = Math.floor((end - from) / 8);
  const start = bytes.byteOffset + end - words * 8;
  const view = new BigUint64Array(bytes.buffer, start, words);
  let word = words;
  while (word > 0 && view[word - 1] === 0n) word--;
  end -= (words - word) * 8;
  while (end > from && bytes[end - 1] === 0) end--;
  return end;
}
