import { assertEquals } from "@std/assert";
import { manualClock } from "./clock_test_kit.ts";
import {
  createDelayLine,
  holdUp,
  loseHeld,
  releaseHeld,
} from "./delay_line.ts";

Deno.test("holdUp() lets go in order, each when it is due and those before it have gone", () => {
  const clock = manualClock();
  const line = createDelayLine({ maxBytes: 100, maxCount: 100 }, clock);
  const gone: string[] = [];
  for (const [name, delayMs] of [["a", 50], ["b", 10], ["c", 70]] as const) {
    holdUp(line, delayMs, 1, () => gone.push(name));
  }
  const seen = [49, 1, 19, 1].map((ms) => {
    clock.pass(ms);
    return gone.join("");
  });
  assertEquals(seen, ["", "ab", "ab", "abc"]);
  assertEquals([line.held.length, line.heldBytes, clock.timers()], [0, 0, 0]);
});

Deno.test("holdUp() takes again what fits, once something has gone", () => {
  const clock = manualClock();
  const line = createDelayLine({ maxBytes: 10, maxCount: 3 }, clock);
  const gone: string[] = [];
  const hold = (name: string, weightBytes: number): void =>
    holdUp(line, 10, weightBytes, () => gone.push(name));
  hold("a", 6);
  hold("too heavy", 5);
  clock.pass(5);
  hold("b", 4);
  clock.pass(5);
  hold("c", 6);
  clock.pass(10);
  for (const name of ["d", "e", "f", "one too many"]) hold(name, 1);
  clock.pass(10);
  hold("g", 10);
  releaseHeld(line);
  assertEquals(gone, ["a", "b", "c", "d", "e", "f", "g"]);
  hold("lost", 10);
  loseHeld(line);
  hold("h", 10);
  clock.pass(10);
  assertEquals(gone.at(-1), "h");
  assertEquals([gone.length, clock.timers()], [8, 0]);
});

Deno.test("holdUp() bears that letting go holds up more", () => {
  const clock = manualClock();
  const line = createDelayLine({ maxBytes: 10, maxCount: 3 }, clock);
  const gone: string[] = [];
  holdUp(line, 10, 1, () => {
    gone.push("a");
    holdUp(line, 10, 1, () => gone.push("b"));
  });
  clock.pass(10);
  assertEquals([gone, clock.timers()], [["a"], 1]);
  clock.pass(10);
  assertEquals([gone, clock.timers()], [["a", "b"], 0]);
});
