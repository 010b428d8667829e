import { assertGreater } from "@std/assert";
import { runScenario, SCENARIOS } from "./scenarios.ts";

for (const scenario of SCENARIOS) {
  Deno.test(scenario.name, () => {
    runScenario(scenario);
  });
}

Deno.test("every rule that a simulation can break has its events", () => {
  assertGreater(SCENARIOS.length, 20);
});
