/** From which position on entries of the log were committed in a term; in order. */
export interface TermSpan {
  readonly from: number;
  readonly term: number;
}

/**
 * Notes the term of an entry that was appended.
 *
 * @param spans What is known; is added to.
 * @param position The entry's position.
 * @param term Its term.
 * @param first The oldest entry that is still kept; spans before it go.
 *
 * @example Usage
 * ```ts
 * import { noteTerm, termAt, type TermSpan } from "./log_terms.ts";
 *
 * const spans: TermSpan[] = [];
 * noteTerm(spans, 1, 4, 1);
 * noteTerm(spans, 2, 4, 1);
 * noteTerm(spans, 3, 7, 1);
 * if (spans.length !== 2 || termAt(spans, 2) !== 4) throw new Error("Entries 1 and 2 are of term 4");
 * ```
 */
export function noteTerm(
  spans: TermSpan[],
  position: number,
  term: number,
  first: number,
): void {
  if (spans.at(-1)?.term !== term) spans.push({ from: position, term });
  while ((spans[1]?.from ?? Infinity) <= first) spans.shift();
}

/**
 * Says in which term an entry was committed.
 *
 * @param spans What is known.
 * @param position The entry's position.
 * @returns The term; 0 for an entry from before terms were kept.
 */
export function termAt(spans: readonly TermSpan[], position: number): number {
  return spans.findLast(({ from }) => from <= position)?.term ?? 0;
}
