import { assertEquals } from "@std/assert";
import { readEvents, type StreamEvent } from "./event_stream.ts";

async function eventsOf(...parts: string[]): Promise<StreamEvent[]> {
  const stream = ReadableStream.from(
    parts.map((part) => new TextEncoder().encode(part)),
  );
  return await Array.fromAsync(readEvents(stream));
}

const CASES: [name: string, parts: string[], want: StreamEvent[]][] = [
  ["nothing of an empty stream", [], []],
  ["an event with all of its fields", ["event:put\nid:3\ndata:{}\n\n"], [
    { event: "put", id: "3", data: "{}" },
  ]],
  ["an event in pieces", ["da", "ta: a", "\n", "\nid: 1\ndata", ":b\n\n"], [
    { event: "message", id: null, data: "a" },
    { event: "message", id: "1", data: "b" },
  ]],
  ["two lines of data as two lines", ["data: a\ndata:  b\n\n"], [
    { event: "message", id: null, data: "a\n b" },
  ]],
  ["lines that end as on other systems", ["event: x\r\ndata: a\r\n\r\n"], [
    { event: "x", id: null, data: "a" },
  ]],
  ["no comments, and no event without data", [": still here\n\nid: 4\n\n"], []],
  ["no event that was cut off", ["data: a\n\ndata: b\n"], [
    { event: "message", id: null, data: "a" },
  ]],
  ["a letter that was cut in two", ["data: ü\n\n"], [
    { event: "message", id: null, data: "ü" },
  ]],
];

for (const [name, parts, want] of CASES) {
  Deno.test(`readEvents() reads ${name}`, async () => {
    assertEquals(await eventsOf(...parts), want);
  });
}

Deno.test("readEvents() leaves a stream that says nothing when it is told to, and lets go of it", async () => {
  let wasCancelled = false;
  const silent = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) =>
      controller.enqueue(new TextEncoder().encode("data: a\n\n")),
    cancel: () => {
      wasCancelled = true;
    },
  });
  const leaving = new AbortController();
  const seen: string[] = [];
  for await (const { data } of readEvents(silent, leaving)) {
    seen.push(data);
    queueMicrotask(() => leaving.abort());
  }
  assertEquals([seen, wasCancelled], [["a"], true]);
});
