import { assert, assertEquals } from "@std/assert";
import { randomBelow, seededRandom } from "../../base/mod.ts";
import { MAX_HISTORY_CHANGES } from "./kv_history.ts";
import {
  createKvMachine,
  encodeKvOperation,
  type KvMachine,
  type KvOperation,
  type KvRange,
  type KvRevision,
  prefixRange,
} from "./mod.ts";

const EVERYTHING: KvRange = { key: "", rangeEnd: "\0" };

function apply(machine: KvMachine, operation: KvOperation): void {
  const data = encodeKvOperation(operation);
  const index = machine.getLastAppliedIndex() + 1;
  machine.applyOperation({ kind: "custom", data }, index);
}

function put(machine: KvMachine, key: string, value = ""): void {
  apply(machine, { type: "put", key, value, returnPrevious: false });
}

/** Follows a store from a revision until there is no more; null when it was told to begin anew. */
function follow(
  machine: KvMachine,
  from: number,
  range: KvRange = EVERYTHING,
): KvRevision[] | null {
  const seen: KvRevision[] = [];
  let after = from - 1;
  while (true) {
    const next = machine.changes({ ...range, after });
    if (next.type === "compacted") return null;
    seen.push(...next.revisions);
    if (next.through === after || next.through === machine.revision()) {
      return seen;
    }
    after = next.through;
  }
}

function shown(revisions: readonly KvRevision[] | null): unknown {
  return revisions?.map(({ revision, changes }) => [
    revision,
    ...changes.map(({ after, before }) =>
      `${after.key}=${after.version === 0 ? "-" : after.value}${
        before === null ? "" : ` was ${before.value}`
      }`
    ),
  ]);
}

Deno.test("changes() tells every revision once, whole and in order", () => {
  const machine = createKvMachine();
  put(machine, "a", "1");
  put(machine, "a", "2");
  apply(machine, {
    type: "transaction",
    comparisons: [],
    success: [
      { type: "put", key: "b", value: "3", returnPrevious: false },
      { type: "delete", key: "a", rangeEnd: "", returnPrevious: false },
    ],
    failure: [],
  });
  // Nothing there to delete: no revision.
  apply(machine, {
    type: "delete",
    key: "z",
    rangeEnd: "",
    returnPrevious: false,
  });
  apply(machine, {
    type: "compare_and_set",
    key: "b",
    expected: { type: "value", value: "3" },
    value: null,
  });
  const all = [
    [1, "a=1"],
    [2, "a=2 was 1"],
    [3, "b=3", "a=- was 2"],
    [4, "b=- was 3"],
  ];
  assertEquals(shown(follow(machine, 1)), all);
  assertEquals(shown(follow(machine, 3)), all.slice(2));
  assertEquals(shown(follow(machine, 5)), []);
  assertEquals(shown(follow(machine, 1, prefixRange("b"))), [
    [3, "b=3"],
    [4, "b=- was 3"],
  ]);
});

Deno.test("changes() after a revision that has not come yet are none, and it waits for that one", () => {
  const machine = createKvMachine();
  put(machine, "a");
  assertEquals(machine.changes({ ...EVERYTHING, after: 5 }), {
    type: "changes",
    revisions: [],
    through: 5,
  });
});

Deno.test("changes() says so when it has forgotten a revision, and never skips one", () => {
  const machine = createKvMachine();
  for (let n = 0; n < MAX_HISTORY_CHANGES; n++) put(machine, `k${n % 100}`);
  assertEquals(machine.oldestRevision(), 1);
  assertEquals(follow(machine, 1)?.length, MAX_HISTORY_CHANGES);
  put(machine, "a");
  assertEquals(machine.changes({ ...EVERYTHING, after: 0 }), {
    type: "compacted",
    oldest: 2,
  });
  assertEquals(follow(machine, 2)?.length, MAX_HISTORY_CHANGES);
});

Deno.test("a revision that is partly forgotten is wholly forgotten", () => {
  const machine = createKvMachine();
  for (let n = 0; n <= MAX_HISTORY_CHANGES; n++) put(machine, `k${n}`);
  const before = machine.revision();
  apply(machine, { type: "delete", ...EVERYTHING, returnPrevious: false });
  assertEquals(machine.oldestRevision(), before + 2);
  put(machine, "a");
  assertEquals(follow(machine, before + 1), null);
  assertEquals(follow(machine, before + 2)?.length, 1);
});

