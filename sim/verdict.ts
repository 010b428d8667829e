import { Violation } from "./checks.ts";
import type { ClientCall } from "./clients.ts";
import type { HistoryOperation } from "./history.ts";
import { checkLinearizable } from "./linearizable.ts";
import {
  createKvModel,
  type KvInput,
  type KvOutput,
} from "./linearizable_models.ts";

/**
 * Holds what the clients saw against what a single register would have shown them.
 *
 * @param calls All calls of a run.
 * @throws {Violation} When no order explains them.
 */
export function checkCalls(calls: readonly ClientCall[]): void {
  const history = calls.flatMap((call, client) => operationOf(call, client));
  const verdict = checkLinearizable(createKvModel(history), history);
  if (verdict.type === "illegal") throw new Violation(verdict.report);
}

type KvHistoryOperation = HistoryOperation<KvInput, KvOutput>;

function operationOf(call: ClientCall, client: number): KvHistoryOperation[] {
  const { invokedAtMs: calledAt, returnedAtMs: returnedAt } = call;
  // What certainly did not happen, and a read that nobody got, say nothing.
  const silent = call.input.kind === "get" && call.output === null;
  if (call.refused || silent) return [];
  const input = inputOf(call);
  const output = outputOf(call);
  return [
    output
      ? { type: "completed", client, input, output, calledAt, returnedAt }
      : { type: "unknown", client, input, calledAt },
  ];
}

function inputOf({ key, input }: ClientCall): KvInput {
  switch (input.kind) {
    case "get":
      return { type: "get", key };
    case "put":
      return { type: "put", key, value: String(input.value) };
    case "cas": {
      const expected = valueOf(input.expected);
      const value = String(input.value);
      return { type: "compare_and_set", key, expected, value };
    }
  }
}

function outputOf({ input, output }: ClientCall): KvOutput | null {
  if (output === null) return null;
  switch (input.kind) {
    case "get":
      return { type: "value", value: valueOf(output) };
    case "put":
      return { type: "done" };
    case "cas":
      return { type: "changed", changed: output === 1 };
  }
}

/** A register that nobody wrote holds 0. */
function valueOf(number: number): string | null {
  return number === 0 ? null : String(number);
}
