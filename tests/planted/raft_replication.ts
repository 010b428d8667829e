import type { PlantedBug } from "./patch.ts";

/** Mistakes about replicating and committing entries. */
export const REPLICATION_BUGS: readonly PlantedBug[] = [
  {
    name: "older_term_committed_by_counting",
    wrong:
      "A new leader commits entries of an older term as soon as a majority holds them.",
    standsFor: "paper §5.4.2, figure 8",
    edits: [
      {
        file: "raft/core/commit.ts",
        old:
          "if (index <= core.commit || termAt(core.log, index) !== core.term) return;",
        new:
          "if (index <= core.commit || termAt(core.log, index) === null) return;",
      },
    ],
    seeds: 20,
  },
  {
    name: "duplicate_append_truncates",
    wrong: "An append that comes late or twice cuts off what follows it.",
    standsFor:
      "paper §5.3: only a conflict deletes; truncation on a duplicate append",
    edits: [
      {
        file: "raft/core/append.ts",
        old: `  return prevIndex + entries.length;
`,
        new: `  const end = prevIndex + entries.length;
  const cuts = entries.length > 0 && end >= core.commit;
  if (cuts && lastIndex(log) > end) truncateFrom(core, end + 1);
  return end;
`,
      },
    ],
    seeds: 20,
  },
  {
    name: "commit_beyond_verified",
    wrong:
      "A follower commits up to the leader's commit index, also entries that no append has verified.",
    standsFor: "paper figure 2, rule 5 of AppendEntries",
    edits: [
      {
        file: "raft/core/append.ts",
        old: "Math.min(request.commit, matched)",
        new: "Math.min(request.commit, lastIndex(log))",
      },
    ],
    seeds: 2000,
  },
  {
    name: "heartbeat_commits_unmatched",
    wrong:
      "A heartbeat carries the leader's commit index, not what the follower is known to hold.",
    standsFor: "heartbeat commits more than matched",
    edits: [
      {
        file: "raft/core/heartbeat.ts",
        old: "const commit = Math.min(core.commit, progress.match);",
        new: "const commit = core.commit;",
      },
    ],
    seeds: 50,
  },
  {
    name: "stale_write_counts",
    wrong:
      "A write that was answered late makes entries durable that were truncated and written anew.",
    standsFor: "ABA of a storage acknowledgement after truncation",
    edits: [
      {
        file: "raft/core/entries.ts",
        old: "persist.lastIndex = Math.min(persist.lastIndex, index - 1);",
        new: "persist.lastIndex = Math.max(persist.lastIndex, 0);",
      },
    ],
    seeds: 50,
  },
  {
    name: "leader_counts_unsynced",
    wrong: "A leader counts its own entries before they are synced.",
    standsFor: "parallel disk write whose own match moves at send time",
    edits: [
      {
        file: "raft/core/commit.ts",
        old: "? core.log.stableIndex",
        new: "? core.log.savedIndex",
      },
    ],
    seeds: 20,
  },
  {
    name: "single_voter_commits_unsynced",
    wrong: "A group of one commits what it has not synced.",
    standsFor: "single node applies before its own sync",
    edits: [
      {
        file: "raft/core/commit.ts",
        old: "? core.log.stableIndex",
        new:
          "? (votersOfOne(core) ? core.log.savedIndex : core.log.stableIndex)",
      },
      {
        file: "raft/core/commit.ts",
        old: "/** Whether the configuration in force is committed. */",
        new:
          `const votersOfOne = (core: Core): boolean => configurationOf(core).members.length === 1;

/** Whether the configuration in force is committed. */`,
      },
    ],
    seeds: 20,
  },
  {
    name: "acknowledged_before_durable",
    wrong: "A follower acknowledges entries that it has not synced.",
    standsFor: "ack before durable",
    edits: [
      {
        file: "raft/core/append.ts",
        old: "  answerWhenDurable(core, request, {",
        new: "  answer(core, request, core.term, {",
      },
    ],
    seeds: 20,
  },
  {
    name: "stuck_follower_not_poked",
    wrong: "A follower whose acknowledgement was lost is never asked again.",
    standsFor: "paused follower never resumes",
    edits: [
      {
        file: "raft/core/heartbeat.ts",
        old: `  pokeIfStuck(core, progress);
`,
        new: "",
      },
      {
        file: "raft/core/heartbeat.ts",
        old: `import { pokeIfStuck } from "./replication.ts";
`,
        new: "",
      },
    ],
    seeds: 20,
  },
  {
    name: "uncommitted_bytes_leak",
    wrong: "What an entry costs is not given back whole when it commits.",
    standsFor: "byte accounting leaks: in the end every proposal is refused",
    edits: [
      {
        file: "raft/core/entries.ts",
        old: "core.leader.uncommittedBytes -= sizeOf(entryAt(core.log, at));",
        new:
          "core.leader.uncommittedBytes -= entryAt(core.log, at).data.length;",
      },
    ],
    seeds: 20,
  },
  {
    name: "commit_index_not_repeated",
    wrong: "A follower that missed the news of a commit is not told again.",
    standsFor: "commit index not re-sent",
    edits: [
      {
        file: "raft/core/heartbeat.ts",
        old: `      commit,
      round: leader.round,`,
        new: `      commit: 0,
      round: leader.round,`,
      },
    ],
    seeds: 300,
  },
  {
    name: "rejected_append_repeated",
    wrong: "A leader whose append did not match tries the same place again.",
    standsFor: "paper §5.3: nextIndex is not decremented",
    edits: [
      {
        file: "raft/core/progress.ts",
        old: "Math.min(rejected, hint + 1)",
        new: "rejected + 1",
      },
    ],
    seeds: 20,
  },
];