Deno.test("what is remembered is bounded in bytes", () => {
  const machine = createKvMachine();
  const value = "x".repeat(1024 * 1024);
  for (let n = 0; n < 40; n++) put(machine, "k", value);
  // Each change holds its value and the one before.
  assertEquals(machine.revision() - machine.oldestRevision() + 1, 15);
  assertEquals(follow(machine, machine.oldestRevision())?.length, 15);
});

Deno.test("one answer of changes() is bounded, and the next goes on behind it", () => {
  const machine = createKvMachine();
  for (let n = 0; n < 3000; n++) put(machine, "k");
  const first = machine.changes({ ...EVERYTHING, after: 0 });
  assert(first.type === "changes");
  const { length } = first.revisions;
  // So many of the least changes are 64 KiB.
  assertEquals([length, first.through], [509, 509]);
  const none = machine.changes({ ...prefixRange("z"), after: 0 });
  assertEquals(none, { type: "changes", revisions: [], through: 1024 });
});

Deno.test("a store that took in a snapshot has forgotten what came before it", () => {
  const origin = createKvMachine();
  for (let n = 0; n < 5; n++) put(origin, `k${n}`);
  const machine = createKvMachine();
  put(machine, "old");
  const restored = machine.restoreFromSnapshot(5);
  for (const piece of origin.createSnapshot(5)) restored.piece(piece);
  restored.done();
  assertEquals(follow(machine, 5), null);
  assertEquals(follow(machine, 6), []);
  put(machine, "new");
  assertEquals(shown(follow(machine, 6)), [[6, "new="]]);
});

Deno.test("a copy of a store's keys that follows its changes stays the same", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const random = seededRandom(seed);
    const machine = createKvMachine();
    const copy = new Map<string, string>();
    let after = 0;
    for (let step = 0; step < 3000; step++) {
      const key = `k${randomBelow(random, 30)}`;
      if (randomBelow(random, 4) > 0) put(machine, key, `${step}`);
      else {
        const rangeEnd = randomBelow(random, 10) === 0 ? key + "~" : "";
        const returnPrevious = false;
        apply(machine, { type: "delete", key, rangeEnd, returnPrevious });
      }
      if (randomBelow(random, 10) > 0) continue;
      const next = machine.changes({ ...EVERYTHING, after });
      assert(next.type === "changes");
      after = next.through;
      for (const { after } of next.revisions.flatMap((one) => one.changes)) {
        if (after.version === 0) copy.delete(after.key);
        else copy.set(after.key, after.value);
      }
      const { records } = machine.list(EVERYTHING);
      assertEquals(
        [...copy].sort(),
        records.map(({ key, value }) => [key, value]),
      );
    }
  }
});

Deno.test("listAt() shows what list() did at that revision", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const random = seededRandom(seed);
    const machine = createKvMachine();
    const past = new Map<number, string>();
    const range = { key: "k1", rangeEnd: "k3" };
    const shown = (revision: number | null, limit: number): string =>
      JSON.stringify(
        revision === null
          ? machine.list(range, { limit })
          : machine.listAt(range, revision, { limit }),
      );
    for (let step = 0; step < 400; step++) {
      const key = `k${randomBelow(random, 40)}`;
      if (randomBelow(random, 3) > 0) put(machine, key, `${step}`);
      else {
        const rangeEnd = randomBelow(random, 5) === 0 ? key + "~" : "";
        const returnPrevious = false;
        apply(machine, { type: "delete", key, rangeEnd, returnPrevious });
      }
      past.set(machine.revision(), shown(null, 3));
    }
    for (const [revision, listing] of past) {
      assertEquals(shown(revision, 3), listing);
    }
  }
  const machine = createKvMachine();
  for (let n = 0; n < 5; n++) put(machine, "a", `${n}`);
  apply(machine, { type: "compact", revision: 3 });
  assertEquals(machine.listAt(EVERYTHING, 2), null);
  assertEquals(machine.listAt(EVERYTHING, 3)?.records[0]?.value, "2");
});
