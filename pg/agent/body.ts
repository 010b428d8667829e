import {
  type Epoch,
  type Lsn,
  type MemberId,
  PLACEHOLDER_LIST,
} from "../cluster/mod.ts";
import type { Drift, Guard, Upstream } from "../instance/mod.ts";
import type {
  CopyProgress,
  Job,
  LocalView,
  PrimaryServer,
  Rendered,
  Saved,
} from "../policy/mod.ts";
import type { AgentOptions } from "./ports.ts";

/** Everything that an agent remembers while it lives; what must outlive it is in `saved`. */
export interface Body {
  readonly options: AgentOptions;
  readonly boot: string;
  readonly stopping: AbortController;
  saved: Saved;
  /** Ends when what is being saved is. */
  saving: Promise<void>;
  /** How many reports it has sent. */
  sequence: number;
  /** Whether the state was confirmed in this life (R15). */
  confirmed: boolean;
  rendered: Rendered;
  /** What the server's files say, as this process wrote them last. */
  files: Files;
  config: AppliedConfig;
  /** Whether the server has been started and not been seen to answer since. */
  isUnproven: boolean;
  /** The order that is being carried out; 0 for none. */
  orderNumber: number;
  /** Whether a promotion is under way during which the server lets nobody in (T30). */
  isLowering: boolean;
  /** The epoch in which such a promotion failed; 0 for none. */
  loweringFailed: Epoch;
  /** Whether an operator wants the data to be taken anew. */
  mustClone: boolean;
  job: Job | null;
  jobEnded: Promise<void>;
  /** Ends the job before its time. */
  jobAbort: AbortController;
  /** When the job was begun, or its copy last grew. */
  jobMovedAtMs: number;
  /** How far the copy is that is being taken; null for none. */
  copy: CopyProgress | null;
  /** When a job that failed may be begun again. */
  jobRetryAtMs: number;
  /** The epoch on whose timeline a checkpoint was made here. */
  ownCheckpoint: Epoch;
  checkpointing: boolean;
  /** Whether data that a clone replaced may still be there. */
  mayHaveOldData: boolean;
  upkeepEnded: Promise<void>;
  logEnded: Promise<void>;
  dropEnded: Promise<void>;
  contactEnded: Promise<void>;
  /** The rule whose barrier stood in this life of the server. */
  barrier: number;
  barrierAtMs: number;
  slots: readonly string[];
  checkpointed: number;
  /** The handover for which a checkpoint is being made; 0 for none. */
  checkpointingFor: number;
  checkpointEnded: Promise<void>;
  mayHaveBeenEmpty: boolean;
  rewindFailed: Epoch;
  /** How often in a row the server could not start from its data; a port that is taken is no such thing. */
  failedStarts: number;
  failures: number;
  failure: string;
  guard: (Guard & { readonly graceMs: number }) | null;
  /** The newest look. */
  view: LocalView | null;
  /** Ends when the look that was begun last has. */
  looking: Promise<unknown>;
  /** Whether that still holds, but for what this process has changed itself. */
  isViewGood: boolean;
  lookedAtMs: number;
  readonly watch: Watch;
  readonly waker: Waker;
}

/** Parameters that a server has started with. */
export interface ProvenConfig {
  readonly version: number;
  readonly parameters: Readonly<Record<string, string>>;
}

/** How far this node's server has the cluster's parameters. */
export interface AppliedConfig {
  /** The version that was written for the server last; 0 for this node's own file. */
  readonly version: number;
  /** What the server has last started with: what is fallen back to; null for nothing that is known. */
  readonly proven: ProvenConfig | null;
  /** Settings that wait for a restart. */
  readonly pendingRestart: readonly string[];
  /** Settings that wait for the primary to have less of them (T30). */
  readonly pendingPrimary: readonly string[];
  /** Whether the server may see it differently by now. */
  readonly mustNote: boolean;
  /** When it was last asked. */
  readonly notedAtMs: number;
  /** Why this node does not have the version; null when it has. */
  readonly fault: string | null;
}

/** What the server's files say. */
export interface Files {
  readonly upstream: Upstream | null;
  readonly names: string;
  readonly hba: "closed" | "open";
}

