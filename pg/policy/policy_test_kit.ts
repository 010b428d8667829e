import { type MemberId, slotName } from "../cluster/mod.ts";
import { copy } from "../cluster/state_test_kit.ts";
import type {
  Observation,
  PolicyInput,
  PolicySettings,
  PrimaryReport,
  Report,
} from "./report.ts";
import {
  type LocalView,
  NOTHING_SAVED,
  type PrimaryServer,
  type Rendered,
  type Saved,
  type StandbyServer,
} from "./view.ts";

export type { Rendered };
export * from "../cluster/state_test_kit.ts";

/** An election timeout of a second, and three for an agent that is gone. */
export const SETTINGS: PolicySettings = {
  electionTimeoutMs: 1000,
  agentGraceMs: 3000,
  maximumLagBytes: 1000,
};

/** What a standby of node 1 in epoch 1 tells, at 100. */
export function report(id: MemberId, patch: Partial<Report> = {}): Report {
  return {
    id,
    boot: "b",
    sequence: 1,
    pledge: 1,
    incarnation: id * 10,
    state: "streaming",
    role: "standby",
    sealed: 0,
    position: { epoch: 1, lsn: 100 },
    timeline: 2,
    replayLsn: 100,
    lost: null,
    lostEpoch: 0,
    lostDetail: "",
    lostMs: 0,
    primary: null,
    following: {
      epoch: 1,
      upstream: 1,
      streaming: true,
      silentMs: 10,
      refused: false,
    },
    needsClone: false,
    config: { version: 0, pendingRestart: [], fault: null },
    trouble: null,
    ...patch,
  };
}

/** What a member tells that is sealed for an epoch, at a position of epoch 1. */
export function sealedReport(
  id: MemberId,
  lsn: number,
  patch: Partial<Report> = {},
): Report {
  return report(id, {
    pledge: 2,
    state: "sealed",
    sealed: 2,
    position: { epoch: 1, lsn },
    following: null,
    ...patch,
  });
}

/** What node 1 tells of its reign of epoch 1: nodes 2 and 3 stream. */
export function primaryReport(
  patch: Partial<PrimaryReport> = {},
  others: Partial<Report> = {},
): Report {
  return report(1, {
    state: "running",
    role: "primary",
    following: null,
    primary: {
      epoch: 1,
      flushLsn: 100,
      standbys: [2, 3].map((id) => ({
        copy: copy(id),
        streaming: true,
        flushLsn: 100,
      })),
      absent: [],
      open: true,
      hasCheckpoint: true,
      handover: 0,
      syncWaiters: 0,
      ...patch,
    },
    ...others,
  });
}

/** A member whose agent is heard. */
export function alive(
  told: Report | null,
  patch: Partial<Observation> = {},
): Observation {
  const now = { silentMs: 10, absentMs: 10, reportMs: 0 };
  return { agent: "alive", report: told, ...now, ...patch };
}

/** A member whose agent refuses connections, or says nothing. */
export function unheard(
  agent: "gone" | "silent",
  silentMs: number,
  told: Report | null = null,
): Observation {
  const since = { silentMs, absentMs: silentMs, reportMs: silentMs };
  return { agent, report: told, ...since };
}

/** What the leader knows: of each member by its number. */
export function inputOf(
  observations: Readonly<Record<number, Observation>>,
  patch: Partial<PolicyInput> = {},
): PolicyInput {
  return {
    observations: new Map(
      Object.entries(observations).map(([id, one]) => [Number(id), one]),
    ),
    settings: SETTINGS,
    phaseMs: 10_000,
    raftMembers: [1, 2, 3],
    wallMs: 50_000,
    ...patch,
  };
}

/** A standby that streams in step at 100. */
export function standby(patch: Partial<StandbyServer> = {}): StandbyServer {
  return {
    kind: "standby",
    endLsn: 100,
    replayLsn: 100,
    replayDone: true,
    receiver: true,
    streaming: true,
    silentMs: 10,
    refused: false,
    timeline: 2,
    sessions: 0,
    broken: null,
    ...patch,
  };
}

/** A standby whose stream has been ended. */
export function cutStandby(patch: Partial<StandbyServer> = {}): StandbyServer {
  return standby({ receiver: false, streaming: false, ...patch });
}

/** A primary that serves at 100. */
export function primaryServer(
  patch: Partial<PrimaryServer> = {},
): PrimaryServer {
  return {
    kind: "primary",
    flushLsn: 100,
    timeline: 2,
    sessions: 0,
    standbys: [],
    absent: [],
    syncWaiters: 0,
    failing: null,
    ...patch,
  };
}

/** What a view may be made with: parts of what is saved, too. */
export type ViewPatch =
  & Partial<Omit<LocalView, "saved" | "rendered">>
  & {
    readonly saved?: Partial<Saved>;
    readonly rendered?: Partial<Rendered>;
  };

/** What a standby of node 1 in epoch 1 sees of itself, with nothing to do. */
export function viewOf(
  id: MemberId,
  { saved: savedPatch, ...patch }: ViewPatch = {},
): LocalView {
  const saved: Saved = {
    ...NOTHING_SAVED,
    pledge: 1,
    incarnation: id * 10,
    epoch: 1,
    upstream: { id: 1, epoch: 1 },
    ...savedPatch,
    followed: savedPatch?.followed ?? savedPatch?.epoch ?? 1,
  };
  const { rendered, ...rest } = patch;
  return {
    id,
    data: { kind: "present", systemId: "7000", timeline: 2, shutdownLsn: null },
    server: standby(),
    job: null,
    barrier: 0,
    slots: [1, 2, 3].filter((one) => one !== id).map(slotName),
    checkpointEpoch: 0,
    checkpointed: 0,
    checkpointingFor: 0,
    mayHaveBeenEmpty: false,
    canRewind: true,
    source: "checkpointed",
    rewindFailed: 0,
    failedStarts: 0,
    failures: 0,
    failure: "",
    config: { version: 0, pendingRestart: [], fault: null },
    cascade: null,
    mustClone: false,
    lonelyMs: 0,
    unacknowledgedMs: 0,
    electionTimeoutMs: 1000,
    phaseMs: 500,
    ruleMs: 500,
    stillMs: 500,
    lostMs: 0,
    ...rest,
    saved,
    // The server was told what was noted.
    rendered: {
      hba: "open",
      rule: 0,
      upstream: saved.upstream,
      ...rendered,
    },
  };
}

/** What node 1 sees of itself while it reigns in epoch 1, open, with nothing to do. */
export function reigningView(patch: ViewPatch = {}): LocalView {
  return viewOf(1, {
    server: primaryServer(),
    rendered: { hba: "open", rule: 1 },
    barrier: 1,
    ...patch,
    saved: { upstream: null, ...patch.saved },
  });
}

/** The kind of a decision's command. */
export function typeOf(
  { command }: { readonly command: { readonly type: string } | null },
): string | null {
  return command?.type ?? null;
}
