import { assertEquals } from "@std/assert";
import {
  formatByteSize,
  formatDuration,
  parseByteSize,
  parseDurationMs,
} from "./units.ts";

const SIZES: readonly (readonly [string, number | null])[] = [
  ["0", 0],
  ["65536", 65536],
  ["17B", 17],
  ["64kB", 65536],
  ["64KB", 65536],
  ["1MB", 1048576],
  [" 1 MB ", 1048576],
  ["2gb", 2147483648],
  ["1TB", 1099511627776],
  ["1.5kB", 1536],
  ["1.3", null],
  ["", null],
  ["MB", null],
  ["-1", null],
  ["1MiB", null],
  ["1 M B", null],
  ["0x10", null],
  ["1e3", null],
  ["99999TB", null],
];

const DURATIONS: readonly (readonly [string, number | null])[] = [
  ["100", 100],
  ["500ms", 500],
  ["5s", 5000],
  ["5 s", 5000],
  ["0.5s", 500],
  ["1min", 60000],
  ["2h", 7200000],
  ["1d", 86400000],
  ["1m", null],
  ["1S", null],
  ["0.5", null],
  ["", null],
  ["-5s", null],
  ["soon", null],
  ["1toString", null],
];

Deno.test("parseByteSize() reads PostgreSQL's units and refuses the rest", () => {
  for (const [text, bytes] of SIZES) {
    assertEquals(parseByteSize(text), bytes, `size ${JSON.stringify(text)}`);
  }
});

Deno.test("parseDurationMs() reads PostgreSQL's units and refuses the rest", () => {
  for (const [text, ms] of DURATIONS) {
    assertEquals(parseDurationMs(text), ms, `duration ${JSON.stringify(text)}`);
  }
});

Deno.test("parseDurationMs() counts a plain number in the unit that is given", () => {
  assertEquals(parseDurationMs("3", { unit: "s" }), 3000);
  assertEquals(parseDurationMs("3ms", { unit: "s" }), 3);
});

Deno.test("formatByteSize() writes the largest unit that stays whole", () => {
  const table: readonly (readonly [number, string])[] = [
    [0, "0"],
    [1000, "1000"],
    [1024, "1kB"],
    [1536, "1536"],
    [1048576, "1MB"],
    [1073741824, "1GB"],
  ];
  for (const [bytes, text] of table) {
    assertEquals(formatByteSize(bytes), text);
    assertEquals(parseByteSize(text), bytes);
  }
});

Deno.test("formatDuration() writes the largest unit that stays whole", () => {
  const table: readonly (readonly [number, string])[] = [
    [0, "0ms"],
    [100, "100ms"],
    [1500, "1500ms"],
    [5000, "5s"],
    [60000, "1min"],
    [90000, "90s"],
    [86400000, "1d"],
  ];
  for (const [ms, text] of table) {
    assertEquals(formatDuration(ms), text);
    assertEquals(parseDurationMs(text), ms);
  }
});
