import { assert, assertEquals } from "@std/assert";
import { type Random, randomBelow, seededRandom } from "../base/mod.ts";
import {
  checkLinearizable,
  type CompletedOperation,
  createKvModel,
  createLogModel,
  type HistoryOperation,
  type KvInput,
  type KvOutput,
  type LogInput,
  type LogOutput,
  type SequentialModel,
} from "./mod.ts";

type KvOperation = HistoryOperation<KvInput, KvOutput>;
type LogOperation = HistoryOperation<LogInput, LogOutput>;

const DONE: KvOutput = { type: "done" };
const GET: KvInput = { type: "get", key: "k" };
const DELETE: KvInput = { type: "delete", key: "k" };

function put(value: string): KvInput {
  return { type: "put", key: "k", value };
}

function cas(expected: string | null, value: string): KvInput {
  return { type: "compare_and_set", key: "k", expected, value };
}

function is(value: string | null): KvOutput {
  return { type: "value", value };
}

function changed(changed: boolean): KvOutput {
  return { type: "changed", changed };
}

function append(value: string): LogInput {
  return { type: "append", value };
}

function read(position: number): LogInput {
  return { type: "read", position };
}

function at(position: number): LogOutput {
  return { type: "appended", position };
}

function entry(value: string | null): LogOutput {
  return { type: "entry", value };
}

/** An operation from `calledAt` to `returnedAt`, or one whose outcome nobody knows. */
function op<I, O>(
  calledAt: number,
  returnedAt: number | null,
  input: I,
  output?: O,
): HistoryOperation<I, O> {
  if (returnedAt === null || output === undefined) {
    return { type: "unknown", client: calledAt, input, calledAt };
  }
  return {
    type: "completed",
    client: calledAt,
    input,
    output,
    calledAt,
    returnedAt,
  };
}

const KV_CASES: [string, "linearizable" | "illegal", KvOperation[]][] = [
  ["nothing happened", "linearizable", []],
  ["a read of nothing", "linearizable", [op(1, 2, GET, is(null))]],
  ["a read sees a put that ran beside it", "linearizable", [
    op(1, 9, put("a"), DONE),
    op(2, 3, GET, is("a")),
    op(4, 5, GET, is("a")),
  ]],
  ["a read goes back behind another read", "illegal", [
    op(1, 9, put("a"), DONE),
    op(2, 3, GET, is("a")),
    op(4, 5, GET, is(null)),
  ]],
  ["a stale read", "illegal", [
    op(1, 2, put("a"), DONE),
    op(3, 4, put("b"), DONE),
    op(5, 6, GET, is("a")),
  ]],
  ["a put that touches a read in time may come later", "linearizable", [
    op(1, 2, put("a"), DONE),
    op(2, 3, GET, is(null)),
  ]],
  ["a lost update: two compare-and-sets of one value succeed", "illegal", [
    op(1, 2, put("0"), DONE),
    op(3, 8, cas("0", "1"), changed(true)),
    op(4, 7, cas("0", "2"), changed(true)),
  ]],
  ["an aborted read: of what nobody wrote", "illegal", [
    op(1, 2, put("a"), DONE),
    op(3, 4, GET, is("z")),
  ]],
  ["a compare-and-set that failed took effect", "illegal", [
    op(1, 2, put("a"), DONE),
    op(3, 4, cas("b", "c"), changed(false)),
    op(5, 6, GET, is("c")),
  ]],
  ["a put took effect twice", "illegal", [
    op(1, 2, put("a"), DONE),
    op(3, 4, put("b"), DONE),
    op(5, 6, GET, is("b")),
    op(7, 8, GET, is("a")),
  ]],
  ["an unknown put took effect late", "linearizable", [
    op(1, null, put("a")),
    op(2, 3, put("b"), DONE),
    op(4, 5, GET, is("b")),
    op(6, 7, GET, is("a")),
  ]],
  ["an unknown put never took effect", "linearizable", [
    op(1, null, put("a")),
    op(2, 3, GET, is(null)),
    op(4, 5, GET, is(null)),
  ]],
  ["an unknown put took effect twice", "illegal", [
    op(1, null, put("a")),
    op(2, 3, GET, is("a")),
    op(4, 5, put("b"), DONE),
    op(6, 7, GET, is("a")),
  ]],
  ["an unknown put took effect before its call", "illegal", [
    op(1, 2, GET, is("a")),
    op(3, null, put("a")),
  ]],
  ["two unknown operations build on each other", "linearizable", [
    op(1, null, put("a")),
    op(2, null, cas("a", "b")),
    op(3, 4, GET, is("b")),
  ]],
  [
    "which of two unknown operations took effect shows only later",
    "linearizable",
    [
      op(1, null, put("a")),
      op(2, null, cas(null, "a")),
      op(3, 4, GET, is("a")),
      op(5, 6, put("b"), DONE),
      op(7, 8, GET, is("a")),
    ],
  ],
  ["a write that changes nothing now is needed later", "linearizable", [
    op(1, 2, put("a"), DONE),
    op(3, 9, put("a"), DONE),
    op(4, 8, put("b"), DONE),
    op(5, 6, GET, is("b")),
    op(10, 11, GET, is("a")),
  ]],
  ["a delete that found something where nothing was", "illegal", [
    op(1, 2, put("a"), DONE),
    op(3, 4, DELETE, changed(true)),
    op(5, 6, DELETE, changed(true)),
  ]],
  ["keys do not disturb each other", "linearizable", [
    op(1, 2, { type: "put", key: "x", value: "a" }, DONE),
    op(3, 4, { type: "get", key: "y" }, is(null)),
  ]],
];

