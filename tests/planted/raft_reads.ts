import type { PlantedBug } from "./patch.ts";

/** Mistakes about linearizable reads and leases. */
export const READ_BUGS: readonly PlantedBug[] = [
  {
    name: "read_before_own_commit",
    wrong:
      "A new leader answers reads before it has committed an entry of its own term.",
    standsFor: "dissertation §6.4: read index of a new leader",
    edits: [
      {
        file: "raft/core/reads.ts",
        old: `  if (leader.queuedReads.length === 0) return false;
  if (core.commit < leader.termStartIndex) return false;`,
        new: "  if (leader.queuedReads.length === 0) return false;",
      },
    ],
    seeds: 20,
  },
  {
    name: "read_round_reused",
    wrong:
      "All reads of a term share one round: answers from before a read confirm it.",
    standsFor: "read confirmed by an acknowledgement of an older round",
    edits: [
      {
        file: "raft/core/reads.ts",
        old: `  leader.round += 1;
`,
        new: "",
      },
    ],
    seeds: 50,
  },
  {
    name: "read_request_id_reused",
    wrong:
      "A restarted process numbers its reads anew, and takes the answer to its former self.",
    standsFor: "re-used read request id",
    edits: [
      {
        file: "raft/driver/driver.ts",
        old: "createReads(1 + randomBelow(ports.random, 0x7fffffff))",
        new: "createReads(1)",
      },
    ],
    seeds: 1000,
  },
  {
    name: "read_before_apply",
    wrong: "A read is answered before its index is applied.",
    standsFor: "read served before apply reached the read index",
    edits: [
      {
        file: "raft/driver/driver.ts",
        old: "answerReads(reads, applier.restoring ? 0 : applier.applied);",
        new: "answerReads(reads, Infinity);",
      },
    ],
    seeds: 20,
  },
  {
    name: "read_without_confirmation",
    wrong: "A leader answers reads without asking whether it still leads.",
    standsFor: "stale leader answers local reads",
    edits: [
      {
        file: "raft/core/reads.ts",
        old:
          "perVoter(core, leader, leader.round, (progress) => progress.ackedRound)",
        new: "perVoter(core, leader, leader.round, () => leader.round)",
      },
    ],
    seeds: 50,
  },
  {
    name: "learners_confirm_reads",
    wrong: "Learners count among those that confirm a leader.",
    standsFor: "read quorum counts wrong members",
    edits: [
      {
        file: "raft/core/reads.ts",
        old: `    if (member.role === "learner") continue;
`,
        new: "",
      },
    ],
    seeds: 200,
  },
  {
    name: "lease_survives_transfer",
    wrong:
      "A leader reads from its lease during and after a transfer, whose target disregards all promises.",
    standsFor: "lease read around leadership transfer",
    edits: [
      {
        file: "raft/core/reads.ts",
        old:
          `if (!configurationOf(core).leaseReads || leader.leaseRevoked) return false;
  if (leader.transfer || !configurationCommitted(core)) return false;`,
        new: `if (!configurationOf(core).leaseReads) return false;
  if (!configurationCommitted(core)) return false;`,
      },
    ],
    seeds: 50,
  },
  {
    name: "lease_survives_failed_transfer",
    wrong:
      "A leader trusts its lease again once a transfer timed out, though its order may still arrive.",
    standsFor: "lease read after a transfer: the order to stand is late",
    edits: [
      {
        file: "raft/core/reads.ts",
        old: " || leader.leaseRevoked) return false;",
        new: ") return false;",
      },
    ],
    seeds: 500,
  },
  {
    name: "early_grants_despite_leases",
    wrong:
      "A voter that was told that the leader is gone votes early although the leader may hold a lease.",
    standsFor: "lease with early grants",
    edits: [
      {
        file: "raft/core/election.ts",
        old: "leaderId !== 0 && !mayHaveLeases(core);",
        new: "leaderId !== 0;",
      },
      {
        file: "raft/core/election.ts",
        old: "if (mayHaveLeases(core) || !mayCampaign(core)) return;",
        new: "if (!mayCampaign(core)) return;",
      },
      {
        file: "raft/core/election.ts",
        old: "return mayHaveLeases(core) && core.nowMs < core.stickyUntilMs;",
        new:
          "return !core.fast && mayHaveLeases(core) && core.nowMs < core.stickyUntilMs;",
      },
    ],
    seeds: 1000,
  },
  {
    name: "restart_forgets_promise",
    wrong:
      "A voter that restarts votes at once, though a leader may still rely on its promise.",
    standsFor: "restart forgets the lease promise (dissertation §6.4.1)",
    edits: [
      {
        file: "raft/core/state.ts",
        old:
          "core.stickyUntilMs = start.nowMs + start.options.electionTimeoutMs;",
        new: "core.stickyUntilMs = start.nowMs;",
      },
    ],
    seeds: 200,
  },
  {
    name: "promise_not_kept",
    wrong: "A voter votes for others while it hears from its leader.",
    standsFor: "dissertation §4.2.3 and §6.4.1",
    edits: [
      {
        file: "raft/core/election.ts",
        old: "if (core.nowMs >= core.stickyUntilMs) return false;",
        new: "if (core.nowMs >= 0) return false;",
      },
    ],
    seeds: 2000,
  },
  {
    name: "lease_from_the_answer",
    wrong:
      "A lease is counted from when the answer arrived, not from when the question left.",
    standsFor: "lease start taken at the wrong end of the round trip",
    edits: [
      {
        file: "raft/core/heartbeat.ts",
        old: "Math.max(progress.leaseFromMs, response.sentAtMs)",
        new: "Math.max(progress.leaseFromMs, core.nowMs)",
      },
    ],
    seeds: 2000,
  },
  {
    name: "lease_outlasts_promise",
    wrong:
      "A leader reads from its lease, and leads, longer than clocks of other speeds allow.",
    standsFor: "clock drift on leases, with check-quorum as late",
    edits: [
      {
        file: "raft/core/limits.ts",
        old: "LEASE_DRIFT_RATIO = 0.1",
        new: "LEASE_DRIFT_RATIO = -0.08",
      },
      {
        file: "raft/core/time.ts",
        old: "return heardAtMs + core.options.electionTimeoutMs;",
        new: "return heardAtMs + core.options.electionTimeoutMs * 1.08;",
      },
    ],
    says: "reads at",
    seeds: 1000,
  },
  {
    name: "lease_before_own_commit",
    wrong: "A new leader with a lease answers from a commit index that lags.",
    standsFor: "dissertation §6.4: lease read of a new leader",
    edits: [
      {
        file: "raft/core/reads.ts",
        old: `  if (core.commit < leader.termStartIndex) return false;
  // A member`,
        new: "  // A member",
      },
    ],
    seeds: 50,
  },
];
