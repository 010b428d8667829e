import {
  type ClusterCommand,
  type ClusterState,
  comparePositions,
  type Copy,
  copyOf,
  type Coverage,
  type DataMember,
  describeRule,
  type Epoch,
  formatPosition,
  hasCopy,
  isCounting,
  isSameCopy,
  newestGrant,
  requiredOf,
  type Rule,
  type SealedAt,
  uncoveredRules,
} from "../cluster/mod.ts";
import {
  canCatchUp,
  choosable,
  choose,
  highest,
  mayWin,
  type Sealed,
  sealedAt,
  type Sealing,
} from "./choosing.ts";
import type { Decision, PolicyInput, Report } from "./report.ts";

/** How long a planned change waits for its target, and for the old primary's end (R32). */
export const PLANNED_WAIT_MS = 2000;

/** Grants the epoch once every rule in force is covered (R2), or says what is missing. */
export function decideSealing(
  state: ClusterState,
  phase: Sealing,
  input: PolicyInput,
): Decision {
  const abandoned = abandonCatchUp(phase, input);
  if (abandoned) return abandoned;
  const reports = sealReports(state, phase.epoch, input);
  const reported = sealedMembers(reports);
  // R31: leave to lose data is leave to do without those who died after their report.
  const all = phase.attempt.kind === "forced"
    ? reported.filter(({ isAlive }) => isAlive)
    : reported;
  const blank = sealedBlank(reports);
  const covering = [...all.map(sealedAt), ...blank];
  const uncovered = uncoveredRules(state, covering);
  const coverage = coverageOf(state, phase, uncovered, input);
  if (coverage === null) return waitFor(state, phase, uncovered, covering);
  const sealed = choosable(state, phase, all, blank, coverage);
  const best = highest(sealed);
  if (!best) return say("no_data", "No sealed member has valid data");
  const lagBytes = coverage === "time" ? lagOf(state, best, input) : 0;
  const allowedBytes = state.maximumLagBytes ?? input.settings.maximumLagBytes;
  if (lagBytes > allowedBytes) {
    return say(
      "lag",
      `Node ${best.member.id} lacks ${lagBytes} bytes of the old primary, ` +
        `and mode off gives up ${allowedBytes} at most`,
    );
  }
  if (isTooEarly(state, phase, sealed, input)) {
    const text = "Waiting for members that are there to seal";
    return say(phase.attempt.kind, text);
  }
  const able = sealed.filter((one) => mayWin(state, one, coverage));
  const top = able.filter(({ position }) =>
    comparePositions(position, best.position) === 0
  );
  const winner = choose(state, phase, top);
  if (!winner) return catchUpFor(state, phase, able, best, input);
  const command = grantTo(state, phase, winner, {
    sealed,
    blank,
    coverage,
    uncovered,
    input,
  });
  return {
    command,
    findings: [{
      member: winner.member.id,
      code: "chosen",
      text: command.why,
    }],
  };
}

/** What a member said that is sealed for an attempt. */
interface SealReport {
  readonly member: DataMember;
  readonly copy: Copy;
  readonly isAlive: boolean;
  readonly report: Report;
}

function sealReports(
  state: ClusterState,
  epoch: Epoch,
  { observations }: PolicyInput,
): SealReport[] {
  return [...state.members.values()].flatMap((member) => {
    const seen = observations.get(member.id);
    const report = seen?.report;
    if (report?.sealed !== epoch || report.incarnation === null) return [];
    const copy = { id: member.id, incarnation: report.incarnation };
    return [{ member, copy, isAlive: seen?.agent === "alive", report }];
  });
}

function sealedMembers(reports: readonly SealReport[]): Sealed[] {
  return reports.flatMap(({ member, copy, isAlive, report }) => {
    const { position, replayLsn } = report;
    return position === null
      ? []
      : [{ member, copy, isAlive, position, replayLsn }];
  });
}

/** Members that are sealed, and of whose data nobody can say where it ends: they cover what they never followed. */
function sealedBlank(reports: readonly SealReport[]): SealedAt[] {
  return reports.flatMap(({ copy, report: { position, followed } }) =>
    position !== null || followed === undefined
      ? []
      : [{ ...copy, position, followed }]
  );
}

function coverageOf(
  state: ClusterState,
  { attempt }: Sealing,
  uncovered: readonly Rule[],
  input: PolicyInput,
): Coverage | null {
  if (uncovered.length === 0) return "covered";
  if (attempt.kind === "forced") return "forced";
  if (state.mode !== "off") return null;
  return isFencedByTime(state, uncovered, input) ? "time" : null;
}

