import { applicationName, hasCopy, isSameCopy } from "./copies.ts";
import type {
  ClusterState,
  Copy,
  DataMember,
  Rule,
  SealedAt,
} from "./types.ts";

/** A name that no walreceiver has: with it alone in the list every commit waits (R5). */
export const PLACEHOLDER_NAME = "pgraft_nobody";

/**
 * Whether no commit that the rule let through can be missing from the sealed copies: its primary is
 * sealed, or fewer than k of its standbys are not (R2). With k = 0 only the primary covers.
 */
export function isCovered(rule: Rule, sealed: readonly SealedAt[]): boolean {
  const withData = sealed.filter(({ position }) => position !== null);
  if (hasCopy(withData, rule.primary)) return true;
  const safe = [...withData, ...sealed.filter((one) => isInnocent(one, rule))];
  const unsealed = rule.standbys.filter((copy) => !hasCopy(safe, copy));
  return unsealed.length < rule.required;
}

/**
 * Whether a copy is sealed whose position is not known, and was never told to follow the rule's epoch:
 * under that epoch's name it has acknowledged nothing (R3), so nothing can be missing without it.
 */
function isInnocent(
  { position, followed }: SealedAt,
  { epoch }: Rule,
): boolean {
  return position === null && followed !== undefined && followed < epoch;
}

/**
 * Whether a sealed copy goes on from a later grant: that one was made on a covering set of the rule, so
 * its winner held all that the rule ever let through, and nobody who sealed for it obeys it any more.
 * Without this, members that were cloned before the barrier (R21) leave rules behind whose copies are
 * gone, which nobody could ever cover.
 */
function isPassed(
  { grants }: ClusterState,
  rule: Rule,
  sealed: readonly SealedAt[],
): boolean {
  return grants.some(({ epoch, winner }) =>
    epoch > rule.epoch &&
    sealed.some((one) =>
      one.position !== null &&
      (one.position.epoch === epoch || isSameCopy(one, winner))
    )
  );
}

/**
 * The rules that bind whoever takes over from what is now. Those of a reign that was granted and has not opened do
 * not: no client was let in, so none was told of a commit that they let through, and the entry that ends such a
 * reign keeps it from opening. In force they would wait for copies that were cloned before the barrier (R21), or
 * for a winner alone (R6), and for nothing.
 */
export function bindingRules({ phase, rules }: ClusterState): readonly Rule[] {
  return phase.kind === "granted"
    ? rules.filter(({ epoch }) => epoch !== phase.epoch)
    : rules;
}

/** The rules in force that are not covered by what is sealed. */
export function uncoveredRules(
  state: ClusterState,
  sealed: readonly SealedAt[],
): Rule[] {
  return [...state.rules, ...mixedRules(state.rules)].filter((rule) =>
    !isCovered(rule, sealed) && !isPassed(state, rule, sealed)
  );
}

/**
 * What PostgreSQL may let through while rules of one reign change (R18): a walsender lets commits go by the k
 * of the list that it has read itself, and counts whoever's own walsender has read a list that names it. So
 * the smallest k of all copies that any of these rules names may be enough, which none of them says by itself.
 */
export function mixedRules(rules: readonly Rule[]): Rule[] {
  const epochs = new Set(rules.map(({ epoch }) => epoch));
  return [...epochs].flatMap((epoch) => {
    const changing = rules.filter((rule) =>
      rule.epoch === epoch && rule.required > 0
    );
    const newest = changing.at(-1);
    return newest && changing.length > 1 ? [mixtureOf(newest, changing)] : [];
  });
}

function mixtureOf(newest: Rule, changing: readonly Rule[]): Rule {
  const standbys: Copy[] = [];
  for (const copy of changing.flatMap((rule) => rule.standbys)) {
    if (!hasCopy(standbys, copy)) standbys.push(copy);
  }
  const required = Math.min(...changing.map((rule) => rule.required));
  return { ...newest, standbys, required };
}

/**
 * Whether a copy's walsender must come back before a rule can be proved (R18): it may not have read the list
 * yet, and let commits go by the one of before. That matters of copies that left, and of all where k grows.
 */
export function mustComeBack(
  { rules }: ClusterState,
  rule: Rule,
  copy: Copy,
): boolean {
  if (rule.required === 0) return false;
  const before = rules.filter(({ epoch, number }) =>
    epoch === rule.epoch && number < rule.number
  );
  const grows = before.some(({ required }) =>
    required > 0 && required < rule.required
  );
  const hasLeft = !hasCopy(rule.standbys, copy) &&
    before.some(({ standbys }) => hasCopy(standbys, copy));
  return grows || hasLeft;
}

/** Whether a member counts for n: one that streams from another standby tells the primary nothing (R6). */
export function isCounting(
  { counted, tags, leaving }: Pick<DataMember, "counted" | "tags" | "leaving">,
): boolean {
  return counted && !tags.nosync && tags.cascadeFrom === null && !leaving;
}

/** How many standbys must hold a commit: k follows from the membership, not from who is alive (R6). */
export function requiredOf(state: ClusterState): number {
  if (state.mode === "off") return 0;
  let counted = 0;
  for (const member of state.members.values()) {
    if (isCounting(member)) counted += 1;
  }
  return Math.floor(counted / 2);
}

/** The rule that the newest reign shall follow: the latest of its epoch. */
export function newestRule({ rules }: ClusterState): Rule | null {
  return rules.at(-1) ?? null;
}

/** Whether a rule of the newest epoch is being replaced (R18). */
export function isRuleChanging({ rules }: ClusterState): boolean {
  const newest = rules.at(-1);
  return newest !== undefined &&
    rules.filter(({ epoch }) => epoch === newest.epoch).length > 1;
}

/** Whether two rules ask for the same. */
export function isSameRule(
  a: Pick<Rule, "standbys" | "required">,
  b: Pick<Rule, "standbys" | "required">,
): boolean {
  return a.required === b.required &&
    a.standbys.length === b.standbys.length &&
    a.standbys.every((copy) => hasCopy(b.standbys, copy));
}

/** Whether a rule in force names a copy. */
export function isNamed({ rules }: ClusterState, copy: Copy): boolean {
  return rules.some(({ primary, standbys }) =>
    isSameCopy(primary, copy) || hasCopy(standbys, copy)
  );
}

/**
 * What PostgreSQL is told of a rule. Never empty for k >= 1 (R5); fewer standbys than k leave the
 * placeholder beside them, so that commits wait.
 */
export function synchronousStandbyNames(
  rule: Pick<Rule, "standbys" | "required" | "epoch">,
): string {
  if (rule.required === 0) return "";
  const names = rule.standbys.map((copy) =>
    `"${applicationName(copy, rule.epoch)}"`
  );
  while (names.length < rule.required) {
    names.push(`"${PLACEHOLDER_NAME}${names.length || ""}"`);
  }
  return `ANY ${rule.required} (${names.join(", ")})`;
}

/** What every node starts with, so that a promotion finds a list that is not empty (T8, T9, T22). */
export const PLACEHOLDER_LIST = `ANY 1 ("${PLACEHOLDER_NAME}")`;

/** A rule in words: `node 1 needs 1 of 2, 3`. */
export function describeRule(rule: Rule): string {
  const ids = rule.standbys.map(({ id }) => id).toSorted((a, b) => a - b)
    .join(", ") || "nobody yet";
  const of = rule.required === 0 ? "nobody" : `${rule.required} of ${ids}`;
  return `node ${rule.primary.id} needs ${of} (epoch ${rule.epoch})`;
}