Deno.test("checkLinearizable() judges histories of a key-value store", () => {
  for (const [name, expected, history] of KV_CASES) {
    const verdict = checkLinearizable(createKvModel(history), history);
    assertEquals(verdict.type, expected, name);
  }
});

const LOG_CASES: [string, "linearizable" | "illegal", LogOperation[]][] = [
  ["appends and reads in turn", "linearizable", [
    op(1, 2, append("a"), at(1)),
    op(3, 4, append("b"), at(2)),
    op(5, 6, read(1), entry("a")),
    op(7, 8, read(2), entry("b")),
    op(9, 10, read(3), entry(null)),
  ]],
  ["two appends got one position", "illegal", [
    op(1, 5, append("a"), at(1)),
    op(2, 6, append("b"), at(1)),
  ]],
  ["an append was applied twice", "illegal", [
    op(1, 2, append("a"), at(1)),
    op(3, 4, read(2), entry("a")),
  ]],
  ["an unknown append was applied twice", "illegal", [
    op(1, null, append("a")),
    op(2, 3, append("b"), at(2)),
    op(4, 5, append("c"), at(4)),
  ]],
  [
    "unknown appends fill the gaps, in the order that a read tells",
    "linearizable",
    [
      op(1, null, append("a")),
      op(2, null, append("b")),
      op(3, 4, append("c"), at(2)),
      op(5, 6, append("d"), at(4)),
      op(7, 8, read(1), entry("b")),
    ],
  ],
  ["positions go against time", "illegal", [
    op(1, 2, append("a"), at(2)),
    op(3, 4, append("b"), at(1)),
  ]],
  ["an acknowledged entry is gone", "illegal", [
    op(1, 2, append("a"), at(1)),
    op(3, 4, read(1), entry(null)),
  ]],
  ["an entry changed", "illegal", [
    op(1, null, append("a")),
    op(2, null, append("b")),
    op(3, 4, read(1), entry("a")),
    op(5, 6, read(1), entry("b")),
  ]],
];

Deno.test("checkLinearizable() judges histories of a log", () => {
  for (const [name, expected, history] of LOG_CASES) {
    const verdict = checkLinearizable(createLogModel(history), history);
    assertEquals(verdict.type, expected, name);
  }
});

/** Tries every order: right by its simplicity, for a handful of operations. */
function hasOrder<S, I, O>(
  step: SequentialModel<S, I, O>["step"],
  state: S,
  rest: readonly HistoryOperation<I, O>[],
): boolean {
  const completed = rest.filter((it) => it.type === "completed");
  if (completed.length === 0) return true;
  const latest = Math.min(...completed.map((it) => it.returnedAt));
  return rest.some((operation) => {
    if (operation.calledAt > latest) return false;
    const { type, input } = operation;
    const output = type === "completed" ? operation.output : undefined;
    const next = step(state, input, output);
    const others = rest.filter((it) => it !== operation);
    return next !== null && hasOrder(step, next.state, others);
  });
}

/** A log as plain as can be, against the model's that knows the whole history. */
function stepPlainLog(
  state: readonly string[],
  input: LogInput,
  output: LogOutput | undefined,
): { readonly state: readonly string[] } | null {
  const right = input.type === "append"
    ? at(state.length + 1)
    : entry(state[input.position - 1] ?? null);
  if (output && JSON.stringify(output) !== JSON.stringify(right)) return null;
  return { state: input.type === "append" ? [...state, input.value] : state };
}