/**
 * In mode `off` the old primary has closed itself one election timeout after its last contact, so twice
 * that must have passed. One whose agent is dead while its PostgreSQL lives can't be fenced (R30).
 */
function isFencedByTime(
  state: ClusterState,
  uncovered: readonly Rule[],
  { observations, settings, phaseMs }: PolicyInput,
): boolean {
  return uncovered.every(({ primary, required }) => {
    if (required > 0) return false;
    const seen = observations.get(primary.id);
    if (seen?.agent === "alive") return false;
    // A new leader has not heard of it, which is not the same as that it fell silent.
    const silentMs = seen?.silentMs ?? phaseMs;
    if (silentMs < 2 * settings.electionTimeoutMs) return false;
    for (const { id } of state.members.values()) {
      const following = observations.get(id)?.report?.following;
      if (following?.upstream === primary.id && following.streaming) {
        return false;
      }
    }
    return true;
  });
}

/** What the old primary was last heard to have beyond a position (R30). */
function lagOf(
  state: ClusterState,
  { position }: Sealed,
  { observations }: PolicyInput,
): number {
  const old = newestGrant(state)?.winner;
  const told = observations.get(old?.id ?? 0)?.report?.primary;
  // Of one that this leader never heard, nobody can say what would be lost.
  return told ? Math.max(0, told.flushLsn - position.lsn) : Infinity;
}

/**
 * A planned change gives the old primary time to end in order, and the target time to hold its end. A
 * forced one gives everybody who is there time to seal, so that no more is given up than must be (R31).
 */
function isTooEarly(
  state: ClusterState,
  { attempt }: Sealing,
  sealed: readonly Sealed[],
  { phaseMs, observations }: PolicyInput,
): boolean {
  if (attempt.kind === "automatic" || phaseMs >= PLANNED_WAIT_MS) return false;
  const isSealed = (id: number): boolean =>
    sealed.some(({ member }) => member.id === id);
  const old = newestGrant(state)?.winner ?? null;
  const awaited = attempt.kind === "forced" || attempt.target === null
    ? [...state.members.keys()]
    : [old?.id ?? 0, attempt.target ?? 0];
  return awaited.some((id) =>
    id !== 0 && observations.get(id)?.agent === "alive" && !isSealed(id)
  );
}

/** A source that is dead is waited for by nobody: its target seals again where it is. */
function abandonCatchUp(
  { epoch, catchUp }: Sealing,
  { observations, settings, phaseMs }: PolicyInput,
): Decision | null {
  if (!catchUp) return null;
  const seen = observations.get(catchUp.source.id);
  const silentMs = seen?.silentMs ?? phaseMs;
  const isLost = seen?.agent === "gone" ||
    silentMs >= settings.electionTimeoutMs;
  if (!isLost) return null;
  const text = `Node ${catchUp.source.id} is lost, from which node ` +
    `${catchUp.target.id} streamed what it lacks`;
  return {
    command: { type: "catch_up", epoch, catchUp: null },
    findings: [{ member: catchUp.target.id, code: "catch_up_lost", text }],
  };
}

/** Nobody who may win has the highest position: the best of them streams the difference first (R16). */
function catchUpFor(
  state: ClusterState,
  phase: Sealing,
  willing: readonly Sealed[],
  best: Sealed,
  { observations }: PolicyInput,
): Decision {
  const { epoch, catchUp } = phase;
  const able = willing.filter((one) => canCatchUp(state, one, best));
  if (!best.isAlive || able.length === 0) {
    const text = `Node ${best.member.id} has the highest position, ` +
      "and nobody who may win can get it from there";
    return say("highest_unreachable", text);
  }
  const runner = highest(able);
  const target = choose(
    state,
    phase,
    able.filter(({ position }) =>
      runner !== null && comparePositions(position, runner.position) === 0
    ),
  );
  if (!target) return say("no_candidate", "Nobody may win");
  const text = `Node ${target.member.id} streams from node ` +
    `${best.member.id} what it lacks before it can win`;
  // A target that streams is not sealed meanwhile; to name another in turn would bring neither there.
  const isUnderWay = isSameCopy(catchUp?.source ?? null, best.copy) &&
    (isSameCopy(catchUp?.target ?? null, target.copy) ||
      observations.get(catchUp?.target.id ?? 0)?.agent === "alive");
  return {
    command: isUnderWay ? null : {
      type: "catch_up",
      epoch,
      catchUp: {
        source: best.copy,
        target: target.copy,
        epoch: best.position.epoch,
        lsn: best.position.lsn,
      },
    },
    findings: [{ member: target.member.id, code: "catching_up", text }],
  };
}

