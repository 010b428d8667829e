import { assert, assertEquals } from "@std/assert";
import {
  type CounterMachine,
  type CounterOperation,
  type CounterResult,
  createCounterMachine,
  decodeCounterResult,
  encodeCounterOperation,
} from "./mod.ts";

function apply(
  machine: CounterMachine,
  operation: CounterOperation,
): CounterResult {
  const data = encodeCounterOperation(operation);
  const index = machine.getLastAppliedIndex() + 1;
  return decodeCounterResult(
    machine.applyOperation({ kind: "custom", data }, index),
  );
}

Deno.test("createCounterMachine() counts, both ways, and refuses what it cannot hold", () => {
  const max = Number.MAX_SAFE_INTEGER;
  const cases: [CounterOperation, number | "out_of_range"][] = [
    [{ type: "get" }, 0],
    [{ type: "increment", by: 5 }, 5],
    [{ type: "increment", by: -7 }, -2],
    [{ type: "increment", by: max }, max - 2],
    [{ type: "increment", by: 3 }, "out_of_range"],
    [{ type: "get" }, max - 2],
  ];
  const machine = createCounterMachine();
  for (const [operation, expected] of cases) {
    const result = apply(machine, operation);
    const answer = result.type === "value" ? result.value : result.reason;
    assertEquals(answer, expected);
  }
  assertEquals(machine.value(), max - 2);
  assertEquals(machine.getLastAppliedIndex(), cases.length);
});

Deno.test("a counter refuses bytes that are no operation of it", () => {
  const half = encodeCounterOperation({ type: "increment", by: 0.5 });
  const cut = encodeCounterOperation({ type: "increment", by: 1 }).slice(0, 5);
  const cases = [new Uint8Array(), new Uint8Array([0, 0]), half, cut];
  for (const data of cases) {
    const machine = createCounterMachine();
    const result = machine.applyOperation({ kind: "custom", data }, 1);
    const answer = decodeCounterResult(result);
    assert(answer.type === "refused" && answer.reason === "malformed");
    assertEquals(machine.value(), 0);
  }
});

Deno.test("a counter's snapshot holds the value at its call", () => {
  const machine = createCounterMachine();
  apply(machine, { type: "increment", by: 41 });
  const digest = machine.digest();
  const pieces = machine.createSnapshot(1);
  apply(machine, { type: "increment", by: 1 });
  const copy = createCounterMachine();
  const restored = copy.restoreFromSnapshot(1);
  for (const piece of pieces) restored.piece(piece);
  assertEquals(copy.value(), 0);
  restored.done();
  assertEquals(copy.value(), 41);
  assertEquals(copy.digest(), digest);
  assertEquals(copy.getLastAppliedIndex(), 1);
  assert(machine.digest() !== digest);
});