function stepPlainKv(
  state: string | null,
  input: KvInput,
  output: KvOutput | undefined,
): { readonly state: string | null } | null {
  const fits = (right: KvOutput): boolean =>
    output === undefined || JSON.stringify(output) === JSON.stringify(right);
  switch (input.type) {
    case "get":
      return fits(is(state)) ? { state } : null;
    case "put":
      return fits(DONE) ? { state: input.value } : null;
    case "delete":
      return fits(DONE) || fits(changed(state !== null))
        ? { state: null }
        : null;
    case "compare_and_set": {
      const equal = state === input.expected;
      if (!fits(changed(equal))) return null;
      return { state: equal ? input.value : state };
    }
  }
}

function pick<T>(random: Random, values: readonly T[]): T {
  const value = values[randomBelow(random, values.length)];
  assert(value !== undefined);
  return value;
}

/** Makes a few operations, with answers that may or may not fit together. */
function anyHistory<I, O>(
  random: Random,
  operations: readonly (readonly [I, O])[],
): HistoryOperation<I, O>[] {
  return Array.from({ length: 2 + randomBelow(random, 6) }, () => {
    const [input, output] = pick(random, operations);
    const calledAt = randomBelow(random, 12);
    const returnedAt = randomBelow(random, 5) === 0
      ? null
      : calledAt + randomBelow(random, 8);
    return op(calledAt, returnedAt, input, output);
  });
}

const KV_ANSWERS: (readonly [KvInput, KvOutput])[] = [
  ...["a", "b"].flatMap((value) => [[put(value), DONE] as const]),
  ...["a", "b", "a", "b", null].map((value) => [GET, is(value)] as const),
  [cas("a", "b"), changed(true)],
  [cas("b", "a"), changed(true)],
  [cas("a", "b"), changed(false)],
  [cas(null, "a"), changed(true)],
  [DELETE, DONE],
  [DELETE, changed(true)],
  [DELETE, changed(false)],
];

const LOG_ANSWERS: (readonly [LogInput, LogOutput])[] = [
  ...["a", "b", "c"].flatMap((value) => [
    [append(value), at(1)] as const,
    [append(value), at(2)] as const,
    [append(value), at(3)] as const,
    [read(1), entry(value)] as const,
  ]),
  [read(2), entry("a")],
  [read(2), entry(null)],
];

Deno.test("checkLinearizable() agrees with trying every order, on small histories", () => {
  const random = seededRandom(11);
  const found = { linearizable: 0, illegal: 0 };
  for (let round = 0; round < 6000; round++) {
    const history = anyHistory(random, KV_ANSWERS);
    const expected = hasOrder(stepPlainKv, null, history)
      ? "linearizable"
      : "illegal";
    const verdict = checkLinearizable(createKvModel(history), history);
    assertEquals(verdict.type, expected, JSON.stringify(history));
    found[expected] += 1;
  }
  for (let round = 0; round < 6000; round++) {
    const history = anyHistory(random, LOG_ANSWERS);
    const expected = hasOrder(stepPlainLog, [], history)
      ? "linearizable"
      : "illegal";
    const verdict = checkLinearizable(createLogModel(history), history);
    assertEquals(verdict.type, expected, JSON.stringify(history));
    found[expected] += 1;
  }
  assert(found.linearizable > 1000 && found.illegal > 1000);
});

/** How a made-up run of clients looks. */
interface RunOptions {
  readonly operations: number;
  readonly clients: number;
  /** One operation in so many has an unknown outcome. */
  readonly unknownEvery: number;
}

/** Lets clients call an object that is right, each operation taking effect at a random moment. */
function run<I, O>(
  random: Random,
  options: RunOptions,
  draw: (count: number) => I,
  carryOut: (input: I) => O,
): HistoryOperation<I, O>[] {
  const { operations, clients, unknownEvery } = options;
  const calls = Array.from({ length: operations }, (_, count) => {
    const isUnknown = randomBelow(random, unknownEvery) === 0;
    return { client: count % clients, count, isUnknown };
  });
  const freeAt = new Float64Array(clients);
  const timed = calls.map((call) => {
    const calledAt = (freeAt[call.client] ?? 0) + random.next();
    const slow = randomBelow(random, 50) === 0 ? 30 : 1;
    const effectAt = calledAt + random.next() * slow;
    const returnedAt = effectAt + random.next() * slow;
    freeAt[call.client] = returnedAt;
    return { ...call, calledAt, effectAt, returnedAt };
  });
  return timed
    .sort((a, b) => a.effectAt - b.effectAt)
    .map(({ client, count, isUnknown, calledAt, returnedAt }) => {
      const input = draw(count);
      const isLost = isUnknown && randomBelow(random, 2) === 0;
      if (isLost) return { type: "unknown", client, input, calledAt };
      const output = carryOut(input);
      if (isUnknown) return { type: "unknown", client, input, calledAt };
      return { type: "completed", client, input, output, calledAt, returnedAt };
    });
}

