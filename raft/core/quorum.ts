/**
 * How many of `voters` make a majority.
 *
 * @param voters The number of members that vote.
 * @returns The smallest number of which two sets always share a member.
 */
export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The highest value that a majority has reached.
 *
 * @param values One value for each voter; the order does not matter.
 * @returns The value, or `-Infinity` without voters.
 */
export function majorityValue(values: number[]): number {
  if (values.length === 0) return -Infinity;
  const ascending = values.length === 1 ? values : values.sort((a, b) => a - b);
  return ascending[values.length - majority(values.length)] ?? -Infinity;
}

/** What the votes cast so far mean. */
export type VoteOutcome = "won" | "lost" | "pending";

/**
 * Counts votes.
 *
 * @param voters Who may vote.
 * @param votes The votes cast; those of others do not count.
 * @returns Whether a majority granted, can no longer grant, or is still open.
 */
export function countVotes(
  voters: readonly number[],
  votes: ReadonlyMap<number, boolean>,
): VoteOutcome {
  const needed = majority(voters.length);
  let granted = 0;
  let refused = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === true) granted++;
    if (vote === false) refused++;
  }
  if (voters.length > 0 && granted >= needed) return "won";
  return voters.length - refused < needed ? "lost" : "pending";
}
