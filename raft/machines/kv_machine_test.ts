import { assert, assertEquals } from "@std/assert";
import { randomBelow, seededRandom } from "../../base/mod.ts";
import {
  inRange,
  type Model,
  modelApply,
  randomKey,
  randomOperation,
  sorted,
} from "./kv_model_test_kit.ts";
import {
  createKvMachine,
  decodeKvResult,
  encodeKvOperation,
  type KvCompareAndSet,
  type KvComparison,
  type KvMachine,
  type KvOperation,
  type KvPut,
  type KvRange,
  type KvRecord,
  type KvResult,
  type KvStep,
  type KvTransaction,
  prefixRange,
} from "./mod.ts";

function apply(machine: KvMachine, operation: KvOperation): KvResult {
  const data = encodeKvOperation(operation);
  const index = machine.getLastAppliedIndex() + 1;
  return decodeKvResult(
    machine.applyOperation({ kind: "custom", data }, index),
  );
}

function put(machine: KvMachine, key: string, value: string): KvResult {
  return apply(machine, { type: "put", key, value, returnPrevious: false });
}

const EVERYTHING: KvRange = { key: "", rangeEnd: "\0" };

function everything(machine: KvMachine): readonly KvRecord[] {
  return machine.list(EVERYTHING, { limit: 1e9 }).records;
}

function restore(pieces: Iterable<Uint8Array>, index: number): KvMachine {
  const machine = createKvMachine();
  const restored = machine.restoreFromSnapshot(index);
  for (const piece of pieces) restored.piece(piece);
  restored.done();
  return machine;
}

function throwsMessage(run: () => void): string {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : "not an error";
  }
  return "nothing was thrown";
}

Deno.test("createKvMachine() answers and holds what a plain model does", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const machine = createKvMachine();
    const model: Model = { records: new Map(), revision: 0 };
    const keys = seed % 2 === 0 ? 20 : 3000;
    for (let step = 0; step < 2000; step++) {
      const operation = randomOperation(random, keys, model);
      assertEquals(apply(machine, operation), modelApply(model, operation));
    }
    assertEquals(machine.revision(), model.revision);
    assertEquals(machine.size(), model.records.size);
    assertEquals(everything(machine), sorted(model));
    for (let probe = 0; probe < 50; probe++) {
      const range = {
        key: randomKey(random, keys),
        rangeEnd: randomKey(random, keys),
      };
      const inside = sorted(model).filter(({ key }) => inRange(key, range));
      assertEquals(machine.list(range, { limit: 3 }), {
        records: inside.slice(0, 3),
        count: inside.length,
        more: inside.length > 3,
      });
      assertEquals(
        machine.get(range.key),
        model.records.get(range.key) ?? null,
      );
    }
  }
});

Deno.test("createSnapshot() shows the state at its call, whatever is applied between pieces", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const machine = createKvMachine();
    const model: Model = { records: new Map(), revision: 0 };
    const keys = seed % 4 === 0 ? 6000 : 300;
    const valueBytes = seed % 4 === 0 ? 1 : 3000;
    const step = (): void => {
      const operation = randomOperation(random, keys, model);
      const value = "x".repeat(randomBelow(random, valueBytes));
      const longer = operation.type === "put"
        ? { ...operation, value }
        : operation;
      assertEquals(apply(machine, longer), modelApply(model, longer));
    };
    for (let i = 0; i < 2 * keys; i++) step();
    for (let round = 0; round < 2; round++) {
      const index = machine.getLastAppliedIndex();
      const before = sorted(model);
      const { revision } = model;
      const digest = machine.digest();
      const pieces: Uint8Array[] = [];
      const snapshot = machine.createSnapshot(index);
      step();
      for (const piece of snapshot) {
        pieces.push(piece);
        for (let i = randomBelow(random, keys / 4); i > 0; i--) step();
      }
      const copy = restore(pieces, index);
      assertEquals(everything(copy), before);
      assertEquals(copy.revision(), revision);
      assertEquals(copy.digest(), digest);
      assertEquals(copy.getLastAppliedIndex(), index);
    }
    assertEquals(everything(machine), sorted(model));
  }
});

Deno.test("a restored store goes on exactly as its origin does", () => {
  const random = seededRandom(5);
  const machine = createKvMachine();
  const model: Model = { records: new Map(), revision: 0 };
  for (let i = 0; i < 500; i++) {
    apply(machine, randomOperation(random, 50, model));
  }
  const copy = restore(machine.createSnapshot(500), 500);
  assertEquals(copy.sizeBytes(), machine.sizeBytes());
  for (let i = 0; i < 500; i++) {
    const operation = randomOperation(random, 50, model);
    assertEquals(apply(copy, operation), apply(machine, operation));
    assertEquals(copy.digest(), machine.digest());
    assertEquals(copy.sizeBytes(), machine.sizeBytes());
  }
});

