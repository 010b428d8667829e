import type { MemberStatus, RaftStatus } from "../../raft/mod.ts";
import type { Reading, ReadMetric, Registry } from "./registry.ts";

const ROLES: readonly RaftStatus["role"][] = [
  "follower",
  "pre_candidate",
  "candidate",
  "leader",
];

function gauge(
  name: string,
  help: string,
  read: ReadMetric<RaftStatus>["read"],
): ReadMetric<RaftStatus> {
  return { type: "gauge", name, help, read };
}

/** One series for each member of which the value is known. */
function perMember(
  { members }: RaftStatus,
  read: (member: MemberStatus) => number | null,
): Reading[] {
  return members.flatMap((member) => {
    const value = read(member);
    return value === null ? [] : [{ labels: { peer: `${member.id}` }, value }];
  });
}

const STATE: readonly ReadMetric<RaftStatus>[] = [
  gauge("pgraft_term", "Raft term", ({ term }) => term),
  gauge(
    "pgraft_role",
    "1 for the role in the Raft group",
    ({ role }) =>
      ROLES.map((one) => ({ labels: { role: one }, value: +(one === role) })),
  ),
  gauge(
    "pgraft_is_leader",
    "Whether this node is the Raft leader",
    ({ role }) => +(role === "leader"),
  ),
  gauge(
    "pgraft_leader_id",
    "The Raft leader that this node knows, 0 for none",
    ({ leaderId }) => leaderId,
  ),
  gauge(
    "pgraft_has_leader",
    "Whether this node knows a Raft leader",
    ({ leaderId }) => +(leaderId !== 0),
  ),
];

const LOG: readonly ReadMetric<RaftStatus>[] = [
  gauge(
    "pgraft_commit_index",
    "The last entry that this node knows to be committed",
    ({ commitIndex }) => commitIndex,
  ),
  gauge(
    "pgraft_applied_index",
    "The last entry that this node has applied",
    ({ appliedIndex }) => appliedIndex,
  ),
  gauge(
    "pgraft_last_index",
    "The last entry of the log",
    ({ lastIndex }) => lastIndex,
  ),
  gauge(
    "pgraft_durable_index",
    "The last entry that is on this node's disk",
    ({ durableIndex }) => durableIndex,
  ),
  gauge(
    "pgraft_first_index",
    "The first entry that the log still has",
    ({ firstIndex }) => firstIndex,
  ),
  gauge(
    "pgraft_snapshot_index",
    "The last entry in the newest snapshot, 0 without one",
    ({ snapshotIndex }) => snapshotIndex,
  ),
  gauge(
    "pgraft_log_size",
    "Entries in the log",
    ({ firstIndex, lastIndex }) => lastIndex - firstIndex + 1,
  ),
  gauge(
    "pgraft_log_size_bytes",
    "Size of the log's entries",
    ({ logSizeBytes }) => logSizeBytes,
  ),
  gauge(
    "pgraft_queued_writes",
    "Writes that wait for the disk",
    ({ queuedWrites }) => queuedWrites,
  ),
  gauge(
    "pgraft_proposals_pending",
    "Proposals of this node whose outcome is open",
    ({ pendingProposals }) => pendingProposals,
  ),
  gauge(
    "pgraft_reads_pending",
    "Linearizable reads of this node that wait",
    ({ pendingReads }) => pendingReads,
  ),
];

const MEMBERS: readonly ReadMetric<RaftStatus>[] = [
  gauge(
    "pgraft_members",
    "Members of the Raft group by role",
    ({ members }) =>
      (["voter", "witness", "learner"] as const).map((role) => ({
        labels: { role },
        value: members.filter((member) => member.role === role).length,
      })),
  ),
  gauge(
    "pgraft_member_match_index",
    "On the leader: the last entry known to be on the member's disk",
    (status) => perMember(status, ({ matchIndex }) => matchIndex),
  ),
  gauge(
    "pgraft_member_last_contact_seconds",
    "On the leader: time since the member last answered",
    (status) =>
      perMember(
        status,
        ({ lastContactMs }) =>
          lastContactMs === null ? null : lastContactMs / 1000,
      ),
  ),
  gauge(
    "pgraft_member_active",
    "On the leader: whether the member answered lately",
    (status) =>
      perMember(status, ({ active }) => active === null ? null : +active),
  ),
  gauge(
    "pgraft_member_gone",
    "Whether the member's process is gone, as this node's streams show",
    (status) => perMember(status, ({ gone }) => +gone),
  ),
];

/**
 * Defines what is read from a node's Raft status.
 *
 * @param registry Where.
 * @param status Returns the status; null before there is one.
 */
export function defineRaftMetrics(
  registry: Registry,
  status: () => RaftStatus | null,
): void {
  registry.read(status, [...STATE, ...LOG, ...MEMBERS]);
}
