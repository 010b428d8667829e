import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { RaftError } from "../errors.ts";
import { createCounterMachine } from "../machines/mod.ts";
import type { RaftStateMachine } from "../ports.ts";
import { askMachine, beginMachineSnapshot } from "./machine.ts";

/** A machine whose snapshots are a generator, which copies nothing before it is asked to. */
function lazyMachine(state: number[]): RaftStateMachine {
  return {
    ...createCounterMachine(),
    *createSnapshot(): Iterable<Uint8Array> {
      const copy = [...state];
      for (const value of copy) yield new Uint8Array([value]);
    },
  };
}

Deno.test("beginMachineSnapshot() takes the state of its own moment from a generator", () => {
  const state = [1, 2];
  const pieces = beginMachineSnapshot(lazyMachine(state), 7);
  state[0] = 9;
  state.push(9);

  assertEquals(pieces.next().value, new Uint8Array([1]));
  assertEquals(pieces.next().value, new Uint8Array([2]));
  assertEquals(pieces.next().done, true);
});

Deno.test("beginMachineSnapshot() takes an empty snapshot", () => {
  const pieces = beginMachineSnapshot(lazyMachine([]), 7);
  assertEquals(pieces.next().done, true);
});

Deno.test("askMachine() says that the machine failed, and where", () => {
  const error = assertThrows(
    () =>
      askMachine("on entry 7", () => {
        throw new Error("division by zero");
      }),
    RaftError,
  );
  assertEquals(error.code, "apply_failed");
  assertStringIncludes(error.message, "on entry 7: division by zero");
});