Deno.test("createSnapshot() refuses a second one until the first has ended or was abandoned", () => {
  const machine = createKvMachine();
  put(machine, "a", "1");
  const begin = (): Iterator<Uint8Array> =>
    machine.createSnapshot(1)[Symbol.iterator]();
  const untouched = begin();
  assert(throwsMessage(begin).includes("second snapshot"));
  untouched.return?.();
  const begun = begin();
  begun.next();
  assert(throwsMessage(begin).includes("second snapshot"));
  begun.return?.();
  assertEquals(begun.next().done, true);
  assertEquals([...machine.createSnapshot(1)].length, 2);
  assertEquals([...machine.createSnapshot(1)].length, 2);
});

Deno.test("a snapshot stays what it was when another one is restored meanwhile", () => {
  const machine = createKvMachine();
  put(machine, "a", "1");
  const other = createKvMachine();
  put(other, "b", "2");
  const pieces = machine.createSnapshot(1);
  const restored = machine.restoreFromSnapshot(7);
  for (const piece of other.createSnapshot(1)) restored.piece(piece);
  assertEquals(machine.get("a")?.value, "1");
  restored.done();
  assertEquals(machine.getLastAppliedIndex(), 7);
  assertEquals(everything(machine).map(({ key }) => key), ["b"]);
  put(machine, "c", "3");
  const old = everything(restore(pieces, 1)).map(({ key }) => key);
  assertEquals(old, ["a"]);
});

Deno.test("restoreFromSnapshot() refuses damaged snapshots and leaves the state as it was", () => {
  const origin = createKvMachine();
  for (let i = 0; i < 100; i++) put(origin, `key${i}`, "x".repeat(1000));
  const pieces = [...origin.createSnapshot(100)];
  const [header, first, second] = pieces;
  assert(header && first && second);
  const cases: [string, Uint8Array[], string][] = [
    ["nothing", [], "-1 keys"],
    ["the last piece is missing", pieces.slice(0, -1), "of 100 keys"],
    ["no header", [first], "no place"],
    ["a second header", [header, header], "no place"],
    ["a piece twice", [header, first, first], "out of order"],
    ["swapped pieces", [header, second, first], "out of order"],
    ["a cut piece", [header, first.slice(0, -1)], "damaged"],
    ["another format", [new Uint8Array([1, 9, 0, 0, 0, 0])], "header"],
  ];
  for (const [name, damaged, message] of cases) {
    const machine = createKvMachine();
    put(machine, "old", "1");
    const restored = machine.restoreFromSnapshot(9);
    const thrown = throwsMessage(() => {
      for (const piece of damaged) restored.piece(piece);
      restored.done();
    });
    assert(thrown.includes(message), `${name}: ${thrown}`);
    assertEquals(machine.get("old")?.value, "1");
    assertEquals(machine.getLastAppliedIndex(), 1);
  }
});

Deno.test("applyOperation() answers nonsense with a refusal and changes nothing", () => {
  const put1 = encodeKvOperation({
    type: "put",
    key: "a",
    value: "1",
    returnPrevious: false,
  });
  const cases: [string, Uint8Array][] = [
    ["no bytes", new Uint8Array()],
    ["an unknown operation", new Uint8Array([99, 0, 1, 97, 0])],
    ["unknown flags", new Uint8Array([1, 128, 1, 97, 0])],
    ["a cut operation", put1.slice(0, -1)],
    ["something behind it", new Uint8Array([...put1, 0])],
    ["a length beyond the end", new Uint8Array([1, 0, 200, 1, 97])],
    ["an endless number", new Uint8Array([1, 0, ...Array(12).fill(0xff)])],
  ];
  const machine = createKvMachine();
  const digest = machine.digest();
  cases.forEach(([name, data], i) => {
    const index = i + 1;
    const result = machine.applyOperation({ kind: "custom", data }, index);
    const decoded = decodeKvResult(result);
    assert(decoded.type === "refused", name);
    assertEquals(decoded.reason, "malformed", name);
    assertEquals(machine.getLastAppliedIndex(), index);
  });
  assertEquals(machine.digest(), digest);
  const empty = put(machine, "", "1");
  assert(empty.type === "refused" && empty.reason === "invalid");
});

Deno.test("applyOperation() refuses what would enlarge a full store, and nothing else", () => {
  const machine = createKvMachine({ maxSizeBytes: 2 * 128 + 10 });
  assertEquals(put(machine, "a", "1234").type, "put");
  assertEquals(put(machine, "b", "1234").type, "put");
  const more = put(machine, "c", "");
  assert(more.type === "refused" && more.reason === "full");
  assertEquals(put(machine, "a", "12345").type, "refused");
  assertEquals(put(machine, "a", "4321").type, "put");
  const expected = { type: "mod_revision", modRevision: 0 } as const;
  const created = apply(machine, {
    type: "compare_and_set",
    key: "c",
    expected,
    value: "1",
  });
  assertEquals(created.type, "refused");
  apply(machine, { type: "delete", ...EVERYTHING, returnPrevious: false });
  assertEquals(machine.sizeBytes(), 0);
  assertEquals(put(machine, "c", "1").type, "put");
});

