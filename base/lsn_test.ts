import { assertEquals } from "@std/assert";
import { formatLsn, parseLsn } from "./lsn.ts";

Deno.test("parseLsn() and formatLsn() are inverse", () => {
  const texts = [
    "0/0",
    "0/1",
    "0/FFFFFFFF",
    "1/0",
    "16/B374D848",
    "1FFFFF/FFFFFFFF",
  ];
  for (const text of texts) {
    const lsn = parseLsn(text);
    assertEquals(lsn === null ? null : formatLsn(lsn), text);
  }
});

Deno.test("parseLsn() orders positions as bytes", () => {
  assertEquals(parseLsn("1/0"), 2 ** 32);
  assertEquals(parseLsn("0/b374d848"), 0xb374d848);
});

Deno.test("parseLsn() refuses what is no position", () => {
  const texts = [
    "",
    "0",
    "/",
    "0/",
    "/0",
    "0/0 ",
    "g/0",
    "0/123456789",
    "-1/0",
  ];
  for (const text of texts) assertEquals(parseLsn(text), null, text);
});

Deno.test("parseLsn() refuses what a number does not hold exactly", () => {
  assertEquals(parseLsn("200000/0"), null);
  assertEquals(parseLsn("FFFFFFFF/FFFFFFFF"), null);
});
