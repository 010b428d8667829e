import { assertEquals } from "@std/assert";
import { limitsFrom } from "./limits.ts";

Deno.test("limitsFrom() refuses limits that cannot work together", async (t) => {
  const wrong = [
    { maxQueueBytes: 1000 },
    { maxBulkQueueBytes: 1000 },
    { silenceMs: 100 },
    { pingIntervalMs: 0 },
    { openTimeoutMs: 1.5 },
  ];
  for (const limits of wrong) {
    await t.step(JSON.stringify(limits), () => {
      let name = "";
      try {
        limitsFrom(limits);
      } catch (error) {
        if (error instanceof Error) name = error.name;
      }
      assertEquals(name, "InvariantError");
    });
  }
});
