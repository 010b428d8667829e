const LINE_END = /\r\n|[\r\n]/;

/** One event for an `EventSource`. */
export interface ServerSentEventMessage {
  /** What clients ignore: it keeps a quiet stream alive. */
  comment?: string;
  /** The event's type. */
  event?: string;
  /** Its data, of any number of lines. */
  data?: string;
  /** What a client names when it comes back. */
  id?: string | number;
  /** After how many milliseconds a client comes back. */
  retry?: number;
}

/** A field without a name is a comment. */
function manyLines(field: string, text: string | undefined): string {
  if (text === undefined) return "";
  return text.split(LINE_END).map((line) => `${field}:${line}\n`).join("");
}

function oneLine(field: string, value: string | number | undefined): string {
  if (value === undefined) return "";
  if (LINE_END.test(`${value}`)) {
    throw new SyntaxError(
      `The field ${field} of a server-sent event cannot contain a newline`,
    );
  }
  return `${field}:${value}\n`;
}

function written(message: ServerSentEventMessage): string {
  return manyLines("", message.comment) +
    oneLine("event", message.event) +
    manyLines("data", message.data) +
    oneLine("id", message.id) +
    oneLine("retry", message.retry) + "\n";
}

/** Turns events into the bytes of a `text/event-stream` body. */
export class ServerSentEventStream
  extends TransformStream<ServerSentEventMessage, Uint8Array> {
  /** Makes a stream. */
  constructor() {
    const encoder = new TextEncoder();
    super({
      transform: (message, controller) =>
        controller.enqueue(encoder.encode(written(message))),
    });
  }
}
