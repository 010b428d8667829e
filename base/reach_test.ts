import { assertEquals } from "@std/assert";
import { reach } from "./reach.ts";

Deno.test("reach() tells a port that refuses from one that listens and from no answer", async () => {
  const { signal } = new AbortController();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = { hostname: "127.0.0.1", port: listener.addr.port };
  assertEquals((await reach(address, signal)).kind, "listening");
  listener.close();
  assertEquals((await reach(address, signal)).kind, "refused");
  const aborted = AbortSignal.abort();
  assertEquals((await reach(address, aborted)).kind, "unknown");
});
