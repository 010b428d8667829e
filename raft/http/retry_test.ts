import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../base/mod.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { retryDelayMs } from "./retry.ts";

Deno.test("retryDelayMs() begins at once, grows, and is patient with who refuses for long", () => {
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
      const isSoon = refused && failures <= 64;
      assert(delayMs <= (isSoon ? 100 : 500));
      assert(failures < 8 || delayMs >= (isSoon ? 50 : 250));
    }
  }
});
