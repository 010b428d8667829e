import { messageOf } from "../../base/mod.ts";
import { RaftError } from "../errors.ts";
import type { Index } from "../core/mod.ts";
import type { RaftStateMachine } from "../ports.ts";

/**
 * Lets the state machine do something; what it throws is told from what the store throws.
 *
 * @param what What it does, for the error: "on entry 7".
 * @param run Calls the machine.
 */
export function askMachine<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const message = `The state machine failed ${what}: ${messageOf(cause)}; ` +
      "mend the machine and start the node again";
    throw new RaftError("apply_failed", message, { cause });
  }
}

/**
 * Begins a snapshot of a machine. The first piece is taken at once: a machine that is written as a
 * generator looks at its state only then, and more will be applied before the second.
 */
export function beginMachineSnapshot(
  machine: RaftStateMachine,
  index: Index,
): Iterator<Uint8Array> {
  const what = `in its snapshot at ${index}`;
  const pieces = askMachine(
    what,
    () => machine.createSnapshot(index)[Symbol.iterator](),
  );
  let ahead: IteratorResult<Uint8Array> | null = askMachine(
    what,
    () => pieces.next(),
  );
  return {
    next(): IteratorResult<Uint8Array> {
      const piece = ahead ?? askMachine(what, () => pieces.next());
      ahead = null;
      return piece;
    },
    return(): IteratorResult<Uint8Array> {
      return pieces.return?.() ?? { done: true, value: undefined };
    },
  };
}