function kvRun(seed: number, keys: number, options: RunOptions): KvOperation[] {
  const random = seededRandom(seed);
  const values = new Map<string, string>();
  const draw = (count: number): KvInput => {
    const key = `k${randomBelow(random, keys)}`;
    const value = `v${count}`;
    const dice = randomBelow(random, 10);
    if (dice < 4) return { type: "get", key };
    if (dice < 8) return { type: "put", key, value };
    if (dice < 9) return { type: "delete", key };
    const expected = values.get(key) ?? null;
    return { type: "compare_and_set", key, expected, value };
  };
  return run(random, options, draw, (input): KvOutput => {
    const { key } = input;
    const before = values.get(key) ?? null;
    if (input.type === "get") return is(before);
    if (input.type === "delete") return changed(values.delete(key));
    if (input.type === "compare_and_set" && before !== input.expected) {
      return changed(false);
    }
    if (input.value !== null) values.set(key, input.value);
    return input.type === "put" ? DONE : changed(true);
  });
}

function logRun(seed: number, options: RunOptions): LogOperation[] {
  const random = seededRandom(seed);
  const values: string[] = [];
  const draw = (count: number): LogInput =>
    randomBelow(random, 2) === 0
      ? append(`v${count}`)
      : read(1 + randomBelow(random, values.length + 2));
  return run(random, options, draw, (input): LogOutput => {
    if (input.type === "read") return entry(values[input.position - 1] ?? null);
    values.push(input.value);
    return at(values.length);
  });
}

const LONG: RunOptions = { operations: 10_000, clients: 20, unknownEvery: 25 };

Deno.test("checkLinearizable() passes long histories of a right object", () => {
  for (const keys of [2, 10]) {
    const history = kvRun(keys, keys, LONG);
    const verdict = checkLinearizable(createKvModel(history), history);
    assertEquals(verdict.type, "linearizable");
  }
  const history = logRun(3, LONG);
  const verdict = checkLinearizable(createLogModel(history), history);
  assertEquals(verdict.type, "linearizable");
});

/** Makes one read of a history answer what was replaced long before it began. */
function withStaleRead(history: readonly KvOperation[]): {
  readonly history: KvOperation[];
  readonly stale: CompletedOperation<KvInput, KvOutput>;
} {
  const reads = history.filter((it) => it.type === "completed").filter((it) =>
    it.output.type === "value" && it.output.value !== null
  );
  const late = reads.at(-20);
  const old = reads.find((it) => it.input.key === late?.input.key);
  assert(late !== undefined && old !== undefined);
  const stale = { ...late, output: old.output };
  return { history: history.map((it) => it === late ? stale : it), stale };
}

Deno.test("checkLinearizable() finds one stale read in a long history and says where", () => {
  for (const keys of [3, 10]) {
    const { history, stale } = withStaleRead(kvRun(keys, keys, LONG));
    const verdict = checkLinearizable(createKvModel(history), history);
    assert(verdict.type === "illegal", `${keys} keys: ${verdict.type}`);
    assert(verdict.report.includes("one of these must come next"));
    assert(verdict.deadEnd?.stuck.includes(stale), verdict.report);
  }
});

Deno.test("checkLinearizable() finds one acknowledged append missing in a long history", () => {
  const history = logRun(4, LONG);
  const broken = history.map((it): LogOperation =>
    it.type === "completed" && it.output.type === "appended" &&
      it.output.position >= 2000
      ? { ...it, output: at(it.output.position + 1000) }
      : it
  );
  const verdict = checkLinearizable(createLogModel(broken), broken);
  assertEquals(verdict.type, "illegal");
});

Deno.test("checkLinearizable() says 'unknown' when the search is longer than its bound", () => {
  const history = kvRun(1, 2, { ...LONG, operations: 500 });
  const options = { maxConfigurations: 20 };
  const verdict = checkLinearizable(createKvModel(history), history, options);
  assertEquals(verdict, { type: "unknown", partitions: ["k0", "k1"] });
});

Deno.test("checkLinearizable() reports the shortest illegal beginning, readably", () => {
  const history: KvOperation[] = [
    op(1, 2, put("a"), DONE),
    op(3, 4, put("b"), DONE),
    op(5, 6, GET, is("a")),
    op(7, null, put("c")),
    op(8, 9, GET, is("z")),
  ];
  const verdict = checkLinearizable(createKvModel(history), history);
  assert(verdict.type === "illegal");
  assertEquals(
    verdict.report,
    `The history of "k" is not linearizable. In this order it can be explained:
  [1, 2] client 1: put(k, "a") -> done
  [3, 4] client 3: put(k, "b") -> done
Then the state is a value that nobody saw, and one of these must come next, but cannot:
  [5, 6] client 5: get(k) -> "a"`,
  );
});
