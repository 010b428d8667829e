import {
  assertEquals,
  assertGreaterOrEqual,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { patchedFiles, PatchError, type PlantedBug } from "./patch.ts";
import { PG_BUGS } from "./pg.ts";
import { RAFT_BUGS } from "./raft.ts";
import { tryBug } from "./trial.ts";

const BUGS = [...RAFT_BUGS, ...PG_BUGS];
const ROOT = join(import.meta.dirname ?? ".", "../..");
/** One of each kind, caught by their first seeds; `deno task sim --planted` tries them all. */
const CHEAP = [
  "vote_said_before_durable",
  "leader_counts_unsynced",
  "read_before_own_commit",
  "snapshot_without_sessions",
  "sessions_ignored",
  "pg_unsealed_counted",
  "pg_lowest_wins",
];

function readFile(file: string): Promise<string> {
  return Deno.readTextFile(join(ROOT, file));
}

function bugNamed(name: string): PlantedBug {
  const bug = BUGS.find((each) => each.name === name);
  if (!bug) throw new Error(`No planted bug is called ${name}`);
  return bug;
}

Deno.test("every planted bug changes the tree as it is now", async () => {
  assertGreaterOrEqual(RAFT_BUGS.length, 25);
  assertGreaterOrEqual(PG_BUGS.length, 20);
  for (const bug of BUGS) {
    for (const [file, text] of await patchedFiles(bug, readFile)) {
      assertEquals(text === await readFile(file), false, bug.name);
    }
  }
});

Deno.test("every planted bug has a name of its own", () => {
  const names = BUGS.map(({ name }) => name);
  assertEquals(names, [...new Set(names)]);
});

Deno.test("patchedFiles() refuses a text that is not there exactly once", async () => {
  const edit = { file: "a.ts", old: "x", new: "y" };
  const bug = { ...bugNamed("sessions_ignored"), edits: [edit] };
  for (const source of ["", "x x"]) {
    await assertRejects(
      () => patchedFiles(bug, () => Promise.resolve(source)),
      PatchError,
      "no longer applies",
    );
  }
});

for (const name of CHEAP) {
  Deno.test(`the simulator catches ${name}`, async () => {
    const { seed, said } = await tryBug(ROOT, bugNamed(name));
    assertEquals(seed === null ? said : "caught", "caught");
  });
}

Deno.test("the simulator finds nothing where nothing is planted", async () => {
  const harmless = {
    ...bugNamed("sessions_ignored"),
    edits: [],
    seeds: 3,
  };
  const { seed, said } = await tryBug(ROOT, harmless);
  assertEquals(seed, null);
  assertStringIncludes(said, "3 runs, 0 failed");
});
