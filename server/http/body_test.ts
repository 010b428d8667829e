import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createDeadlines, systemClock } from "../../base/mod.ts";
import { parseObject, readText } from "./body.ts";
import { Problem } from "./problem.ts";

const PATIENCE_MS = 30_000;

/** Reads, and leaves no timer behind. */
async function read(
  request: Request,
  timeoutMs = PATIENCE_MS,
): Promise<string> {
  const deadlines = createDeadlines(systemClock(), timeoutMs);
  try {
    return await readText(request, 5, deadlines);
  } finally {
    deadlines.stop();
  }
}

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
    assertEquals(await read(request), "büß");
  });

  Deno.test(`readText() refuses a body ${kind} over its limit`, async () => {
    const { request } = requestOf("x".repeat(6), { sized });
    const error = await assertRejects(
      () => read(request),
      Problem,
    );
    assertEquals([error.code, error.status], ["too_large", 413]);
  });
}

Deno.test("readText() stops to take chunks at its limit", async () => {
  const { request, wasCancelled } = requestOf("x".repeat(1000), {
    sized: false,
  });
  await assertRejects(() => read(request), Problem);
  assert(wasCancelled());
});

for (const headers of [{}, { "content-length": "5" }]) {
  const kind = "content-length" in headers ? "with a length" : "in chunks";

  Deno.test(`readText() gives up on a body ${kind} that does not come`, async () => {
    let end = (): void => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(new Uint8Array(1));
        end = () => controller.close();
      },
    });
    const request = new Request("http://a/", { method: "POST", body, headers });
    const error = await assertRejects(() => read(request, 1), Problem);
    end();
    assertEquals([error.code, error.status], ["request_timeout", 408]);
  });
}

Deno.test("readText() takes no body for an empty one", async () => {
  assertEquals(await read(new Request("http://a/")), "");
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
