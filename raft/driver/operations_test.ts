import { assertEquals } from "@std/assert";
import {
  type Core,
  createCore,
  DEFAULT_CORE_OPTIONS,
  type Term,
} from "../core/mod.ts";
import {
  createOperations,
  onTransferOutcome,
  type Operations,
  settleOperations,
} from "./operations.ts";

function ask(book: Operations, ends: string[], name: string): void {
  book.transfers.push({
    deadlineMs: 1000,
    fromTerm: 1,
    started: false,
    done: (error) => ends.push(`${name} ${error?.code ?? "done"}`),
  });
}

function coreInTerm(term: Term): Core {
  return createCore({
    id: 1,
    incarnation: 1,
    options: DEFAULT_CORE_OPTIONS,
    seed: 1,
    nowMs: 0,
    hardState: { term, votedFor: 1, commit: 0 },
    snapshot: null,
    baseIndex: 0,
    baseTerm: 0,
    entries: [],
  });
}

Deno.test("onTransferOutcome() refuses the transfer that was asked for, not an earlier one", () => {
  const book = createOperations();
  const ends: string[] = [];
  ask(book, ends, "first");
  onTransferOutcome(book, "started");
  ask(book, ends, "second");

  onTransferOutcome(book, "no_target");
  assertEquals(ends, ["second membership"]);

  onTransferOutcome(book, "failed");
  assertEquals(ends, ["second membership", "first busy"]);
});

Deno.test("settleOperations() takes a leader that was elected again for no success", () => {
  const core = coreInTerm(2);
  const book = createOperations();
  const ends: string[] = [];
  ask(book, ends, "first");
  ask(book, ends, "second");

  core.leaderId = 1;
  settleOperations(book, core, 10);
  assertEquals(ends, []);

  core.leaderId = 2;
  settleOperations(book, core, 10);
  assertEquals(ends, ["first done", "second done"]);
});

Deno.test("settleOperations() ends every transfer that takes too long", () => {
  const core = coreInTerm(1);
  const book = createOperations();
  const ends: string[] = [];
  ask(book, ends, "first");
  ask(book, ends, "second");

  settleOperations(book, core, 1000);
  assertEquals(ends, ["first busy", "second busy"]);
});
