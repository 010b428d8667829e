import { assertEquals } from "@std/assert";
import { editDistance, nearest } from "./nearest.ts";

Deno.test("editDistance() counts single changes, a swap of neighbours as one", () => {
  const table: readonly (readonly [string, string, number])[] = [
    ["", "", 0],
    ["abc", "", 3],
    ["", "ab", 2],
    ["same", "same", 0],
    ["kitten", "sitting", 3],
    ["form", "from", 1],
    ["electoin", "election", 1],
    ["abcd", "acbd", 1],
    ["ab", "ba", 1],
  ];
  for (const [a, b, distance] of table) {
    assertEquals(editDistance(a, b), distance, `${a} and ${b}`);
    assertEquals(editDistance(b, a), distance, `${b} and ${a}`);
  }
});

Deno.test("nearest() names the nearest word, and none when all are far", () => {
  const known = ["listen", "advertise", "election_timeout"];
  assertEquals(nearest("lsiten", known), "listen");
  assertEquals(nearest("electiontimeout", known), "election_timeout");
  assertEquals(nearest("nothing_like_it", known), null);
  assertEquals(nearest("listen", []), null);
});

Deno.test("nearest() takes the first of equally near words", () => {
  assertEquals(nearest("cat", ["car", "cap"]), "car");
});
