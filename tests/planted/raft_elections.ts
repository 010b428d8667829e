import type { PlantedBug } from "./patch.ts";

/** Mistakes about terms, votes and who may lead. */
export const ELECTION_BUGS: readonly PlantedBug[] = [
  {
    name: "vote_said_before_durable",
    wrong:
      "A vote is granted before it is durable, so that a crash forgets it and the voter votes twice.",
    standsFor:
      "paper §5.2: the vote belongs to the durable state; forgotten over a restart",
    edits: [
      {
        file: "raft/core/election.ts",
        old: "answerWhenDurable(core, request, {",
        new: "answer(core, request, core.term, {",
      },
    ],
    seeds: 20,
  },
  {
    name: "vote_forgotten_in_its_term",
    wrong:
      "A node that hears of its term's leader forgets whom it voted for in that term.",
    standsFor: "vote cleared when stepping down in the same term",
    edits: [
      {
        file: "raft/core/roles.ts",
        old: `    core.term = term;
    core.votedFor = 0;
  }`,
        new: `    core.term = term;
  }
  core.votedFor = 0;`,
      },
    ],
    seeds: 20,
  },
  {
    name: "vote_given_twice",
    wrong: "A voter grants every candidate of a term.",
    standsFor: "paper §5.2: one vote a term",
    edits: [
      {
        file: "raft/core/election.ts",
        old:
          "const free = core.votedFor === 0 || core.votedFor === request.from;",
        new: "const free = true;",
      },
    ],
    seeds: 100,
  },
  {
    name: "candidate_votes_for_itself_too_early",
    wrong:
      "A candidate asks for votes and counts its own before that is durable.",
    standsFor:
      "own vote counted before it is durable, with parallel disk writes",
    edits: [
      {
        file: "raft/core/election.ts",
        old: `if (kind === "vote") sendWhenDurable(core, voter, body);`,
        new: `if (kind === "vote") sendInTerm(core, voter, core.term, body);`,
      },
      {
        file: "raft/core/roles.ts",
        old: `core.transferElection = transfer;
  core.votes.clear();`,
        new: `core.transferElection = transfer;
  core.votes.clear();
  core.votes.set(core.id, true);`,
      },
    ],
    seeds: 20,
  },
  {
    name: "election_by_length_alone",
    wrong: "A vote goes to the longer log, whatever the term of its end.",
    standsFor: "paper §5.4.1: the term of the last entry comes first",
    edits: [
      {
        file: "raft/core/log.ts",
        old:
          "return term > ownTerm || (term === ownTerm && index >= lastIndex(log));",
        new: "return term >= 0 && ownTerm >= 0 && index >= lastIndex(log);",
      },
    ],
    seeds: 1000,
  },
  {
    name: "half_is_a_majority",
    wrong: "Half of an even number of voters decides.",
    standsFor: "quorum off by one in even groups",
    edits: [
      {
        file: "raft/core/quorum.ts",
        old: "return Math.floor(voters / 2) + 1;",
        new: "return Math.ceil(voters / 2);",
      },
    ],
    seeds: 20,
  },
  {
    name: "no_pre_vote",
    wrong:
      "An election begins without asking whether it could be won: whoever was cut off comes back with a high term.",
    standsFor: "dissertation §9.6: disruptive rejoin",
    edits: [
      {
        file: "raft/core/election.ts",
        old: `  askForVotes(core, "pre_vote");
  settlePreVotes(core);`,
        new: `  becomeCandidate(core, false);
  askForVotes(core, "vote");`,
      },
    ],
    seeds: 20,
  },
  {
    name: "no_check_quorum",
    wrong: "A leader that hears from nobody goes on leading.",
    standsFor: "dissertation §6.2: a stale leader never steps down",
    edits: [
      {
        file: "raft/core/time.ts",
        old: "return heardAtMs + core.options.electionTimeoutMs;",
        new: "return heardAtMs + Infinity;",
      },
    ],
    seeds: 20,
  },
  {
    name: "wiped_member_votes",
    wrong:
      "A member that lost its disk votes and acknowledges under its old name.",
    standsFor: "lost disk joins again under the same id",
    edits: [
      {
        file: "raft/core/step.ts",
        old: "  const { toIncarnation } = message;",
        new: `  if (message.to === core.id) return true;
  const { toIncarnation } = message;`,
      },
      {
        file: "raft/core/election.ts",
        old: "if (configurationOf(core).members.length === 0) return true;",
        new: "",
      },
    ],
    seeds: 50,
  },
  {
    name: "former_self_counted",
    wrong:
      "What a wiped member's former self acknowledged counts for its new, empty directory.",
    standsFor: "incarnation ignored: old match believed after a disk was lost",
    edits: [
      {
        file: "raft/core/step.ts",
        old: "return member?.incarnation === message.fromIncarnation;",
        new: "return member !== undefined;",
      },
    ],
    seeds: 2500,
  },
  {
    name: "stalled_disk_leads_on",
    wrong: "A leader whose disk hangs goes on leading.",
    standsFor: "leader with a stalled disk keeps leading",
    edits: [
      {
        file: "raft/core/state.ts",
        old:
          "core.nowMs - oldest.startedAtMs >= core.options.diskStallTimeoutMs;",
        new: "core.nowMs - oldest.startedAtMs >= 1e9;",
      },
    ],
    seeds: 50,
  },
];
