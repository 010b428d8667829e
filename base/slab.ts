import { Buffer } from "node:buffer";

/** How large the arrays are that a slab cuts from. */
const SLAB_BYTES = 16 * 1024;
/** What is larger gets an array of its own. */
const MAX_CUT_BYTES = SLAB_BYTES / 8;

/** Cuts small arrays out of larger ones, side by side, so that those which live equally long share one. */
export interface Slab {
  /** Returns an array of zeros. */
  cut(sizeBytes: number): Uint8Array<ArrayBuffer>;
}

/**
 * Makes a slab.
 *
 * An array with a buffer of its own costs more than a microsecond, however small it is, and again when it is
 * collected; a piece of another one costs a tenth of that. A piece keeps the whole in memory.
 *
 * @returns The slab, with nothing cut yet.
 *
 * @example Usage
 * ```ts
 * import { createSlab } from "./slab.ts";
 *
 * const slab = createSlab();
 * const [one, two] = [slab.cut(3), slab.cut(3)];
 * one.fill(1);
 * if (two.some((byte) => byte !== 0)) throw new Error("Pieces do not overlap");
 * ```
 */
export function createSlab(): Slab {
  let whole = new Uint8Array(0);
  let at = 0;
  return {
    cut(sizeBytes): Uint8Array<ArrayBuffer> {
      if (sizeBytes > MAX_CUT_BYTES) return new Uint8Array(sizeBytes);
      if (at + sizeBytes > whole.length) {
        whole = new Uint8Array(SLAB_BYTES);
        at = 0;
      }
      const piece = whole.subarray(at, at + sizeBytes);
      at += sizeBytes;
      return piece;
    },
  };
}

/**
 * Makes a small array for what soon goes elsewhere: a piece of one that everybody shares.
 *
 * @param sizeBytes Its size.
 * @returns An array of whatever was there before; every byte of it must be written.
 */
export function shortLivedBytes(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset } = Buffer.allocUnsafe(sizeBytes);
  return new Uint8Array(buffer, byteOffset, sizeBytes);
}
