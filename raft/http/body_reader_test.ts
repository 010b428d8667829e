import { assertEquals } from "@std/assert";
import { createBodyReader } from "./body_reader.ts";

const MARK_AT = 1000;
const MARK = 7;

/** A body of single bytes that marks the memory it writes into, and notes which marks it finds there. */
function markingBody(
  pieces: readonly number[],
): { body: ReadableStream<Uint8Array<ArrayBuffer>>; found: number[] } {
  const found: number[] = [];
  const left = [...pieces];
  const source: UnderlyingByteSource = {
    type: "bytes",
    pull(controller: ReadableByteStreamController): void {
      const request = controller.byobRequest;
      const view = request?.view;
      if (!request || !view) throw new Error("The reader brings no buffer");
      const bytes = new Uint8Array(view.buffer, view.byteOffset);
      const piece = left.shift();
      found.push(bytes[MARK_AT] ?? 0);
      bytes[MARK_AT] = MARK;
      if (piece === undefined) {
        controller.close();
        request.respond(0);
        return;
      }
      bytes[0] = piece;
      request.respond(1);
    },
  };
  return { body: new ReadableStream(source), found };
}

Deno.test("createBodyReader() reads every piece into the same memory", async () => {
  const { body, found } = markingBody([1, 2, 3]);
  const reader = createBodyReader(body);
  const read: number[] = [];
  for (let piece = await reader.read(); piece; piece = await reader.read()) {
    read.push(...piece);
  }
  assertEquals(read, [1, 2, 3]);
  assertEquals(found, [0, MARK, MARK, MARK]);
});

Deno.test("createBodyReader() ends a pending read when it is cancelled", async () => {
  const source: UnderlyingByteSource = { type: "bytes" };
  const reader = createBodyReader(new ReadableStream(source));
  const pending = reader.read();
  await reader.cancel();
  assertEquals(await pending, null);
});
