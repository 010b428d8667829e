import type {
  AppointCommand,
  AttemptCommand,
  CatchUpCommand,
  DropHandoverCommand,
  ForceCommand,
  FoundCommand,
  GrantCommand,
  HandoverCommand,
  OpenedCommand,
  PromotedCommand,
} from "./commands.ts";
import { currentPrimary, grantOf, isSameCopy, newestEpoch } from "./copies.ts";
import { addConfig } from "./apply_config.ts";
import { amendRecord, beginRecord } from "./history.ts";
import type { Change } from "./change.ts";
import { patchMember } from "./members.ts";
import { bindingRules, requiredOf, uncoveredRules } from "./rules.ts";
import {
  type ClusterState,
  type Copy,
  type Grant,
  type HistoryRecord,
  MAX_GRANTS,
  type Phase,
} from "./types.ts";

/** Says who makes the database. */
export function appoint(state: ClusterState, command: AppointCommand): Change {
  const { phase } = state;
  const attempts = phase.kind === "founding" ? phase.attempt : 0;
  if (phase.kind !== "unformed" && phase.kind !== "founding") {
    return "There is a database already";
  }
  if (attempts !== command.after) return "Another founder was appointed";
  if (!state.members.has(command.founder)) return "The founder is no member";
  const { founder } = command;
  return {
    ...state,
    phase: { kind: "founding", founder, attempt: attempts + 1 },
  };
}

/** Takes the founder's database: one initdb counts, whoever else has run one (R34). */
export function found(state: ClusterState, command: FoundCommand): Change {
  const { phase } = state;
  const { founder, incarnation, atMs } = command;
  if (
    phase.kind !== "founding" || phase.founder !== founder ||
    phase.attempt !== command.attempt
  ) return "Another founder was appointed";
  const member = state.members.get(founder);
  if (!member) return "The founder is no member";
  const winner: Copy = { id: founder, incarnation };
  // Everybody who is there before the first opening counts, so no commit is ever on one disk only.
  const members = new Map(
    [...state.members].map(([id, one]) => [id, { ...one, counted: true }]),
  );
  members.set(founder, { ...member, incarnation, counted: true });
  const { parameters, maximumLagBytes } = command;
  const next: ClusterState = {
    ...addConfig(state, {
      parameters,
      ...maximumLagBytes === undefined
        ? {}
        : { cluster: { synchronousMode: state.mode, maximumLagBytes } },
      author: `node ${founder}`,
      comment: "What its configuration file said at the founding",
      atMs,
    }),
    members,
    systemId: command.systemId,
    replicationPassword: command.replicationPassword,
  };
  // initdb makes timeline 1, and every primary comes about by a promotion (R24).
  const timeline = command.timeline ?? 2;
  const granted = startReign(next, {
    epoch: 1,
    winner,
    timeline,
    parent: 0,
    startLsn: 0,
    promoted: false,
  }, { standbys: [], required: requiredOf(next) });
  return beginRecord(granted, {
    epoch: 1,
    kind: "founding",
    reason: "founding",
    detail: "The cluster has no database yet",
    from: 0,
    lostAtMs: atMs,
    detectedAtMs: atMs,
  }, {
    to: founder,
    timeline,
    grantedAtMs: atMs,
    why: command.isAdopted
      ? "It has the database that is adopted"
      : "It has made the database",
  });
}

function startReign(
  state: ClusterState,
  grant: Grant,
  { standbys, required }: { standbys: readonly Copy[]; required: number },
): ClusterState {
  const number = state.lastRule + 1;
  const { epoch, winner } = grant;
  return {
    ...state,
    phase: { kind: "granted", epoch },
    grants: [...state.grants, grant].slice(-MAX_GRANTS),
    rules: [
      ...state.rules,
      { number, epoch, primary: winner, standbys, required },
    ],
    lastRule: number,
  };
}

/** Ends a reign: all data members seal for the next epoch (R11). */
export function attempt(state: ClusterState, command: AttemptCommand): Change {
  const { phase } = state;
  const { epoch, expected } = command;
  if (phase.kind === "unformed" || phase.kind === "founding") {
    return "There is no database yet";
  }
  if (phase.kind !== expected.kind || phase.epoch !== expected.epoch) {
    return `The cluster is ${phase.kind} in epoch ${phase.epoch} by now`;
  }
  if (epoch !== newestEpoch(state) + 1) return "Another epoch is next";
  if (state.paused && command.attempt.kind === "automatic") {
    return "Failover is paused";
  }
  const from = currentPrimary(state)?.id ?? 0;
  const next: ClusterState = {
    ...state,
    rules: bindingRules(state),
    phase: {
      kind: "sealing",
      epoch,
      attempt: command.attempt,
      catchUp: null,
    },
  };
  return beginRecord(next, {
    epoch,
    kind: recordKindOf(command),
    reason: command.reason,
    detail: command.detail,
    from,
    lostAtMs: command.lostAtMs,
    detectedAtMs: command.atMs,
  });
}

function recordKindOf(
  { attempt: { kind } }: AttemptCommand,
): "failover" | "switchover" | "forced" {
  if (kind === "planned") return "switchover";
  return kind === "forced" ? "forced" : "failover";
}

/** Has a preferred member stream what it lacks (R16). */
export function catchUp(state: ClusterState, command: CatchUpCommand): Change {
  const { phase } = state;
  if (phase.kind !== "sealing" || phase.epoch !== command.epoch) {
    return "That attempt is over";
  }
  return { ...state, phase: { ...phase, catchUp: command.catchUp } };
}

