import { assertEquals } from "@std/assert";
import { manyLines, oneLine, painter, wrap } from "./style.ts";

Deno.test("wrap() leaves what fits as it is", () => {
  assertEquals(wrap("  3    ok", 20), ["  3    ok"]);
  assertEquals(wrap("", 20), [""]);
});

Deno.test("wrap() breaks at spaces and keeps the indentation", () => {
  assertEquals(wrap("  aa bb cc", 7), ["  aa bb", "  cc"]);
});

Deno.test("wrap() leaves a word that is longer than a line whole", () => {
  assertEquals(wrap("a bbbbbbbb c", 4), ["a", "bbbbbbbb", "c"]);
});

Deno.test("oneLine() escapes all that a terminal would act on", () => {
  assertEquals(
    oneLine("a\x1b[1m\n\t\x9b\u202eb é 日"),
    "a\\u001b[1m\\u000a\\u0009\\u009b\\u202eb é 日",
  );
});

Deno.test("manyLines() leaves line feeds and tabs", () => {
  assertEquals(manyLines("a\n\tb\r\x07"), "a\n\tb\\u000d\\u0007");
});

Deno.test("painter() colours whatever the stream is, or never", () => {
  assertEquals(painter(true)("red", "x"), "\x1b[31mx\x1b[39m");
  assertEquals(painter(false)("red", "x"), "x");
});
