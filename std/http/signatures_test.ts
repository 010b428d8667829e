import {
  type ServerSentEventMessage,
  ServerSentEventStream,
} from "@std/http/server-sent-event-stream";
import * as status from "@std/http/status";
import type { ErrorStatus, StatusCode, StatusText } from "@std/http/status";
import { assertEquals } from "@std/assert";

// Pins the signatures: this file type-checks against the stand-ins and the published package alike.
type Same<A, B> = [A, B] extends [B, A] ? true : false;

function same<A, B>(_proof: Same<A, B>): void {}

Deno.test("status codes and texts are known to the type checker", () => {
  same<typeof status.STATUS_CODE.NotFound, 404>(true);
  same<typeof status.STATUS_CODE.ServiceUnavailable, 503>(true);
  same<(typeof status.STATUS_TEXT)[404], "Not Found">(true);
  // @ts-expect-error: 404 is not 405.
  same<typeof status.STATUS_CODE.NotFound, 405>(true);

  const code: StatusCode = status.STATUS_CODE.TemporaryRedirect;
  const text: StatusText = status.STATUS_TEXT[code];
  const error: ErrorStatus = status.STATUS_CODE.Conflict;
  // @ts-expect-error: 200 is no error.
  const fine: ErrorStatus = status.STATUS_CODE.OK;
  // @ts-expect-error: 299 is not registered.
  const none: StatusCode = 299;

  assertEquals([code, text, error], [307, "Temporary Redirect", 409]);
  assertEquals([fine, none], [200, 299]);
});

Deno.test("the guards narrow a number", () => {
  const isStatus: (status: number) => status is StatusCode = status.isStatus;
  const isErrorStatus: (status: number) => status is ErrorStatus =
    status.isErrorStatus;
  const guards: ((status: number) => boolean)[] = [
    status.isInformationalStatus,
    status.isSuccessfulStatus,
    status.isRedirectStatus,
    status.isClientErrorStatus,
    status.isServerErrorStatus,
  ];

  assertEquals(guards.map((guard) => guard(503)), [
    false,
    false,
    false,
    false,
    true,
  ]);
  assertEquals([isStatus(503), isErrorStatus(503)], [true, true]);
});

Deno.test("a stream of events makes a response's body", async () => {
  const messages: ServerSentEventMessage[] = [
    { comment: "c", event: "e", data: "d", id: 1, retry: 2 },
    { id: "1" },
  ];
  const stream: TransformStream<ServerSentEventMessage, Uint8Array> =
    new ServerSentEventStream();
  const body = ReadableStream.from(messages).pipeThrough(
    new ServerSentEventStream(),
  );

  const text = await new Response(body).text();

  assertEquals(text.startsWith(":c\n"), true);
  await stream.writable.close();
});
