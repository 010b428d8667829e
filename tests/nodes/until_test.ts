import { until } from "./until.ts";
import { assertEquals, assertRejects } from "@std/assert";

Deno.test("until() returns what the condition returns, and takes its errors for not yet", async () => {
  let looks = 0;

  const found = await until(() => {
    looks++;
    if (looks === 1) throw new Error("Not there");
    return looks === 3 ? "there" : null;
  }, { what: "a third look" });

  assertEquals(found, "there");
});

Deno.test("until() names what did not happen, and the last error", async () => {
  await assertRejects(
    () =>
      until(() => Promise.reject(new Error("nobody there")), {
        what: "the node is ready",
        timeoutMs: 5,
      }),
    Error,
    "Did not happen within 5 ms: the node is ready; last: nobody there",
  );
});

Deno.test("until() stops at once when waiting is in vain", async () => {
  let looks = 0;

  await assertRejects(
    () =>
      until(() => {
        looks++;
        return null;
      }, {
        what: "it",
        vain: () => looks === 1 ? new Error("The process ended") : null,
      }),
    Error,
    "The process ended",
  );

  assertEquals(looks, 1);
});
