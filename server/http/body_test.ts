import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parseObject, readText } from "./body.ts";
import { Problem } from "./problem.ts";

/** A request whose body says how long it is, or not. */
function requestOf(
  text: string,
  { sized }: { readonly sized: boolean },
): { request: Request; wasCancelled: () => boolean } {
  let cancelled = false;
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller): void {
      if (at >= bytes.length) return controller.close();
      // One byte at a time cuts letters of several bytes apart.
      controller.enqueue(bytes.slice(at, at + 1));
      at += 1;
    },
    cancel(): void {
      cancelled = true;
    },
  });
  const headers = sized ? { "content-length": String(bytes.length) } : {};
  const request = new Request("http://a/", { method: "POST", body, headers });
  return { request, wasCancelled: () => cancelled };
}

for (const sized of [true, false]) {
  const kind = sized ? "with a length" : "in chunks";

  Deno.test(`readText() takes a body ${kind} up to its limit`, async () => {
    const { request } = requestOf("büß", { sized });
    assertEquals(await readText(request, 5), "büß");
  });

  Deno.test(`readText() refuses a body ${kind} over its limit`, async () => {
    const { request } = requestOf("x".repeat(6), { sized });
    const error = await assertRejects(() => readText(request, 5), Problem);
    assertEquals([error.code, error.status], ["too_large", 413]);
  });
}

Deno.test("readText() stops to take chunks at its limit", async () => {
  const { request, wasCancelled } = requestOf("x".repeat(1000), {
    sized: false,
  });
  await assertRejects(() => readText(request, 5), Problem);
  assert(wasCancelled());
});

Deno.test("readText() takes no body for an empty one", async () => {
  assertEquals(await readText(new Request("http://a/"), 5), "");
});

Deno.test("parseObject() takes objects, and nothing for an empty one", () => {
  assertEquals(parseObject('{"a":1}'), { a: 1 });
  assertEquals(parseObject(""), {});
});

for (const text of ["{", "null", "[]", "1", '"a"', " ", "\0"]) {
  Deno.test(`parseObject() refuses ${JSON.stringify(text)}`, () => {
    const error = assertThrows(() => parseObject(text), Problem);
    assertEquals(error.code, "bad_request");
  });
}
