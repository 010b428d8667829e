import { type Acknowledged, longestSilence } from "./write_probe.ts";
import { assertEquals } from "@std/assert";

const at = (...times: number[]): Acknowledged[] =>
  times.map((ackMs) => ({ sentMs: ackMs - 1, ackMs }));

const cases: Array<[name: string, acks: Acknowledged[], want: number]> = [
  ["is the longest between two acknowledgements", at(101, 130, 131), 29],
  ["counts from its start", at(50, 140, 150), 40],
  ["counts the one that begins before its end", at(101, 199, 290, 900), 98],
  ["leaves out those that begin after its end", at(101, 201, 900), 100],
  ["is infinite when nothing was acknowledged", at(50, 99), Infinity],
];

Deno.test("longestSilence() tells when it ended", () => {
  assertEquals(longestSilence(at(101, 130, 131), 100, 200).endMs, 130);
});

for (const [name, acks, want] of cases) {
  Deno.test(`longestSilence() ${name}`, () => {
    assertEquals(longestSilence(acks, 100, 200).lengthMs, want);
  });
}
