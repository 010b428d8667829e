/** The size at which a piece of a snapshot is handed out; one large record may exceed it. */
export const PIECE_BYTES = 64 * 1024;

/** Where the pieces of a snapshot come from. */
export interface PieceSource {
  /** Makes the next piece, or null when there is no more. */
  next(): Uint8Array | null;
  /** Called once: at the end, on `return()`, or when `next` throws. */
  release(): void;
}

/**
 * Makes the pieces of a snapshot lazily. Not a generator: one that is abandoned before its first
 * `next()` never runs its `finally`, and what it holds would be held for ever.
 *
 * @param source Makes one piece a pull.
 * @returns An iterator that can be gone through once.
 */
export function lazyPieces(source: PieceSource): IterableIterator<Uint8Array> {
  let open = true;
  function close(): IteratorReturnResult<undefined> {
    if (open) {
      open = false;
      source.release();
    }
    return { done: true, value: undefined };
  }
  function next(): IteratorResult<Uint8Array> {
    if (!open) return close();
    let piece: Uint8Array | null = null;
    try {
      piece = source.next();
    } finally {
      if (piece === null) close();
    }
    return piece === null ? close() : { done: false, value: piece };
  }
  const pieces: IterableIterator<Uint8Array> = {
    next,
    return: close,
    [Symbol.iterator]: () => pieces,
  };
  return pieces;
}

/**
 * Makes the error for a snapshot that cannot be restored.
 *
 * @param what What is wrong with it, as a clause.
 * @returns The error.
 */
export function badSnapshot(what: string): RangeError {
  return new RangeError(
    `Cannot restore the snapshot: ${what}; take it again from another member`,
  );
}
