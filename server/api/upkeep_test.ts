import { assert, assertEquals } from "@std/assert";
import { withNode } from "./api_test_kit.ts";

Deno.test("a node logs at another level until it is told to go back", () =>
  withNode(async ({ ask }) => {
    const levels = async (): Promise<unknown[]> => {
      const { body } = await ask("GET", "/v1/log-level");
      return [body.level, body.configured];
    };
    assertEquals(await levels(), ["warning", "warning"]);
    const set = await ask("PUT", "/v1/log-level", { level: "debug" });
    assertEquals([set.status, set.body.level], [200, "debug"]);
    assertEquals(await levels(), ["debug", "warning"]);
    await ask("PUT", "/v1/log-level", { level: null });
    assertEquals(await levels(), ["warning", "warning"]);
  }, ["--log-level=warning"]));

Deno.test("counts and histograms begin at 0 when they are told to, and states stay", () =>
  withNode(async ({ ask }) => {
    const value = async (name: string): Promise<number> => {
      const { body } = await ask("GET", "/metrics");
      const line = String(body.text).split("\n").find((one) =>
        one.startsWith(`${name} `)
      );
      return Number(line?.split(" ").at(-1));
    };
    await ask("PUT", "/v1/kv/a", { value: "1" });
    const applied = 'pgraft_proposals_total{outcome="applied"}';
    assert(await value(applied) > 0);
    assert(await value("pgraft_commit_duration_seconds_count") > 0);
    const { status } = await ask("POST", "/v1/metrics/reset", {});
    assertEquals(status, 200);
    assertEquals(await value(applied), 0);
    assertEquals(await value("pgraft_commit_duration_seconds_count"), 0);
    assertEquals(await value("pgraft_has_leader"), 1);
  }));
