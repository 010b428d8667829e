import { assert, assertEquals } from "@std/assert";
import { randomBelow, seededRandom } from "../../base/mod.ts";
import {
  createLogMachine,
  decodeLogResult,
  encodeLogOperation,
  type LogEntry,
  type LogMachine,
  type LogMachineOptions,
} from "./mod.ts";

/** The same log, written as plainly as possible. */
interface Model {
  readonly entries: LogEntry[];
  last: number;
}

function append(machine: LogMachine, entry: Uint8Array): number {
  const data = encodeLogOperation({ type: "append", data: entry });
  const index = machine.getLastAppliedIndex() + 1;
  const result = machine.applyOperation({ kind: "custom", data }, index);
  const answer = decodeLogResult(result);
  assert(answer.type === "appended");
  return answer.position;
}

function modelAppend(
  model: Model,
  data: Uint8Array,
  { retainEntries = Infinity, retainBytes = Infinity }: LogMachineOptions,
): void {
  model.last += 1;
  model.entries.push({ position: model.last, data });
  while (
    model.entries.length > 1 &&
    (model.entries.length > retainEntries || bytesOf(model) > retainBytes)
  ) {
    model.entries.shift();
  }
}

function bytesOf(model: Model): number {
  return model.entries.reduce((sum, { data }) => sum + data.length, 0);
}

function everything(machine: LogMachine): LogEntry[] {
  return machine.readRange(1, { limit: 1e9, maxBytes: 1e9 });
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function throwsMessage(run: () => void): string {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : "not an error";
  }
  return "nothing was thrown";
}

Deno.test("createLogMachine() holds what a plain model holds, also in snapshots taken meanwhile", () => {
  const bounds: Required<LogMachineOptions>[] = [
    { retainEntries: 1, retainBytes: 1e9 },
    { retainEntries: 50, retainBytes: 1e9 },
    { retainEntries: 1e9, retainBytes: 0 },
    { retainEntries: 1e9, retainBytes: 300_000 },
    { retainEntries: 5000, retainBytes: 1e9 },
  ];
  bounds.forEach((options, seed) => {
    const random = seededRandom(seed);
    const machine = createLogMachine(options);
    const model: Model = { entries: [], last: 0 };
    function step(): void {
      const large = randomBelow(random, 200) === 0;
      const size = randomBelow(random, large ? 150_000 : 60);
      const entry = new Uint8Array(size).fill(randomBelow(random, 256));
      modelAppend(model, entry, options);
      assertEquals(append(machine, entry), model.last);
      assertEquals(machine.firstPosition(), model.entries[0]?.position);
    }
    for (let round = 0; round < 4; round++) {
      const index = machine.getLastAppliedIndex();
      const before = model.entries.slice();
      const digest = machine.digest();
      const pieces: Uint8Array[] = [];
      for (const piece of machine.createSnapshot(index)) {
        pieces.push(piece);
        for (let i = 0; i < 100; i++) step();
      }
      const copy = createLogMachine(options);
      const restored = copy.restoreFromSnapshot(index);
      for (const piece of pieces) restored.piece(piece);
      restored.done();
      assertEquals(everything(copy), before);
      assertEquals(copy.digest(), digest);
      assertEquals(copy.lastPosition(), before.at(-1)?.position ?? 0);
      assertEquals(copy.getLastAppliedIndex(), index);
      for (let i = 0; i < 1000; i++) step();
      assertEquals(everything(machine), model.entries);
      assertEquals(machine.sizeBytes(), bytesOf(model));
    }
  });
});

Deno.test("a restored log goes on exactly as its origin does", () => {
  const options = { retainEntries: 700, retainBytes: 100_000 };
  const machine = createLogMachine(options);
  for (let i = 0; i < 3000; i++) append(machine, text(`entry ${i}`));
  const copy = createLogMachine(options);
  const restored = copy.restoreFromSnapshot(3000);
  for (const piece of machine.createSnapshot(3000)) restored.piece(piece);
  restored.done();
  for (let i = 0; i < 1000; i++) {
    assertEquals(append(copy, text(`${i}`)), append(machine, text(`${i}`)));
  }
  assertEquals(copy.digest(), machine.digest());
  assertEquals(copy.firstPosition(), machine.firstPosition());
});

Deno.test("read() and readRange() give what is there, within their limits", () => {
  const machine = createLogMachine({ retainEntries: 3, retainBytes: 1e6 });
  assertEquals(machine.read(1), null);
  assertEquals(machine.readRange(1), []);
  assertEquals([machine.firstPosition(), machine.lastPosition()], [1, 0]);
  for (const word of ["one", "two", "three", "four"]) {
    append(machine, text(word));
  }
  assertEquals([machine.firstPosition(), machine.lastPosition()], [2, 4]);
  assertEquals([0, 1, 5, 1.5].map((at) => machine.read(at)), [
    null,
    null,
    null,
    null,
  ]);
  assertEquals(machine.read(4), text("four"));
  const positions = (entries: LogEntry[]): number[] =>
    entries.map(({ position }) => position);
  assertEquals(positions(machine.readRange(1)), [2, 3, 4]);
  assertEquals(positions(machine.readRange(3, { limit: 1 })), [3]);
  assertEquals(positions(machine.readRange(2, { maxBytes: 8 })), [2, 3]);
  assertEquals(positions(machine.readRange(3, { maxBytes: 1 })), [3]);
  assertEquals(positions(machine.readRange(5)), []);
});

Deno.test("a log refuses bytes that are no operation of it", () => {
  for (const data of [new Uint8Array(), new Uint8Array([7, 1])]) {
    const machine = createLogMachine();
    const result = machine.applyOperation({ kind: "custom", data }, 1);
    const answer = decodeLogResult(result);
    assert(answer.type === "refused" && answer.reason === "malformed");
    assertEquals(machine.lastPosition(), 0);
  }
});

Deno.test("restoreFromSnapshot() refuses damaged logs and leaves the log as it was", () => {
  const origin = createLogMachine();
  for (let i = 0; i < 5; i++) append(origin, new Uint8Array(40_000));
  const pieces = [...origin.createSnapshot(5)];
  const [header, first, second] = pieces;
  assert(header && first && second);
  const cases: [string, Uint8Array[], string][] = [
    ["nothing", [], "ends before"],
    ["the last piece is missing", pieces.slice(0, -1), "ends before"],
    ["no header", [first], "no place"],
    ["swapped pieces", [header, second, first], "out of order"],
    ["a cut piece", [header, first.slice(0, -1)], "damaged"],
    ["another format", [new Uint8Array([1, 9, 1, 0])], "header"],
  ];
  for (const [name, damaged, message] of cases) {
    const machine = createLogMachine();
    append(machine, text("old"));
    const restored = machine.restoreFromSnapshot(9);
    const thrown = throwsMessage(() => {
      for (const piece of damaged) restored.piece(piece);
      restored.done();
    });
    assert(thrown.includes(message), `${name}: ${thrown}`);
    assertEquals(machine.read(1), text("old"));
  }
});

Deno.test("createLogMachine() refuses bounds that make no sense", () => {
  for (const options of [{ retainEntries: 0 }, { retainBytes: -1 }]) {
    const thrown = throwsMessage(() => createLogMachine(options));
    assert(thrown.startsWith("Cannot keep"), thrown);
  }
});
