import { assertEquals } from "@std/assert";
import type { Clock } from "./clock.ts";
import { createDeadlines, type Deadlines } from "./deadlines.ts";

const TIMEOUT_MS = 100;

/** Time that a test owns, with room for one timer. */
interface Bench {
  readonly deadlines: Deadlines;
  readonly expired: string[];
  begin(name: string): () => void;
  pass(ms: number): void;
  /** When the timer runs out; null when none runs. */
  dueMs(): number | null;
}

function createBench(): Bench {
  let nowMs = 0;
  let due: { readonly atMs: number; readonly run: () => void } | null = null;
  const clock: Clock = {
    nowMs: () => nowMs,
    after: (delayMs, run) => {
      assertEquals(due, null, "one timer at a time");
      const mine = { atMs: nowMs + delayMs, run };
      due = mine;
      return {
        cancel: () => {
          if (due === mine) due = null;
        },
      };
    },
  };
  const deadlines = createDeadlines(clock, TIMEOUT_MS);
  const expired: string[] = [];
  return {
    deadlines,
    expired,
    begin: (name) => deadlines.begin(() => expired.push(name)).met,
    pass(ms): void {
      const untilMs = nowMs + ms;
      while (due !== null && due.atMs <= untilMs) {
        nowMs = due.atMs;
        const { run } = due;
        due = null;
        run();
      }
      nowMs = untilMs;
    },
    dueMs: () => due?.atMs ?? null,
  };
}

Deno.test("createDeadlines() lets each expire once, at its own time", () => {
  const { begin, pass, expired } = createBench();
  begin("a");
  pass(30);
  begin("b");
  pass(69);
  assertEquals(expired, []);
  pass(1);
  assertEquals(expired, ["a"]);
  pass(30);
  assertEquals(expired, ["a", "b"]);
  pass(1000);
  assertEquals(expired, ["a", "b"]);
});

Deno.test("createDeadlines() lets none expire that was met", () => {
  const { begin, pass, expired } = createBench();
  const met = begin("a");
  pass(10);
  begin("b");
  met();
  pass(1000);
  assertEquals(expired, ["b"]);
});

Deno.test("createDeadlines() runs one timer, and none when nothing is open for long", () => {
  const { begin, pass, dueMs } = createBench();
  assertEquals(dueMs(), null);
  for (let i = 0; i < 10; i++) begin(`${i}`)();
  assertEquals(dueMs(), TIMEOUT_MS);
  pass(TIMEOUT_MS);
  assertEquals(dueMs(), null);
  begin("late");
  assertEquals(dueMs(), 2 * TIMEOUT_MS);
});

Deno.test("createDeadlines() lets none expire once stopped, and keeps no timer", () => {
  const { begin, pass, dueMs, deadlines, expired } = createBench();
  begin("a");
  deadlines.stop();
  begin("b");
  assertEquals(dueMs(), null);
  pass(1000);
  assertEquals(expired, []);
});
