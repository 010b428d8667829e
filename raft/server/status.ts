import {
  type Configuration,
  describeConfiguration,
  type Incarnation,
  type Index,
  isActive,
  lastIndex,
  latestConfiguration,
  memberOf,
  type MemberRole,
  type NodeId,
  type Role,
  type Term,
} from "../core/mod.ts";
import type { Driver } from "../driver/mod.ts";

/** What is known of a member. */
export interface MemberStatus {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly address: string;
  readonly role: MemberRole;
  /** On the leader: the last entry known to be durable there; else null. */
  readonly matchIndex: Index | null;
  /** On the leader: how long ago it last answered; else null. */
  readonly lastContactMs: number | null;
  /** On the leader: whether it answered lately and its process is not gone; else null. */
  readonly active: boolean | null;
  /** Its process is gone, as far as this node's own streams show. */
  readonly gone: boolean;
}

/** A node's state at one moment. */
export interface RaftStatus {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly role: Role;
  readonly term: Term;
  /** 0 when no leader is known. */
  readonly leaderId: NodeId;
  readonly commitIndex: Index;
  readonly appliedIndex: Index;
  readonly lastIndex: Index;
  readonly durableIndex: Index;
  readonly firstIndex: Index;
  readonly snapshotIndex: Index;
  readonly logSizeBytes: number;
  readonly configuration: Configuration;
  readonly configurationIndex: Index;
  /** Above 0: a configuration committed there no longer has this node. */
  readonly removedAt: Index;
  readonly members: readonly MemberStatus[];
  /** Writes that wait for the disk. */
  readonly queuedWrites: number;
  readonly pendingProposals: number;
  readonly pendingReads: number;
  /** One line for people. */
  readonly summary: string;
}

/** The part of a node's state that says who leads. */
export type Leadership = Pick<
  RaftStatus,
  "role" | "term" | "leaderId" | "removedAt" | "configurationIndex"
>;

/** Says who leads. */
export function leadershipOf({ core }: Driver): Leadership {
  const { role, term, leaderId, removedAt } = core;
  const { index } = latestConfiguration(core.configurations);
  return { role, term, leaderId, removedAt, configurationIndex: index };
}

/** Describes a driver's state. */
export function statusOf(driver: Driver): RaftStatus {
  const { core, applier } = driver;
  const at = latestConfiguration(core.configurations);
  return {
    id: core.id,
    incarnation: core.incarnation,
    role: core.role,
    term: core.term,
    leaderId: core.leaderId,
    commitIndex: core.commit,
    appliedIndex: applier.applied,
    lastIndex: lastIndex(core.log),
    durableIndex: core.log.stableIndex,
    firstIndex: core.log.baseIndex + 1,
    snapshotIndex: core.snapshot?.index ?? 0,
    logSizeBytes: core.log.sizeBytes,
    configuration: at.configuration,
    configurationIndex: at.index,
    removedAt: core.removedAt,
    members: at.configuration.members.map(({ id }) => memberStatus(driver, id)),
    queuedWrites: driver.persister.queue.length,
    pendingProposals: driver.proposals.waiters.size,
    pendingReads: driver.reads.waiting,
    summary: `${core.role} in term ${core.term}, ` +
      `${core.leaderId === 0 ? "no leader" : `leader ${core.leaderId}`}, ` +
      `members ${describeConfiguration(at.configuration)}`,
  };
}

function memberStatus({ core }: Driver, id: NodeId): MemberStatus {
  const { configuration } = latestConfiguration(core.configurations);
  const member = memberOf(configuration, id);
  const progress = core.leader?.progress.get(id);
  const own = id === core.id && core.leader !== null;
  return {
    id,
    incarnation: member?.incarnation ?? 0,
    address: member?.address ?? "",
    role: member?.role ?? "learner",
    matchIndex: own ? core.log.stableIndex : progress?.match ?? null,
    lastContactMs: own
      ? 0
      : progress
      ? core.nowMs - progress.lastContactMs
      : null,
    active: own ? true : progress ? isActive(core, progress) : null,
    gone: core.gone.has(id),
  };
}
