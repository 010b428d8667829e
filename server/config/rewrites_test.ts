import { assertEquals } from "@std/assert";
import {
  addressFromUrl,
  membersFromPeers,
  modeFromBoolean,
} from "./rewrites.ts";

Deno.test("membersFromPeers() gives every peer its id, by position where none has one", () => {
  const table: readonly (readonly [string, string])[] = [
    ["127.0.0.1:7400,127.0.0.1:7401", "1@127.0.0.1:7400, 2@127.0.0.1:7401"],
    ["1:10.0.0.1:7400, 3:10.0.0.3:7400", "1@10.0.0.1:7400, 3@10.0.0.3:7400"],
    ["2@10.0.0.2:7400", "2@10.0.0.2:7400"],
    ["a=http://h1:2380,b=https://h2:2380/", "1@h1:2380, 2@h2:2380"],
    ["[::1]:7400", "1@[::1]:7400"],
    ["", ""],
    ["1@a:1, b:2", "1@a:1, b:2"],
  ];
  for (const [text, members] of table) {
    assertEquals(membersFromPeers(text), members, text);
  }
});

Deno.test("modeFromBoolean() knows booleans and leaves the rest to be refused", () => {
  const table = {
    true: "quorum",
    ON: "quorum",
    off: "off",
    "0": "off",
    strict: "strict",
  };
  for (const [text, mode] of Object.entries(table)) {
    assertEquals(modeFromBoolean(text), mode);
  }
});

Deno.test("addressFromUrl() takes scheme and slash off", () => {
  assertEquals(addressFromUrl("http://localhost:2380"), "localhost:2380");
  assertEquals(addressFromUrl("https://[::1]:2380/"), "[::1]:2380");
  assertEquals(addressFromUrl("h:1"), "h:1");
});
