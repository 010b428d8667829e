import {
  type ClusterState,
  type DataMember,
  EMPTY_STATE,
  type Epoch,
  type MemberId,
  NO_TAGS,
  type Phase,
} from "../../../pg/cluster/mod.ts";
import type {
  Observation,
  Observations,
  Report,
} from "../../../pg/policy/mod.ts";

/** A member of the state below. */
export function memberOf(
  id: MemberId,
  patch: Partial<DataMember> = {},
): DataMember {
  return {
    id,
    host: "127.0.0.1",
    port: 5000 + id,
    version: "15.18",
    tags: NO_TAGS,
    incarnation: id * 10,
    counted: true,
    leaving: false,
    away: false,
    maintenance: false,
    order: null,
    ...patch,
  };
}

/** Three members; `winner` was granted `epoch`, and the phase is as said. */
export function stateOf(
  phase: Phase,
  { winner, epoch }: { readonly winner: MemberId; readonly epoch: Epoch },
  members: readonly DataMember[] = [1, 2, 3].map((id) => memberOf(id)),
): ClusterState {
  return {
    ...EMPTY_STATE,
    phase,
    members: new Map(members.map((one) => [one.id, one])),
    grants: [{
      epoch,
      winner: { id: winner, incarnation: winner * 10 },
      timeline: epoch + 1,
      parent: epoch - 1,
      startLsn: 0,
      promoted: true,
    }],
  };
}

/** An epoch that is open. */
export function openPhase(epoch: Epoch): Phase {
  return { kind: "open", epoch, handover: null };
}

/** An attempt on an epoch. */
export function sealingPhase(epoch: Epoch): Phase {
  return {
    kind: "sealing",
    epoch,
    attempt: { kind: "automatic" },
    catchUp: null,
  };
}

const SILENT_REPORT: Report = {
  id: 0,
  boot: "b",
  sequence: 1,
  pledge: 0,
  incarnation: 1,
  state: "streaming",
  role: "standby",
  sealed: 0,
  position: null,
  timeline: 2,
  replayLsn: 0,
  lost: null,
  lostEpoch: 0,
  lostDetail: "",
  lostMs: 0,
  primary: null,
  following: null,
  needsClone: false,
  trouble: null,
  config: { version: 0, pendingRestart: [], fault: null },
};

/** What a primary tells that is open in an epoch, at 1000. */
export function primaryTells(
  id: MemberId,
  epoch: Epoch,
  open = true,
): Observation {
  return observed({
    ...SILENT_REPORT,
    id,
    state: "running",
    role: "primary",
    primary: {
      epoch,
      flushLsn: 1000,
      standbys: [],
      absent: [],
      open,
      hasCheckpoint: true,
      handover: 0,
      syncWaiters: 0,
    },
  });
}

/** What a standby tells that streams in an epoch. */
export function standbyTells(
  id: MemberId,
  epoch: Epoch,
  patch: Partial<Report> = {},
): Observation {
  return observed({
    ...SILENT_REPORT,
    id,
    replayLsn: 1000,
    following: {
      epoch,
      upstream: 1,
      streaming: true,
      silentMs: 0,
      refused: false,
    },
    ...patch,
  });
}

function observed(report: Report): Observation {
  return { agent: "alive", silentMs: 0, absentMs: 0, report, reportMs: 0 };
}

/** What is known, by member. */
export function seenOf(
  ...all: readonly (readonly [MemberId, Observation])[]
): Observations {
  return new Map(all);
}
