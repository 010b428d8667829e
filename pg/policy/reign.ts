import {
  type ClusterCommand,
  type ClusterState,
  type Copy,
  copyOf,
  currentPrimary,
  type DataMember,
  hasCopy,
  isCounting,
  isNamed,
  isRuleChanging,
  isSameCopy,
  isSameRule,
  type MemberId,
  newestRule,
  type Phase,
  type ProposedRule,
  requiredOf,
} from "../cluster/mod.ts";
import type { Finding, PolicyInput, PrimaryReport } from "./report.ts";

/** A standby that is closer than this has caught up; its barrier proves the rest. */
const CAUGHT_UP_BYTES = 1 << 20;

/** How long a primary may take over the checkpoint before a switchover. */
const HANDOVER_TIMEOUT_MS = 45_000;

type Reign = Extract<Phase, { kind: "granted" | "open" }>;

/** What a reign needs that goes well: a switchover, members, another rule. */
export function decideReign(
  state: ClusterState,
  phase: Reign,
  input: PolicyInput,
): { command: ClusterCommand | null; findings: Finding[] } {
  const findings: Finding[] = [];
  const command = switchover(state, phase, input) ??
    (state.paused ? null : ruleChange(state, phase, input, findings)) ??
    forgotten(state, input);
  return { command, findings };
}

/** The checkpoint is made: the reign can end without a long shutdown (R32). */
function switchover(
  state: ClusterState,
  phase: Reign,
  input: PolicyInput,
): ClusterCommand | null {
  if (phase.kind !== "open" || !phase.handover) return null;
  const { epoch, handover: { number, target } } = phase;
  const isThere = target === null ||
    input.observations.get(target)?.agent === "alive";
  if (!isThere || input.phaseMs >= HANDOVER_TIMEOUT_MS) {
    return { type: "drop_handover", epoch, number };
  }
  const primary = reportOfPrimary(state, input);
  if (primary?.handover !== number) return null;
  return {
    type: "attempt",
    epoch: epoch + 1,
    expected: { kind: "open", epoch },
    attempt: { kind: "planned", target },
    reason: "switchover",
    detail: target === null
      ? "A switchover to the best standby was asked for"
      : `A switchover to node ${target} was asked for`,
    lostAtMs: input.wallMs,
    atMs: input.wallMs,
  };
}

/** What the reigning primary tells; null when it has not told of this epoch. */
export function reportOfPrimary(
  state: ClusterState,
  { observations }: PolicyInput,
): PrimaryReport | null {
  const { phase } = state;
  const copy = currentPrimary(state);
  const report = copy ? observations.get(copy.id)?.report : null;
  const primary = report?.incarnation === copy?.incarnation
    ? report?.primary ?? null
    : null;
  const epoch = phase.kind === "open" || phase.kind === "granted"
    ? phase.epoch
    : 0;
  return primary?.epoch === epoch ? primary : null;
}

/** Brings the rule to what the membership asks for, one change at a time (R18). */
function ruleChange(
  state: ClusterState,
  { epoch }: Reign,
  input: PolicyInput,
  findings: Finding[],
): ClusterCommand | null {
  const rule = newestRule(state);
  const primary = reportOfPrimary(state, input);
  if (!rule || rule.epoch !== epoch || !primary) return null;
  // One change at a time, but for one that can't be finished.
  if (isRuleChanging(state) && isMet(rule, primary)) return null;
  const newcomer = newcomerOf(state, primary);
  if (newcomer) return { type: "count", id: newcomer.id };
  const wanted = wantedRule(state, rule, primary, input, findings);
  if (isSameRule(wanted, rule)) return null;
  // A barrier under it can't stand; it is of use only where it lets go of a copy that is given up (R4).
  const isShort = wanted.standbys.length < wanted.required;
  if (isShort && wanted.standbys.length >= rule.standbys.length) return null;
  return { type: "propose_rule", epoch, replaces: rule.number, ...wanted };
}

/** Whether enough standbys stream for commits to go on under a rule. */
function isMet(rule: ProposedRule, { standbys }: PrimaryReport): boolean {
  const holding = standbys.filter(({ copy, streaming }) =>
    streaming && hasCopy(rule.standbys, copy)
  );
  return holding.length >= rule.required;
}

