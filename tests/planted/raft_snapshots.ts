import type { PlantedBug } from "./patch.ts";

/** Mistakes about snapshots and compaction. */
export const SNAPSHOT_BUGS: readonly PlantedBug[] = [
  {
    name: "old_snapshot_installed",
    wrong:
      "A snapshot that comes late, older than what is committed, is installed.",
    standsFor: "stale snapshot rewinds the state",
    edits: [
      {
        file: "raft/core/snapshot_receive.ts",
        old: `  if (core.receiving?.stage === "installing") return;
  if (snapshot.index <= core.commit) {`,
        new: `  if (core.receiving?.stage === "installing") return;
  if (snapshot.index <= 0) {`,
      },
      {
        file: "raft/core/snapshot_receive.ts",
        old: `  receiving.stage = "idle";
  if (snapshot.index <= core.commit) {`,
        new: `  receiving.stage = "idle";
  if (snapshot.index <= 0) {`,
      },
    ],
    seeds: 1000,
  },
  {
    name: "snapshot_without_sessions",
    wrong:
      "A snapshot leaves the sessions out: whoever installs it decides otherwise about repeated commands.",
    standsFor: "sessions are part of the replicated state (dissertation §6.3)",
    edits: [
      {
        file: "raft/driver/snapshots.ts",
        old: "snapshotSessions(applier.sessions)",
        new: "snapshotSessions({ sessions: new Map() })",
      },
    ],
    seeds: 20,
  },
  {
    name: "compaction_beyond_snapshot",
    wrong:
      "The log is compacted up to the commit index instead of the snapshot.",
    standsFor: "log compacted beyond what a snapshot covers",
    edits: [
      {
        file: "raft/core/compaction.ts",
        old:
          "compactLog(core, Math.max(keepFrom, snapshot.index - maxTrailingEntries));",
        new:
          "compactLog(core, Math.max(core.commit, keepFrom, snapshot.index - maxTrailingEntries));",
      },
    ],
    seeds: 20,
  },
  {
    name: "snapshot_answer_misread",
    wrong: "An installed snapshot is credited as the leader's newest one.",
    standsFor: "stale snapshot response",
    edits: [
      {
        file: "raft/core/snapshot_send.ts",
        old: "acknowledge(progress, response.index);",
        new: "acknowledge(progress, core.snapshot?.index ?? response.index);",
      },
    ],
    seeds: 100,
  },
  {
    name: "conflicting_log_kept",
    wrong: "A log that contradicts an installed snapshot stays on disk.",
    standsFor: "snapshot races with append",
    edits: [
      {
        file: "raft/core/snapshot_receive.ts",
        old:
          "const keepLog = termAt(core.log, snapshot.index) === snapshot.term;",
        new: "const keepLog = termAt(core.log, snapshot.index) !== undefined;",
      },
    ],
    seeds: 20,
  },
  {
    name: "snapshots_mixed",
    wrong:
      "The pieces of two senders' snapshots of the same index are put together.",
    standsFor: "partially received snapshot used",
    edits: [
      {
        file: "raft/core/snapshot_receive.ts",
        old: `  return receiving !== null && receiving.from === chunk.from &&
    receiving.term === chunk.term &&
    receiving`,
        new: `  return receiving !== null &&
    receiving`,
      },
    ],
    seeds: 1000,
  },
  {
    name: "snapshot_piece_twice",
    wrong: "A piece that comes twice is written twice.",
    standsFor: "repeated snapshot chunk",
    edits: [
      {
        file: "raft/core/snapshot_receive.ts",
        old: "  if (offset !== receiving.offset) {",
        new: "  if (offset > receiving.offset) {",
      },
    ],
    seeds: 200,
  },
  {
    name: "applies_while_restoring",
    wrong:
      "Entries are applied while a snapshot is being put into the machine.",
    standsFor: "applied index not atomic with the state",
    edits: [
      {
        file: "raft/driver/applier.ts",
        old:
          "if (applier.restoring || applier.applied >= core.commit) return false;",
        new: "if (applier.applied >= core.commit) return false;",
      },
    ],
    seeds: 20,
  },
  {
    name: "installed_before_restored",
    wrong:
      "A snapshot counts as installed before the log behind it is reset on disk.",
    standsFor: "log released in the wrong order around an install",
    edits: [
      {
        file: "raft/driver/driver.ts",
        old: "    if (keepLog) return finish();",
        new: `    finish();
    if (keepLog) return;`,
      },
      {
        file: "raft/driver/driver.ts",
        old:
          `persister.queue.push({ kind: "reset", index, term, done: finish });`,
        new:
          `persister.queue.push({ kind: "reset", index, term, done: () => {} });`,
      },
    ],
    seeds: 20,
  },
];
