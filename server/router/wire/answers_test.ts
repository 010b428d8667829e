import { assertEquals } from "@std/assert";
import { type Answers, createAnswers, readAnswers } from "./answers.ts";

function message(type: string, body: readonly number[] | string): number[] {
  const bytes = typeof body === "string"
    ? [...new TextEncoder().encode(body)]
    : body;
  const size = 4 + bytes.length;
  return [
    type.charCodeAt(0),
    size >>> 24,
    size >>> 16 & 0xff,
    size >>> 8 & 0xff,
    size & 0xff,
    ...bytes,
  ];
}

const KEY = message("K", [0, 0, 1, 2, 9, 8, 7, 6]);
const READY = message("Z", "I");
const ROW = message("D", "RSyncRepWaitForLSN\0".repeat(40));
const OTHER_NOTICE = message(
  "N",
  "SWARNING\0RProcessStuff\0MSyncRepWaitForLSN\0\0",
);
const CANCELLED = message(
  "N",
  "SWARNUNG\0VWARNING\0C01000\0Mder Wartevorgang\0Fsyncrep.c\0L300\0RSyncRepWaitForLSN\0\0",
);
const DONE = message("C", "COMMIT\0");

/** Feeds bytes in pieces; returns how many were let through. */
function feed(bytes: readonly number[], pieceSize: number): {
  passed: number;
  answers: Answers;
} {
  const answers = createAnswers();
  let passed = 0;
  for (let at = 0; at < bytes.length; at += pieceSize) {
    const piece = Uint8Array.from(bytes.slice(at, at + pieceSize));
    const took = readAnswers(answers, piece, piece.length);
    passed += took;
    if (took < piece.length) break;
  }
  return { passed, answers };
}

for (const pieceSize of [1, 2, 3, 5, 7, 64, 10_000]) {
  Deno.test(`readAnswers() reads keys and ends in pieces of ${pieceSize} bytes`, () => {
    const bytes = [
      ...KEY,
      ...READY,
      ...ROW,
      ...OTHER_NOTICE,
      ...DONE,
      ...READY,
    ];
    const { passed, answers } = feed(bytes, pieceSize);
    assertEquals(passed, bytes.length);
    assertEquals(
      [answers.pid, answers.key, answers.readyCount],
      [258, "09080706", 2],
    );
  });

  Deno.test(`readAnswers() lets no success pass after a cancelled wait, in pieces of ${pieceSize} bytes`, () => {
    const before = [...KEY, ...READY, ...ROW];
    const bytes = [...before, ...CANCELLED, ...DONE, ...READY];
    const { passed } = feed(bytes, pieceSize);
    // The warning itself may be gone in part; nothing behind it is.
    const isStopped = passed >= before.length &&
      passed < before.length + CANCELLED.length;
    assertEquals([isStopped, passed], [true, passed]);
  });
}

Deno.test("readAnswers() passes on what is no message", () => {
  const answers = createAnswers();
  const bytes = Uint8Array.of(1, 0, 0, 0, 1, 5, 5);
  assertEquals(readAnswers(answers, bytes, bytes.length), bytes.length);
  assertEquals(readAnswers(answers, bytes, bytes.length), bytes.length);
});
