import { assertEquals } from "@std/assert";
import { diffParameters } from "./config.ts";

Deno.test("diffParameters() names what differs, in order", () => {
  assertEquals(diffParameters({}, {}), []);
  assertEquals(diffParameters({ a: "1" }, { a: "1" }), []);
  assertEquals(
    diffParameters({ b: "1", c: "2", d: "4" }, { a: "0", c: "3", d: "4" }),
    [
      { name: "a", from: null, to: "0" },
      { name: "b", from: "1", to: null },
      { name: "c", from: "2", to: "3" },
    ],
  );
});