interface Choice {
  readonly sealed: readonly Sealed[];
  readonly blank: readonly SealedAt[];
  readonly coverage: Coverage;
  readonly uncovered: readonly Rule[];
  readonly input: PolicyInput;
}

function grantTo(
  state: ClusterState,
  { epoch }: Sealing,
  winner: Sealed,
  { sealed, blank, coverage, uncovered, input }: Choice,
): Extract<ClusterCommand, { type: "grant" }> {
  const { copy, position } = winner;
  const isForced = coverage === "forced";
  return {
    type: "grant",
    epoch,
    winner: copy,
    timeline: nextTimeline(state, input),
    parent: position.epoch,
    startLsn: position.lsn,
    ...ruleFor(state, copy, input),
    coverage,
    sealed: [...sealed.map(sealedAt), ...blank],
    why: whyChosen(winner, sealed),
    gaveUp: isForced ? uncovered.map(describeRule) : [],
    atMs: input.wallMs,
  };
}

/**
 * How far apart granted timelines are. Who promotes a standby by hand gets the next number after the
 * newest that it knows, which must be none that is granted, or its log passes for the epoch's (T27).
 */
const TIMELINE_STEP = 4;

/** Above every number ever granted, and every one that somebody made without a grant (R17). */
function nextTimeline(
  state: ClusterState,
  { observations }: PolicyInput,
): number {
  const seen = [...observations.values()].map(({ report }) =>
    report?.timeline ?? 0
  );
  const granted = state.grants.map(({ timeline }) => timeline);
  return Math.max(1, ...seen, ...granted) + TIMELINE_STEP;
}

/** The rule of a new reign: everybody else who counts, dead or alive, or R6's where nobody is left. */
function ruleFor(
  state: ClusterState,
  winner: Copy,
  { observations, phaseMs, settings }: PolicyInput,
): { readonly standbys: readonly Copy[]; readonly required: number } {
  const required = requiredOf(state);
  if (required === 0) return { standbys: [], required };
  const standbys: Copy[] = [];
  let isAnyReached = false;
  for (const member of state.members.values()) {
    const { id } = member;
    if (id === winner.id || !isCounting(member)) continue;
    const seen = observations.get(id);
    // A new leader may not have heard of it yet: that is no reason to do without it.
    const isReached = seen
      ? seen.agent === "alive"
      : phaseMs < settings.electionTimeoutMs;
    isAnyReached ||= isReached;
    const copy = copyOf(state, id);
    if (copy) standbys.push(copy);
  }
  const isAlone = !isAnyReached && required === 1 && countOf(state) === 2;
  return isAlone && state.mode === "quorum"
    ? { standbys: [], required: 0 }
    : { standbys, required };
}

/** How many data members count. */
function countOf({ members }: ClusterState): number {
  return [...members.values()].filter(isCounting).length;
}

function whyChosen(winner: Sealed, sealed: readonly Sealed[]): string {
  const others = sealed.filter((one) => one !== winner).map(
    ({ member, position }) => `node ${member.id} ${formatPosition(position)}`,
  );
  const rest = others.length === 0
    ? "; nobody else is sealed"
    : `; sealed beside it: ${others.join(", ")}`;
  return `Node ${winner.member.id} has the highest position, ` +
    `${formatPosition(winner.position)}${rest}`;
}

function waitFor(
  { members }: ClusterState,
  { epoch }: Sealing,
  uncovered: readonly Rule[],
  sealed: readonly Copy[],
): Decision {
  const missing = [...members.keys()].filter((id) =>
    !hasCopy(sealed, { id, incarnation: members.get(id)?.incarnation ?? 0 })
  );
  const rules = uncovered.map(describeRule).join("; ");
  return say(
    "uncovered",
    `Epoch ${epoch} waits until no acknowledged commit can be missing: ` +
      `not sealed yet: ${
        missing.map((id) => `node ${id}`).join(", ")
      }; and what is sealed does not cover ${rules}`,
  );
}

function say(code: string, text: string): Decision {
  return { command: null, findings: [{ member: null, code, text }] };
}