/** Times on this node's own clock, by which it tells how long something has lasted. */
export interface Watch {
  leaderSeenAtMs: number;
  isAskingForContact: boolean;
  /** When the commit was made that k standbys are known to hold. */
  acknowledgedAtMs: number;
  phase: string;
  phaseSinceMs: number;
  /** Phase, server and replay as they were last, and since when. */
  state: string;
  stateSinceMs: number;
  /** The newest rule's number, and since when. */
  rule: number;
  ruleSinceMs: number;
  lostSinceMs: number | null;
  /** What was last seen of the upstream, and since when it is the same. */
  heard: string;
  heardAtMs: number;
  /** Where replay stood at the last look, to see whether it moves (R13). */
  replayLsn: number;
  replayWaited: boolean;
  /** Since when replay is paused; null while it goes on. */
  replayPausedSinceMs: number | null;
  /** What is wrong with the users' rules for pg_hba, as last told; null for nothing. */
  hbaFault: string | null;
  readonly absentSinceMs: Map<MemberId, number>;
  hungSinceMs: number | null;
  /** The postmaster whose end wakes the agent; 0 for none. */
  heardPid: number;
  /** Since when the primary's agent is lost; null while it is not. */
  alarmSinceMs: number | null;
  /** The timeline on which the log ends, as its files say, and the end that this was asked for. */
  timeline: { readonly endLsn: Lsn; readonly timeline: number };
  probeLsn: number;
  probedAtMs: number;
  /** When a write of the last reign was last known to be acknowledged. */
  lastWriteAtMs: number;
  failing: PrimaryServer["failing"];
  followedAtMs: number;
  /** Where the server's log ended then: what it said before was of another upstream. */
  followedLogBytes: number;
  /** Owned settings that differ, and where the log was (R27). */
  drift: { readonly drift: readonly Drift[]; readonly lsn: Lsn };
  /** When the files were last written: until a reload has come about, settings may differ. */
  renderedAtMs: number;
  /** When the server's log was last looked at; infinite while it is. */
  logTurnedAtMs: number;
  /** When the files of the next start were last looked at. */
  closedAtMs: number;
  /** When the server last read its configuration files, by its own clock. */
  loadedAt: string;
  /** Where the log was when they were last seen right. */
  driftFromLsn: Lsn;
}

/** Wakes a loop that naps, also when that happens before the nap. */
export interface Waker {
  poke(): void;
  /** Resolves after a poke since the last nap, or after a time. */
  nap(timeoutMs: number): Promise<void>;
  /** Whether the loop naps, and therefore does nothing. */
  isNapping(): boolean;
}

/** Makes what an agent remembers at its start. */
export function createBody(options: AgentOptions, saved: Saved): Body {
  const nowMs = options.clock.nowMs();
  return {
    options,
    boot: crypto.randomUUID(),
    stopping: new AbortController(),
    saved,
    saving: Promise.resolve(),
    sequence: 0,
    confirmed: false,
    rendered: { hba: null, rule: null, upstream: null },
    files: { upstream: null, names: PLACEHOLDER_LIST, hba: "closed" },
    config: {
      version: 0,
      proven: null,
      pendingRestart: [],
      pendingPrimary: [],
      mustNote: true,
      notedAtMs: -Infinity,
      fault: null,
    },
    isUnproven: false,
    orderNumber: 0,
    isLowering: false,
    loweringFailed: 0,
    mustClone: false,
    job: null,
    jobEnded: Promise.resolve(),
    jobAbort: new AbortController(),
    jobMovedAtMs: nowMs,
    copy: null,
    jobRetryAtMs: -Infinity,
    ownCheckpoint: 0,
    checkpointing: false,
    mayHaveOldData: true,
    upkeepEnded: Promise.resolve(),
    logEnded: Promise.resolve(),
    dropEnded: Promise.resolve(),
    contactEnded: Promise.resolve(),
    barrier: 0,
    barrierAtMs: 0,
    slots: [],
    checkpointed: 0,
    checkpointingFor: 0,
    checkpointEnded: Promise.resolve(),
    mayHaveBeenEmpty: true,
    rewindFailed: 0,
    failedStarts: 0,
    failures: 0,
    failure: "",
    guard: null,
    view: null,
    looking: Promise.resolve(),
    isViewGood: false,
    lookedAtMs: -Infinity,
    watch: createWatch(nowMs),
    waker: createWaker(options),
  };
}

/** What is watched, as of a start. */
function createWatch(nowMs: number): Watch {
  return {
    leaderSeenAtMs: nowMs,
    isAskingForContact: false,
    acknowledgedAtMs: nowMs,
    phase: "",
    phaseSinceMs: nowMs,
    state: "",
    stateSinceMs: nowMs,
    rule: 0,
    ruleSinceMs: nowMs,
    lostSinceMs: null,
    heard: "",
    heardAtMs: nowMs,
    replayLsn: -1,
    replayWaited: false,
    replayPausedSinceMs: null,
    hbaFault: null,
    absentSinceMs: new Map(),
    hungSinceMs: null,
    heardPid: 0,
    alarmSinceMs: null,
    timeline: { endLsn: -1, timeline: 0 },
    probeLsn: 0,
    probedAtMs: nowMs,
    lastWriteAtMs: nowMs,
    failing: null,
    followedAtMs: nowMs,
    followedLogBytes: 0,
    drift: { drift: [], lsn: 0 },
    renderedAtMs: nowMs,
    logTurnedAtMs: nowMs,
    closedAtMs: nowMs,
    loadedAt: "",
    driftFromLsn: 0,
  };
}

function createWaker({ clock }: AgentOptions): Waker {
  let poked = false;
  let wake: (() => void) | null = null;
  return {
    poke(): void {
      poked = true;
      wake?.();
    },
    async nap(timeoutMs): Promise<void> {
      if (!poked) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = clock.after(timeoutMs, resolve);
        wake = resolve;
        await promise;
        wake = null;
        timer.cancel();
      }
      poked = false;
    },
    isNapping: () => wake !== null,
  };
}
