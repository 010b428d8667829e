import { readEvents, type StreamEvent } from "../../base/mod.ts";
import { CommandFailure, EXIT } from "../exit_codes.ts";
import { pause } from "./pause.ts";
import { ApiFailure } from "./problem.ts";
import { note, type Session } from "./session.ts";

/** What is silent for so long is taken for broken: nodes send a sign of life every 5 s. */
const SILENCE_MS = 15_000;
const RECONNECT_PAUSE_MS = 100;

/** What is followed. */
export interface Followed {
  /** The route, with its query. */
  path(): string;
  /** The last event that is known; null for none. */
  place(): string | null;
  /**
   * Takes an event in.
   *
   * @returns The exit code when that was the last one; null to go on.
   */
  onEvent(event: StreamEvent): Promise<number | null>;
  /** Whether the stream ends by itself. */
  readonly once: boolean;
}

/**
 * Follows a stream of events until Ctrl-C. When it breaks, it is opened again behind the last event, on
 * whichever node answers, for as long as --timeout.
 *
 * @param session The session.
 * @param followed What.
 * @returns The exit code.
 */
export async function follow(
  session: Session,
  followed: Followed,
): Promise<number> {
  const { signal, timeoutMs } = session;
  // Before the first stream stands, a failure is told at once.
  let patientUntilMs = 0;
  while (!signal.aborted) {
    const body = await open(session, followed).catch((error) => {
      const isOver = error instanceof ApiFailure ||
        performance.now() >= patientUntilMs;
      if (isOver && !signal.aborted) throw error;
      return null;
    });
    if (body !== null) {
      const ended = await take(session, body, followed);
      if (ended !== null) return ended;
      if (followed.once) return EXIT.ok;
      if (signal.aborted) break;
      patientUntilMs = performance.now() + timeoutMs;
      await note(session, "The stream ended; opening it again");
    }
    await pause(RECONNECT_PAUSE_MS, signal);
  }
  return EXIT.interrupted;
}

async function open(
  { client }: Session,
  { path, place }: Followed,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const last = place();
  const body = await client.call({
    method: "GET",
    path: path(),
    happensOnce: true,
    isStream: true,
    ...(last === null ? {} : { headers: { "last-event-id": last } }),
  });
  if (body instanceof ReadableStream) return body;
  throw new CommandFailure("The node answered with no stream", EXIT.failure);
}

/** Takes events in until the stream ends or is silent; returns the exit code where that is the end. */
async function take(
  { signal }: Session,
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  { onEvent }: Followed,
): Promise<number | null> {
  const leaving = new AbortController();
  const leave = (): void => leaving.abort();
  signal.addEventListener("abort", leave);
  let timer = setTimeout(leave, SILENCE_MS);
  const heard = new TransformStream<
    Uint8Array<ArrayBuffer>,
    Uint8Array<ArrayBuffer>
  >({
    transform: (chunk, controller) => {
      clearTimeout(timer);
      timer = setTimeout(leave, SILENCE_MS);
      controller.enqueue(chunk);
    },
  });
  const events = readEvents(body.pipeThrough(heard), leaving);
  try {
    while (true) {
      // That the connection broke is one way to end.
      const next = await events.next().catch(() => null);
      if (next === null || next.done) return null;
      const ended = await onEvent(next.value);
      if (ended !== null) return ended;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
    await events.return(undefined);
  }
}
