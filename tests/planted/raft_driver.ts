import type { PlantedBug } from "./patch.ts";

/** Mistakes about proposals, sessions and what is written. */
export const DRIVER_BUGS: readonly PlantedBug[] = [
  {
    name: "sessions_ignored",
    wrong: "A command that comes twice is applied twice.",
    standsFor: "duplicate on retry",
    edits: [
      {
        file: "raft/driver/applier.ts",
        old: `const result = admission.kind === "duplicate"`,
        new:
          `const result = admission.kind === "duplicate" && admission.result === null`,
      },
    ],
    seeds: 20,
  },
  {
    name: "acknowledged_duplicate_applied",
    wrong:
      "A late copy of a command whose result was acknowledged and forgotten is applied again.",
    standsFor: "duplicate on retry: the window does not protect",
    edits: [
      {
        file: "raft/driver/sessions.ts",
        old: "if (id.sequence < session.ackedBelow) {",
        new: "if (id.sequence < 0) {",
      },
    ],
    seeds: 200,
  },
  {
    name: "refusal_of_one_attempt_counts_for_all",
    wrong: "A refused attempt counts for an earlier one that may be in a log.",
    standsFor: "refused proposal told as certain",
    edits: [
      {
        file: "raft/driver/proposals.ts",
        old: "waiter.open &= ~(1 << attempt);",
        new: "waiter.open = 0;",
      },
    ],
    seeds: 400,
  },
  {
    name: "failed_sync_ignored",
    wrong: "A sync that failed is taken for done.",
    standsFor: 'fsync failure retried and "succeeds"',
    edits: [
      {
        file: "raft/driver/persister.ts",
        old: `    if (error) {
      ports.fail(error);
      return;
    }
    persister.queue.shift();`,
        new: "    persister.queue.shift();",
      },
    ],
    seeds: 20,
  },
  {
    name: "joined_batches_overlap",
    wrong: "Batches that share a write keep entries that a later one replaces.",
    standsFor: "overlapping appends in one write",
    edits: [
      {
        file: "raft/driver/persister.ts",
        old:
          `      entries.length = Math.min(entries.length, Math.max(0, from - start));
`,
        new: "",
      },
    ],
    seeds: 2200,
  },
  {
    name: "hard_state_lost_in_join",
    wrong:
      "Of batches that share a write the first one's hard state is written.",
    standsFor: "hard state and entries out of step",
    edits: [
      {
        file: "raft/driver/persister.ts",
        old: "hardState = batch.hardState ?? hardState;",
        new: "hardState = hardState ?? batch.hardState;",
      },
    ],
    seeds: 20,
  },
  {
    name: "compaction_keeps_term_wrong",
    wrong: "A compacted log forgets the term of its base.",
    standsFor: "snapshot and log boundary: prev entry compacted",
    edits: [
      {
        file: "raft/core/log.ts",
        old: `  log.baseTerm = entryAt(log, index).term;
`,
        new: "",
      },
    ],
    seeds: 20,
  },
];
