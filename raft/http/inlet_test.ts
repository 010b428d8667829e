import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../base/mod.ts";
import { retryDelayMs } from "./inlet.ts";
import { DEFAULT_LIMITS, limitsFrom } from "./limits.ts";

Deno.test("retryDelayMs() begins at once, grows, and stays within its bounds", () => {
  const random = seededRandom(1);
  const first = { failures: 0, refused: true };
  assertEquals(retryDelayMs(first, DEFAULT_LIMITS, random), 0);
  for (let failures = 1; failures < 2000; failures++) {
    for (const refused of [true, false]) {
      const delayMs = retryDelayMs(
        { failures, refused },
        DEFAULT_LIMITS,
        random,
      );
      assert(delayMs >= 5);
      assert(delayMs <= (refused ? 100 : 500));
      assert(failures < 8 || delayMs >= (refused ? 50 : 250));
    }
  }
});

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
