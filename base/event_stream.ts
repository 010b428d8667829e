/** The largest event that is taken in. */
const MAX_EVENT_CHARACTERS = 64 * 1024 * 1024;

/** One event of a stream, as a server sent it. */
export interface StreamEvent {
  /** Its type; `message` where it names none. */
  readonly event: string;
  /** What a client names when it comes back; null where it names none. */
  readonly id: string | null;
  /** Its lines of data. */
  readonly data: string;
}

/** Options of {@linkcode readEvents}. */
export interface ReadEventsOptions {
  /**
   * Aborted to leave the stream, which then ends.
   *
   * @default {nothing ends it but the server}
   */
  readonly signal?: AbortSignal;
}

/**
 * Reads server-sent events; comments and fields without a meaning here are left out. A signal that was
 * given to `fetch` does not do to leave: once garbage was collected Deno 2.9 may not hear it any more.
 *
 * @param body The body of a `text/event-stream`.
 * @param options What ends it.
 * @returns The events, until the stream ends.
 * @throws {RangeError} When an event does not end within 64 Mi characters.
 *
 * @example Usage
 * ```ts
 * import { readEvents } from "./event_stream.ts";
 *
 * const body = new Blob(["id: 7\ndata: a\ndata: b\n\n"]).stream();
 * for await (const { id, data } of readEvents(body)) {
 *   if (id !== "7" || data !== "a\nb") throw new Error("It is one event");
 * }
 * ```
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  { signal }: ReadEventsOptions = {},
): AsyncGenerator<StreamEvent> {
  const reader = body.getReader();
  const leave = (): Promise<void> => reader.cancel().catch(() => {});
  signal?.addEventListener("abort", leave);
  try {
    if (!signal?.aborted) yield* eventsOf(reader);
  } finally {
    signal?.removeEventListener("abort", leave);
    await leave();
  }
}

async function* eventsOf(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let text = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    for (let end = endOfEvent(text); end; end = endOfEvent(text)) {
      const event = parseEvent(text.slice(0, end.at));
      text = text.slice(end.at + end.length);
      if (event) yield event;
    }
    if (text.length > MAX_EVENT_CHARACTERS) {
      throw new RangeError("An event of the stream does not end");
    }
  }
}

/** An empty line, by whichever line ends the server writes. */
function endOfEvent(text: string): { at: number; length: number } | null {
  const match = /\n\n|\r\n\r\n|\r\r/.exec(text);
  return match ? { at: match.index, length: match[0].length } : null;
}

function parseEvent(text: string): StreamEvent | null {
  let event = "message";
  let id: string | null = null;
  const data: string[] = [];
  for (const line of text.split(/\r\n|[\r\n]/)) {
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") event = value;
    else if (field === "id") id = value;
    else if (field === "data") data.push(value);
  }
  return data.length === 0 ? null : { event, id, data: data.join("\n") };
}
