/**
 * What a handler answers, before the dispatcher puts its headers on. A `Response` whose headers are
 * changed afterwards costs as much as all the rest of a small answer.
 */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  /** Goes out in place of the text, as it comes. */
  readonly stream?: ReadableStream<Uint8Array>;
}

/**
 * Makes a JSON answer.
 *
 * @param value What it says.
 * @param status Its status.
 */
export function jsonAnswer(value: unknown, status = 200): Answer {
  const text = `${JSON.stringify(value)}\n`;
  return { status, contentType: "application/json", text };
}

/** Makes the response of an answer. */
export function responseOf(answer: Answer, requestId: string): Response {
  if (answer.stream) return streamResponse(answer, answer.stream, requestId);
  return new Response(answer.text, {
    status: answer.status,
    headers: {
      "content-type": answer.contentType,
      "x-request-id": requestId,
    },
  });
}

function streamResponse(
  { status, contentType }: Answer,
  stream: ReadableStream<Uint8Array>,
  requestId: string,
): Response {
  return new Response(stream, {
    status,
    headers: {
      "content-type": contentType,
      "x-request-id": requestId,
      // Proxies must neither keep it nor wait for its end.
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    },
  });
}
