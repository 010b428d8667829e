import {
  type ClusterState,
  type DataMember,
  type Epoch,
  grantOf,
  type MemberId,
} from "../../../pg/cluster/mod.ts";
import type { Observations, Report } from "../../../pg/policy/mod.ts";

/** Where a session is led. */
export interface Target {
  readonly member: MemberId;
  /** The reign that it belongs to; 0 for a session on a standby. */
  readonly epoch: Epoch;
  readonly host: string;
  readonly port: number;
}

/** Where new sessions may go, and which old ones may stay. */
export interface RouteTable {
  /** The reign whose sessions on its primary live; 0 for none: all of them end. */
  readonly epoch: Epoch;
  /** Where new read-write sessions go. */
  readonly primary: Target | null;
  /** Why they go nowhere, in words; empty while they go somewhere. */
  readonly why: string;
  /** Where new read-only sessions go, in turn. */
  readonly standbys: readonly Target[];
  /** Where they go while there is no standby for them. */
  readonly fallback: Target | null;
  /** Members whose sessions as standbys live. */
  readonly readers: readonly MemberId[];
}

/** The table before anything is known. */
export const EMPTY_TABLE: RouteTable = {
  epoch: 0,
  primary: null,
  why: "This node takes no part in its cluster yet",
  standbys: [],
  fallback: null,
  readers: [],
};

/** What the operator set. */
export interface RouteRules {
  /** A standby that is further behind takes no new sessions. */
  readonly maxLagBytes: number;
  /** Whether readers go to the primary while no standby qualifies. */
  readonly readOnlyFallback: boolean;
}

/**
 * Decides where sessions go, from the replicated state and what agents tell. The state alone says whose
 * sessions may live: an attempt on the next epoch ends them, in the moment in which this node applies it.
 * A report can only hold new ones back.
 *
 * @param state The replicated state.
 * @param seen What every member's agent told last.
 * @param rules What the operator set.
 * @returns The table.
 */
export function routesOf(
  state: ClusterState,
  seen: Observations,
  rules: RouteRules,
): RouteTable {
  const { phase, members } = state;
  const reigning = "epoch" in phase ? grantOf(state, phase.epoch) : null;
  // Who is granted an epoch ends its readers; whoever seals keeps them (FAILOVER R12, R19).
  const winner = phase.kind === "sealing" ? 0 : reigning?.winner.id ?? 0;
  const readers = [...members.keys()].filter((id) => id !== winner);
  const epoch = phase.kind === "open" ? phase.epoch : 0;
  const member = members.get(winner);
  if (epoch === 0 || !member) {
    return { ...EMPTY_TABLE, readers, why: whyClosed(state) };
  }
  const report = seen.get(winner)?.report ?? null;
  const isOpen = report?.primary?.epoch === epoch && report.primary.open;
  const primary = isOpen ? targetOf(member, epoch) : null;
  const flushLsn = report?.primary?.flushLsn ?? 0;
  const standbys = [...members.values()].filter((one) => {
    if (one.id === winner || isKeptFree(one)) return false;
    const about = seen.get(one.id);
    return about?.agent === "alive" && about.report !== null &&
      mayRead(about.report, epoch, flushLsn - rules.maxLagBytes);
  });
  return {
    epoch,
    primary,
    why: primary ? "" : `Node ${winner} has not opened yet`,
    standbys: standbys.map((one) => targetOf(one, 0)),
    fallback: rules.readOnlyFallback ? primary : null,
    readers,
  };
}

function whyClosed({ phase }: ClusterState): string {
  switch (phase.kind) {
    case "unformed":
    case "founding":
      return "The database is being made";
    case "sealing":
      return `The primary is lost or being changed; epoch ${phase.epoch} begins`;
    case "granted":
      return `Epoch ${phase.epoch} is about to open`;
    case "open":
      return "The primary is no member any more";
  }
}

/** Whether an operator wants no more readers there. */
function isKeptFree({ tags, maintenance, leaving }: DataMember): boolean {
  return tags.noloadbalance || maintenance || leaving;
}

function targetOf({ id, host, port }: DataMember, epoch: Epoch): Target {
  return { member: id, epoch, host, port };
}

function mayRead(
  { role, state, following, replayLsn }: Report,
  epoch: Epoch,
  leastLsn: number,
): boolean {
  return role === "standby" && state === "streaming" &&
    following?.epoch === epoch && following.streaming && replayLsn >= leastLsn;
}
