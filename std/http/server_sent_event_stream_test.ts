import { assertEquals, assertRejects } from "@std/assert";
import {
  type ServerSentEventMessage,
  ServerSentEventStream,
} from "./server_sent_event_stream.ts";

async function textOf(...messages: ServerSentEventMessage[]): Promise<string> {
  const stream = ReadableStream.from(messages)
    .pipeThrough(new ServerSentEventStream())
    .pipeThrough(new TextDecoderStream());
  return (await Array.fromAsync(stream)).join("");
}

Deno.test("a ServerSentEventStream writes each field on a line, each event before an empty one", async () => {
  const table: readonly (readonly [ServerSentEventMessage, string])[] = [
    [{}, "\n"],
    [{ data: "x" }, "data:x\n\n"],
    [{ data: "" }, "data:\n\n"],
    [{ data: "a\nb\r\nc\rd" }, "data:a\ndata:b\ndata:c\ndata:d\n\n"],
    [{ comment: "still\nhere" }, ":still\n:here\n\n"],
    [
      { retry: 1000, id: 7, data: "{}", event: "change", comment: "c" },
      ":c\nevent:change\ndata:{}\nid:7\nretry:1000\n\n",
    ],
    [{ id: "" }, "id:\n\n"],
  ];
  for (const [message, text] of table) {
    assertEquals(await textOf(message), text);
  }
  assertEquals(
    await textOf({ data: "a" }, { data: "b" }),
    "data:a\n\ndata:b\n\n",
  );
});

Deno.test("a ServerSentEventStream refuses a newline where it would begin another field", async () => {
  for (
    const message of [
      { event: "a\ndata:b" },
      { event: "a\rb" },
      { id: "1\r\n" },
    ]
  ) {
    await assertRejects(() => textOf(message), SyntaxError, "newline");
  }
});
