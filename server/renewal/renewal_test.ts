import { assertEquals } from "@std/assert";
import type { Clock } from "../../base/mod.ts";
import { keepFresh } from "./renewal.ts";

/** Time that stands still: tests look by themselves. */
const STILL: Clock = { nowMs: () => 0, after: () => ({ cancel: () => {} }) };

/** What is read look by look (an error's text begins with "!"), and what is told of it. */
const CASES: [what: string, reads: string[], told: string[]][] = [
  ["what stays as it is", ["old", "old", "old"], []],
  ["what is new and stays so", ["new", "new", "new"], ["took new"]],
  ["what is new for one look only", ["half", "new", "new"], ["took new"]],
  ["what goes back to what it was", ["new", "old", "new", "old"], []],
  ["two changes", ["a", "a", "b", "b"], ["took a", "took b"]],
  ["a file that is away for one look", ["!gone", "old"], []],
  ["a file that stays away", ["!gone", "!gone", "!gone"], ["failed gone"]],
  [
    "a file that is wrong, then gone, then right",
    ["!wrong", "!wrong", "!gone", "!gone", "new", "new"],
    ["failed wrong", "failed gone", "took new"],
  ],
  ["a failure that comes again", ["!a", "!a", "old", "!a", "!a"], [
    "failed a",
    "failed a",
  ]],
];

for (const [what, reads, told] of CASES) {
  Deno.test(`keepFresh() of ${what} tells ${told.join(", ") || "nothing"}`, async () => {
    const heard: string[] = [];
    let at = 0;
    const renewal = keepFresh({
      clock: STILL,
      initial: "old",
      read: () => {
        const text = reads[at++] ?? "";
        return text.startsWith("!")
          ? Promise.reject(new Error(text.slice(1)))
          : Promise.resolve(text);
      },
      isSame: (a, b) => a === b,
      take: (value) => heard.push(`took ${value}`),
      failed: (why) => heard.push(`failed ${why}`),
    });
    for (let look = 0; look < reads.length; look++) await renewal.look();
    await renewal.stop();
    assertEquals(heard, told);
  });
}
