/**
 * Counts the single-character changes between two words; two neighbours swapped count as one.
 *
 * @param a One word.
 * @param b The other.
 * @returns The number of insertions, deletions, replacements and swaps.
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = row > 1 && column > 1 &&
        a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

/**
 * Says how far a known word may be from a mistyped one to be worth naming.
 *
 * @param word The mistyped word.
 * @returns The greatest edit distance.
 */
export function worthNaming(word: string): number {
  return Math.max(2, Math.floor(word.length / 3));
}

/**
 * Finds the known word that a mistyped one was probably meant to be.
 *
 * @param word What was written.
 * @param known The words to choose from; of equally near ones the first wins.
 * @returns The nearest, or null when none is near enough.
 *
 * @example Usage
 * ```ts
 * import { nearest } from "./nearest.ts";
 *
 * const meant = nearest("swithcover", ["failover", "switchover"]);
 * if (meant !== "switchover") throw new Error("Two swapped letters are one change");
 * ```
 */
export function nearest(word: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = worthNaming(word) + 1;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}
