import type { PlantedBug } from "./patch.ts";

/** Mistakes about membership and the transfer of leadership. */
export const MEMBERSHIP_BUGS: readonly PlantedBug[] = [
  {
    name: "answers_to_a_former_self",
    wrong:
      "A member whose configuration is old answers the former directory of a leader that was wiped and added again.",
    standsFor: "stale configuration of a learner or follower that lags",
    edits: [
      {
        file: "raft/core/outbox.ts",
        old:
          `  if (to === core.leaderId && to !== core.id) return core.leaderIncarnation;
`,
        new: "",
      },
      {
        file: "raft/core/outbox.ts",
        old: "seal(core, asker.from, asker.fromIncarnation, term, body)",
        new:
          "seal(core, asker.from, incarnationOf(core, asker.from), term, body)",
      },
      {
        file: "raft/core/outbox.ts",
        old: "seal(core, asker.from, asker.fromIncarnation, core.term, body)",
        new:
          "seal(core, asker.from, incarnationOf(core, asker.from), core.term, body)",
      },
    ],
    seeds: 2500,
  },
  {
    name: "learners_counted",
    wrong: "Learners count among those that commit.",
    standsFor: "learners counted in the quorum",
    edits: [
      {
        file: "raft/core/commit.ts",
        old: `    if (member.role === "learner") continue;
`,
        new: "",
      },
    ],
    seeds: 20,
  },
  {
    name: "change_before_own_commit",
    wrong:
      "A leader changes the membership before it has committed an entry of its term.",
    standsFor:
      "two leaders with a change each over majorities that do not meet",
    edits: [
      {
        file: "raft/core/membership.ts",
        old: `  if (core.commit < leader.termStartIndex) return "not_ready";
`,
        new: "",
      },
    ],
    seeds: 20,
  },
  {
    name: "two_changes_at_once",
    wrong: "A change begins while another is under way.",
    standsFor: "dissertation §4.1: one change at a time",
    edits: [
      {
        file: "raft/core/membership.ts",
        old: `return configurationCommitted(core) ? null : "change_pending";`,
        new: `return core.commit < 0 ? "change_pending" : null;`,
      },
    ],
    seeds: 500,
  },
  {
    name: "configuration_not_rolled_back",
    wrong: "A configuration stays in force after its entry was truncated.",
    standsFor: "configuration rollback after a truncation",
    edits: [
      {
        file: "raft/core/entries.ts",
        old: `  truncateConfigurations(core.configurations, index);
`,
        new: "",
      },
    ],
    seeds: 100,
  },
  {
    name: "removed_leader_stays",
    wrong: "A leader that is no member any more goes on leading.",
    standsFor: "removed leader keeps leadership",
    edits: [
      {
        file: "raft/core/commit.ts",
        old: `  if (core.removedAt === 0) return;
`,
        new: `  if (core.removedAt >= 0) return;
`,
      },
    ],
    seeds: 50,
  },
  {
    name: "removal_never_heard",
    wrong:
      "A removed member does not learn of it and stands for election for ever.",
    standsFor: "removed server keeps electing",
    edits: [
      {
        file: "raft/core/election.ts",
        old: "if (isRemoved(core, request)) {",
        new: "if (core.id < 0 && isRemoved(core, request)) {",
      },
    ],
    seeds: 20,
  },
  {
    name: "transfer_never_ends",
    wrong: "A transfer whose target does not take over is never given up.",
    standsFor: "transfer hangs: proposals are refused for ever",
    edits: [
      {
        file: "raft/core/transfer.ts",
        old: "if (!transfer || core.nowMs < transfer.deadlineMs) return;",
        new: "if (!transfer || core.nowMs < Infinity) return;",
      },
    ],
    seeds: 50,
  },
  {
    name: "witness_leads_for_ever",
    wrong: "A witness that leads never hands over to a data member.",
    standsFor: "a witness leads only when nobody else can",
    edits: [
      {
        file: "raft/core/time.ts",
        old: `    yieldAsWitness(core, leader);
`,
        new: "",
      },
    ],
    seeds: 100,
  },
];
