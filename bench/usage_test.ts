import { parseCpuSeconds, parseResidentBytes } from "./usage.ts";
import { assertEquals } from "@std/assert";

Deno.test("parseCpuSeconds() finds its fields behind any name", () => {
  const stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 900 0 7 0 250 50 9 9 20";

  assertEquals(parseCpuSeconds(stat), 3);
});

Deno.test("parseResidentBytes() reads what is there, and NaN for a process that has ended", () => {
  assertEquals(
    parseResidentBytes("Name:\tx\nVmRSS:\t   2048 kB\nVmSwap:\t 0 kB\n"),
    2_097_152,
  );
  assertEquals(parseResidentBytes("Name:\tx\nState:\tZ\n"), NaN);
});