Deno.test("a delete returns about a mebibyte of records at most", () => {
  const machine = createKvMachine();
  for (let i = 0; i < 30; i++) put(machine, `k${i + 10}`, "x".repeat(100_000));
  const result = apply(machine, {
    type: "delete",
    ...EVERYTHING,
    returnPrevious: true,
  });
  assert(result.type === "delete");
  assertEquals(result.deleted, 30);
  assertEquals(result.previous.length, 11);
  assertEquals(result.previous[0]?.key, "k10");
});

Deno.test("prefixRange() covers exactly the keys that begin so", () => {
  const cases: [string, string][] = [
    ["app/", "app0"],
    ["a\xff", "b"],
    ["a\xff\xff", "b"],
    ["\xff", "\0"],
    ["", "\0"],
  ];
  for (const [prefix, rangeEnd] of cases) {
    assertEquals(prefixRange(prefix), { key: prefix, rangeEnd });
  }
});

function transaction(
  machine: KvMachine,
  success: readonly KvStep[],
  comparisons: readonly KvComparison[] = [],
): KvResult {
  return apply(machine, {
    type: "transaction",
    comparisons,
    success,
    failure: [],
  });
}

const SET = { type: "put", value: "1", returnPrevious: false } as const;
const DROP = { type: "delete", returnPrevious: false } as const;

const FAULTS: readonly (readonly [string, readonly KvStep[], RegExp])[] = [
  [
    "the same key set twice",
    [{ ...SET, key: "a" }, { ...SET, key: "a" }],
    /duplicate key/,
  ],
  [
    "a key set and deleted",
    [{ ...SET, key: "b" }, { ...DROP, key: "a", rangeEnd: "c" }],
    /duplicate key/,
  ],
  ["no key", [{ ...SET, key: "" }], /key is not provided/],
  [
    "too many steps",
    Array.from({ length: 129 }, (_, n) => ({ ...SET, key: `k${n}` })),
    /too many operations/,
  ],
  ["more than fits", [{ ...SET, key: "x", value: "y".repeat(2000) }], /full/],
];

for (const [what, steps, message] of FAULTS) {
  Deno.test(`a transaction with ${what} is refused and changes nothing`, () => {
    const machine = createKvMachine({ maxSizeBytes: 2000 });
    put(machine, "a", "1");
    const digest = machine.digest();
    const result = transaction(machine, steps);
    assert(result.type === "refused");
    assert(message.test(result.message), result.message);
    assertEquals(machine.digest(), digest);
  });
}

Deno.test("a transaction compares a bounded number of keys", () => {
  const machine = createKvMachine();
  for (let n = 0; n < 5001; n++) put(machine, `k${n}`, "");
  const all: KvComparison = {
    ...EVERYTHING,
    relation: "greater",
    operand: { type: "version", number: 0 },
  };
  assertEquals(transaction(machine, [], [all]).type, "transaction");
  const twice = transaction(machine, [], [all, all]);
  assert(twice.type === "refused" && twice.reason === "invalid");
});

Deno.test("all changes of a transaction have one revision", () => {
  const machine = createKvMachine();
  put(machine, "a", "1");
  transaction(machine, [
    { ...DROP, key: "a", rangeEnd: "" },
    { ...SET, key: "b" },
    { ...SET, key: "c" },
  ]);
  assertEquals(machine.revision(), 2);
  assertEquals(
    everything(machine).map(({ key, modRevision }) => [key, modRevision]),
    [["b", 2], ["c", 2]],
  );
});

Deno.test("a record says when it was made and when it was last set, whatever set it, and a snapshot keeps that", () => {
  const machine = createKvMachine();
  let atMs = 1_800_000_000_000;
  const timesAfter = (
    operation: KvPut | KvCompareAndSet | KvTransaction,
  ): (number | undefined)[] => {
    atMs += 1000;
    apply(machine, { ...operation, atMs });
    const record = machine.get("a");
    return [record?.createdAtMs, record?.updatedAtMs];
  };
  const set = { ...SET, key: "a" };
  const expected = { type: "mod_revision", modRevision: 2 } as const;
  const none = { comparisons: [], failure: [] };
  const made = atMs + 1000;
  assertEquals(timesAfter(set), [made, made]);
  assertEquals(timesAfter(set), [made, made + 1000]);
  assertEquals(
    timesAfter({ type: "compare_and_set", key: "a", expected, value: "2" }),
    [made, made + 2000],
  );
  assertEquals(
    timesAfter({ type: "transaction", success: [set], ...none }),
    [made, made + 3000],
  );
  const copy = createKvMachine();
  const index = machine.getLastAppliedIndex();
  const restore = copy.restoreFromSnapshot(index);
  for (const piece of machine.createSnapshot(index)) restore.piece(piece);
  restore.done();
  assertEquals(copy.get("a"), machine.get("a"));
  assertEquals(copy.digest(), machine.digest());
  apply(machine, { ...DROP, key: "a", rangeEnd: "" });
  assertEquals(timesAfter(set), [made + 4000, made + 4000]);
});