/** A member that does not count yet and has caught up. */
function newcomerOf(state: ClusterState, primary: PrimaryReport): Copy | null {
  for (const member of state.members.values()) {
    const { id, counted } = member;
    const copy = copyOf(state, id);
    if (counted || !isCounting({ ...member, counted: true }) || !copy) continue;
    // Who reigns is behind nobody, and among its standbys it is not.
    const reigns = isSameCopy(copy, currentPrimary(state));
    if (reigns || isCaughtUp(primary, copy)) return copy;
  }
  return null;
}

function isCaughtUp(primary: PrimaryReport, copy: Copy): boolean {
  return primary.standbys.some((standby) =>
    standby.copy.id === copy.id &&
    standby.copy.incarnation === copy.incarnation && standby.streaming &&
    primary.flushLsn - standby.flushLsn <= CAUGHT_UP_BYTES
  );
}

function wantedRule(
  state: ClusterState,
  rule: ProposedRule,
  primary: PrimaryReport,
  input: PolicyInput,
  findings: Finding[],
): ProposedRule {
  const required = requiredOf(state);
  if (required === 0) return { standbys: [], required: 0 };
  const standbys = wantedStandbys(state, rule, primary, input);
  const [other, ...others] = othersOf(state);
  if (state.mode !== "quorum" || !other || others.length > 0) {
    return { standbys, required };
  }
  // R6: of two data members the survivor may go on alone.
  const isAlone = standbys.length > 0
    ? standbys.some((copy) => isLost(copy, primary, input))
    : rule.standbys.some(({ id }) => id === other.id) ||
      isUnheard(other.id, input);
  if (isAlone) {
    const text = `Node ${other.id} is lost; the primary goes on alone`;
    findings.push({ member: other.id, code: "degraded", text });
    return { standbys: [], required: 0 };
  }
  return standbys.length === 0 && rule.required === 0
    ? { standbys: [], required: 0 }
    : { standbys, required };
}

/** The members that count beside the primary. */
function othersOf(state: ClusterState): DataMember[] {
  const reigning = currentPrimary(state);
  return [...state.members.values()].filter((member) =>
    member.id !== reigning?.id && isCounting(member)
  );
}

/** Who holds commits: those of before but for who gave up its copy, and who has caught up (R4). */
function wantedStandbys(
  state: ClusterState,
  rule: ProposedRule,
  primary: PrimaryReport,
  { observations }: PolicyInput,
): Copy[] {
  const wanted: Copy[] = [];
  for (const { id } of othersOf(state)) {
    const copy = copyOf(state, id);
    if (!copy) continue;
    const isGivenUp = observations.get(id)?.report?.needsClone ?? false;
    if (isGivenUp) continue;
    const stays = hasCopy(rule.standbys, copy);
    if (stays || isCaughtUp(primary, copy)) wanted.push(copy);
  }
  return wanted;
}

function isUnheard(
  id: MemberId,
  { observations, settings, phaseMs }: PolicyInput,
): boolean {
  const seen = observations.get(id);
  const silentMs = seen?.silentMs ?? phaseMs;
  return seen?.agent === "gone" || silentMs >= settings.electionTimeoutMs;
}

function isLost(
  copy: Copy,
  primary: PrimaryReport,
  { observations, settings }: PolicyInput,
): boolean {
  const absent = primary.absent.find(({ id }) => id === copy.id);
  if (!absent) return false;
  const isGone = observations.get(copy.id)?.agent === "gone";
  return isGone || absent.ms >= settings.electionTimeoutMs;
}

/** A member that left the Raft group and that no rule names is forgotten. */
function forgotten(
  state: ClusterState,
  { raftMembers }: PolicyInput,
): ClusterCommand | null {
  for (const { id } of state.members.values()) {
    if (raftMembers.includes(id)) continue;
    const copy = copyOf(state, id);
    if (!copy || !isNamed(state, copy)) return { type: "forget", id };
    if (!state.members.get(id)?.leaving) return { type: "leave", id };
  }
  return null;
}
