import { assertEquals } from "@std/assert";
import {
  addRead,
  answerReads,
  createReads,
  onReadOutcome,
  type Reads,
  sweepReads,
  takeRequest,
} from "./reads.ts";

const RESEND_AFTER_MS = 1000;

function add(reads: Reads, ends: string[], deadlineMs: number): void {
  addRead(reads, 0, deadlineMs, (error) => ends.push(error?.code ?? "read"));
}

Deno.test("sweepReads() ends a read at its deadline, also when its request is under way", () => {
  const reads = createReads(1);
  const ends: string[] = [];
  add(reads, ends, 100);
  takeRequest(reads, 0, true);

  sweepReads(reads, 99, RESEND_AFTER_MS);
  assertEquals(ends, []);
  sweepReads(reads, 130, RESEND_AFTER_MS);
  assertEquals(ends, ["no_quorum"]);
  assertEquals(reads.waiting, 0);
});

Deno.test("sweepReads() ends a confirmed read that the machine does not catch up with", () => {
  const reads = createReads(1);
  const ends: string[] = [];
  add(reads, ends, 100);
  add(reads, ends, 500);
  takeRequest(reads, 0, true);
  onReadOutcome(reads, { kind: "ready", requestId: 1, index: 7 });

  sweepReads(reads, 130, RESEND_AFTER_MS);
  assertEquals(ends, ["busy"]);
  answerReads(reads, 7);
  assertEquals(ends, ["busy", "read"]);
});

Deno.test("sweepReads() asks again when the answer seems lost", () => {
  const reads = createReads(1);
  const ends: string[] = [];
  add(reads, ends, 5000);
  takeRequest(reads, 0, true);

  sweepReads(reads, 1000, RESEND_AFTER_MS);
  const again = takeRequest(reads, 1000, true);
  onReadOutcome(reads, { kind: "ready", requestId: again ?? 0, index: 7 });
  answerReads(reads, 7);
  assertEquals(ends, ["read"]);
});

Deno.test("onReadOutcome() answers what was asked before as well, and nothing that was asked later", () => {
  const reads = createReads(1);
  const ends: string[] = [];
  for (const name of ["lost", "answered", "later"]) {
    addRead(reads, 0, 5000, () => ends.push(name));
    takeRequest(reads, 0, true);
  }
  onReadOutcome(reads, { kind: "ready", requestId: 2, index: 7 });
  answerReads(reads, 6);
  assertEquals(ends, []);
  answerReads(reads, 7);
  assertEquals(ends, ["lost", "answered"]);
  onReadOutcome(reads, { kind: "ready", requestId: 1, index: 8 });
  answerReads(reads, 8);
  assertEquals(ends.length, 2);
  onReadOutcome(reads, { kind: "ready", requestId: 3, index: 8 });
  answerReads(reads, 8);
  assertEquals(ends, ["lost", "answered", "later"]);
});
