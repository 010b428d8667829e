import { assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { V8_FLAGS } from "./v8_flags.ts";

Deno.test("the binary is compiled with the flags that the nodes of the tests run with", () => {
  const words = config.tasks.compile.command.split(" ");
  assertEquals(words.filter((word) => word.startsWith("--v8")), [V8_FLAGS]);
});