/** Lets an attempt give rules up (R31). */
export function force(state: ClusterState, command: ForceCommand): Change {
  const { phase } = state;
  if (phase.kind !== "sealing" || phase.epoch !== command.epoch) {
    return "That attempt is over";
  }
  const { target } = command;
  const forced: Phase = { ...phase, attempt: { kind: "forced", target } };
  return amendRecord({ ...state, phase: forced }, command.epoch, {
    kind: "forced",
  });
}

/** Grants an epoch, once (R2, R10, R17). */
export function grant(state: ClusterState, command: GrantCommand): Change {
  const { phase } = state;
  const { epoch, winner, timeline, parent, startLsn, atMs } = command;
  if (phase.kind !== "sealing" || phase.epoch !== epoch) {
    return "That attempt is over";
  }
  const entered = withWinner(state, command);
  if (typeof entered === "string") return entered;
  const highest = Math.max(1, ...state.grants.map((one) => one.timeline));
  if (timeline <= highest) return `Timeline ${timeline} was granted before`;
  const refusal = refuseUncovered(state, command);
  if (refusal !== null) return refusal;
  const next = startReign(entered, {
    epoch,
    winner,
    timeline,
    parent,
    startLsn,
    promoted: false,
  }, command);
  const record = state.history.find((one) => one.epoch === epoch);
  const isRestart = record?.kind === "failover" && record.from === winner.id;
  const forced: ClusterState = command.coverage === "forced"
    ? { ...next, rules: next.rules.slice(-1) }
    : next;
  return amendRecord(forced, epoch, {
    to: winner.id,
    timeline,
    startLsn,
    sealed: command.sealed,
    why: command.why,
    gaveUp: command.gaveUp,
    grantedAtMs: atMs,
    ...(isRestart ? { kind: "restart" as const } : {}),
  });
}

/** The state in which the winner's copy is the one that counts; a forced grant has it enter (R3, R31). */
function withWinner(
  state: ClusterState,
  { winner: { id, incarnation }, coverage }: GrantCommand,
): Change {
  const member = state.members.get(id);
  if (!member) return "The winner is no member any more";
  if (member.incarnation === incarnation) return state;
  return coverage === "forced"
    ? patchMember(state, id, { ...member, incarnation })
    : "The winner has another data directory by now";
}

/** The policy has looked already; a grant that loses data must not pass by any mistake there. */
function refuseUncovered(
  state: ClusterState,
  { coverage, sealed }: GrantCommand,
): string | null {
  const { phase } = state;
  switch (coverage) {
    case "covered": {
      const [first] = uncoveredRules(state, sealed);
      return first ? `Rule ${first.number} is not covered` : null;
    }
    case "time":
      return state.mode === "off" ? null : "Mode off only may rely on time";
    case "forced":
      return phase.kind === "sealing" && phase.attempt.kind === "forced"
        ? null
        : "Nobody gave leave to lose data";
  }
}

/** Notes that the winner has promoted, and where its log branches off. */
export function promoted(
  state: ClusterState,
  command: PromotedCommand,
): Change {
  const { epoch, winner, switchLsn, atMs } = command;
  const granted = grantOf(state, epoch);
  if (state.phase.kind !== "granted" || state.phase.epoch !== epoch) {
    return "That epoch is over, or open already";
  }
  if (!granted || !isSameCopy(granted.winner, winner)) {
    return "That epoch was granted to another";
  }
  const grants = state.grants.map((one) =>
    one.epoch === epoch ? { ...one, startLsn: switchLsn, promoted: true } : one
  );
  const patch: Partial<HistoryRecord> = { promotedAtMs: atMs };
  return amendRecord({ ...state, grants }, epoch, {
    ...patch,
    startLsn: switchLsn,
  });
}

/** Opens an epoch; the rules of older ones, and those before the barrier's, are retired (R20). */
export function opened(state: ClusterState, command: OpenedCommand): Change {
  const { epoch, winner } = command;
  const granted = grantOf(state, epoch);
  if (state.phase.kind !== "granted" || state.phase.epoch !== epoch) {
    return "That epoch is over, or open already";
  }
  if (!granted?.promoted || !isSameCopy(granted.winner, winner)) {
    return "That epoch was granted to another, or has not promoted";
  }
  const rules = state.rules.filter(({ number }) => number >= command.rule);
  const [rule] = rules;
  if (!rule || rule.number !== command.rule || rule.epoch !== epoch) {
    return `Rule ${command.rule} is not in force`;
  }
  return amendRecord(
    {
      ...state,
      rules,
      phase: { kind: "open", epoch, handover: null },
    },
    epoch,
    {
      barrierAtMs: command.barrierAtMs,
      openedAtMs: command.atMs,
      gapMs: command.gapMs,
    },
  );
}

/** Prepares a switchover (R32). */
export function handover(
  state: ClusterState,
  command: HandoverCommand,
): Change {
  const { phase } = state;
  const { epoch, target } = command;
  if (phase.kind !== "open" || phase.epoch !== epoch) {
    return "The primary has changed meanwhile";
  }
  if (phase.handover) return "A switchover is under way already";
  const number = state.lastHandover + 1;
  return {
    ...state,
    lastHandover: number,
    phase: { ...phase, handover: { number, target } },
  };
}

/** Gives a switchover up before its attempt. */
export function dropHandover(
  state: ClusterState,
  command: DropHandoverCommand,
): Change {
  const { phase } = state;
  if (phase.kind !== "open" || phase.handover?.number !== command.number) {
    return "That switchover is over";
  }
  return { ...state, phase: { ...phase, handover: null } };
}
