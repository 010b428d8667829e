import { freePorts } from "./ports.ts";
import { assertEquals } from "@std/assert";

Deno.test("freePorts() gives no port twice, also in several calls", () => {
  const ports = Array.from({ length: 200 }, () => freePorts(20)).flat();

  assertEquals(new Set(ports).size, ports.length);
});
