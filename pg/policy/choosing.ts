import {
  type ClusterState,
  comparePositions,
  type Copy,
  copyOf,
  type Coverage,
  type DataMember,
  isSameCopy,
  type LossReason,
  type Lsn,
  type MemberId,
  newestGrant,
  type Phase,
  type Position,
  relationTo,
  type SealedAt,
  uncoveredRules,
} from "../cluster/mod.ts";

/** A member that is sealed for the present attempt. */
export interface Sealed {
  readonly member: DataMember;
  readonly copy: Copy;
  readonly position: Position;
  readonly replayLsn: Lsn;
  readonly isAlive: boolean;
}

/** An attempt. */
export type Sealing = Extract<Phase, { kind: "sealing" }>;

/** Why a member that could go on as a standby should not be primary again at once. */
const LASTING_REASONS: readonly LossReason[] = [
  "postmaster_hung",
  "disk_hung",
  "disk_full",
  "crash_loop",
  "takeover_failed",
];

/**
 * The sealed members to choose from. Those who are dead by now are left out where the others cover every
 * rule without them, and so is who has just failed for a reason that lasts: what only they have was
 * never acknowledged (R2), and they would be waited for, or fail again, for ever.
 */
export function choosable(
  state: ClusterState,
  phase: Sealing,
  all: readonly Sealed[],
  blank: readonly SealedAt[],
  coverage: Coverage,
): readonly Sealed[] {
  const alive = all.filter(({ isAlive }) => isAlive);
  const failed = failedOf(state, phase);
  const sound = alive.filter(({ member }) => member.id !== failed);
  const suffices = (some: readonly Sealed[]): boolean =>
    bringsWinner(state, some, coverage) &&
    (coverage !== "covered" ||
      uncoveredRules(state, [...some.map(sealedAt), ...blank]).length === 0);
  return [sound, alive].find(suffices) ?? all;
}

/** Who has just failed for a reason that lasts; 0 for nobody. */
function failedOf(
  { history }: ClusterState,
  { epoch, attempt }: Sealing,
): MemberId {
  const record = history.find((one) => one.epoch === epoch);
  const isLasting = attempt.kind === "automatic" && record !== undefined &&
    LASTING_REASONS.includes(record.reason);
  return isLasting ? record.from : 0;
}

/** Whether one of some may win that has all of it, or can get the rest from who has. */
function bringsWinner(
  state: ClusterState,
  some: readonly Sealed[],
  coverage: Coverage,
): boolean {
  const best = highest(some);
  return best !== null && some.some((one) =>
    mayWin(state, one, coverage) &&
    (comparePositions(one.position, best.position) === 0 ||
      (best.isAlive && canCatchUp(state, one, best)))
  );
}

/** Who has something of its own can't stream the difference. */
export function canCatchUp(
  state: ClusterState,
  { position }: Sealed,
  best: Sealed,
): boolean {
  return relationTo(state, position, best.position.epoch).kind === "prefix";
}

/** What a grant tells of a sealed member. */
export function sealedAt({ copy, position }: Sealed): SealedAt {
  return { ...copy, position };
}

/** The first of those whose position is the highest; null for nobody. */
export function highest(sealed: readonly Sealed[]): Sealed | null {
  let best: Sealed | null = null;
  for (const one of sealed) {
    if (!best || comparePositions(one.position, best.position) > 0) best = one;
  }
  return best;
}

/**
 * A copy that has not entered holds whatever it holds, but no rule could count on it (R3): it wins only
 * where rules are given up, since else nobody may be left (R31).
 */
export function mayWin(
  state: ClusterState,
  { member, copy, isAlive }: Sealed,
  coverage: Coverage,
): boolean {
  const isEntered = isSameCopy(copyOf(state, member.id), copy);
  return isAlive && !member.tags.nofailover && !member.maintenance &&
    !member.leaving && (isEntered || coverage === "forced");
}

/** How much of its log a winner may have to replay for it to take no time that matters. */
const READY_BYTES = 1 << 24;

/**
 * Among equals: the wish, then who has not just failed, then who has little left to replay, then the priority,
 * then the fewest moves (R16).
 */
export function choose(
  state: ClusterState,
  phase: Sealing,
  top: readonly Sealed[],
): Sealed | null {
  const { attempt } = phase;
  const failed = failedOf(state, phase);
  const old = newestGrant(state)?.winner ?? null;
  const target = attempt.kind === "automatic" ? null : attempt.target;
  const isMove = attempt.kind === "planned";
  const rank = (
    { member, copy, position, replayLsn }: Sealed,
  ): number[] => [
    member.id === target ? 1 : 0,
    member.id === failed ? 0 : 1,
    // Who is to be relieved wins only when nobody else can.
    isMove && isSameCopy(copy, old) ? 0 : 1,
    position.lsn - replayLsn <= READY_BYTES ? 1 : 0,
    member.tags.failoverPriority,
    isSameCopy(copy, old) ? 1 : 0,
    -member.id,
  ];
  return top.toSorted((a, b) => compareRanks(rank(b), rank(a)))[0] ?? null;
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    const difference = value - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
