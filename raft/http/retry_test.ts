import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../base/mod.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { retryDelayMs } from "./retry.ts";

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
