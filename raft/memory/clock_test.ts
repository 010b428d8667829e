import { assertEquals } from "@std/assert";
import { createMemoryClock } from "./clock.ts";

Deno.test("advance() runs timers in order, each at its moment, also those that they set", () => {
  const clock = createMemoryClock();
  const heard: string[] = [];
  clock.after(20, () => heard.push(`b ${clock.nowMs()}`));
  clock.after(10, () => {
    heard.push(`a ${clock.nowMs()}`);
    clock.after(5, () => heard.push(`c ${clock.nowMs()}`));
  });
  clock.after(12, () => heard.push("never")).cancel();
  clock.advance(9);
  assertEquals(heard, []);
  clock.advance(21);
  assertEquals(heard, ["a 10", "c 15", "b 20"]);
  assertEquals(clock.nowMs(), 30);
});

Deno.test("advance() leaves what is due later for later", () => {
  const clock = createMemoryClock();
  let runs = 0;
  clock.after(10, () => runs += 1);
  clock.advance(9.9);
  assertEquals(runs, 0);
  clock.advance(0.1);
  assertEquals(runs, 1);
  clock.advance(100);
  assertEquals(runs, 1);
});
