import { assertEquals, assertMatch } from "@std/assert";
import { checkExposition } from "../metrics/mod.ts";
import { withNode } from "./api_test_kit.ts";

Deno.test("a node alone is live, ready and healthy, also to HEAD", () =>
  withNode(async ({ ask }) => {
    const wants: [path: string, body: unknown][] = [
      ["/livez", { live: true }],
      ["/readyz", { ready: true }],
      ["/health", { health: "true", reason: "" }],
    ];
    for (const [path, want] of wants) {
      const get = await ask("GET", path);
      assertEquals([get.status, get.body], [200, want]);
      const head = await ask("HEAD", path);
      assertEquals([head.status, head.body], [200, { text: "" }]);
      assertEquals(
        head.headers.get("content-type"),
        get.headers.get("content-type"),
      );
      const post = await ask("POST", path, {});
      assertEquals([post.status, post.headers.get("allow")], [
        405,
        "GET, HEAD",
      ]);
    }
  }));

Deno.test("metrics are a sound exposition that counts requests by route", () =>
  withNode(async ({ ask }) => {
    await ask("PUT", "/v1/kv/a", { value: "1" });
    await ask("GET", "/v1/kv/b");
    await ask("GET", "/nowhere");

    const { status, headers, body } = await ask("GET", "/metrics");
    assertEquals(status, 200);
    assertMatch(
      headers.get("content-type") ?? "",
      /^text\/plain; version=0\.0\.4/,
    );
    const text = String(body.text);
    assertEquals(checkExposition(text), []);
    assertMatch(text, /route="\/v1\/kv\/:key\*"/);
    assertMatch(text, /route="other"/);
    assertEquals((await ask("HEAD", "/metrics")).status, 200);
  }));
