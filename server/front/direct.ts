import type net from "node:net";
import type {
  BeginRawAnswer,
  Clock,
  RawHandler,
  RawLine,
} from "../../base/mod.ts";
import { begin, finish, type Guest } from "./book.ts";
import { type Head, readHead } from "./head.ts";

/** A connection whose requests may be answered here. */
export interface DirectLine {
  readonly socket: net.Socket;
  readonly remote: Deno.NetAddr;
  readonly guest: Guest;
  readonly clock: Clock;
  readonly handler: RawHandler<Deno.NetAddr>;
  /** Whether a GET of a path is answered here. */
  readonly isDirect: (path: string) => boolean;
  /** Takes the connection over for good, from its next byte on. */
  readonly passOn: () => void;
}

/**
 * Answers those GETs that are wished for over the connection itself, one after the other, and passes the
 * connection on at the first other request.
 *
 * What an answer's body brings is written as it comes: a long stream of small pieces is spared the second
 * connection, to the inner server.
 *
 * @param line The connection.
 */
export function receive(line: DirectLine): void {
  const { socket } = line;
  let seen = new Uint8Array(0);
  const leave = (): void => void socket.destroy();
  const take = (piece: Uint8Array): void => {
    seen = joined(seen, piece);
    const found = readHead(seen);
    if (found.kind === "part") return;
    socket.off("data", take);
    socket.off("end", leave);
    if (found.kind === "other" || !line.isDirect(found.head.target)) {
      socket.pause();
      socket.unshift(seen);
      line.passOn();
      socket.resume();
      return;
    }
    const isMore = found.endsAt < seen.length;
    // Whoever asks again before the answer is no client of ours.
    if (isMore) return void socket.destroy();
    answer(line, found.head);
  };
  socket.on("data", take);
  socket.once("end", leave);
}

function joined(
  first: Uint8Array,
  second: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function answer(line: DirectLine, head: Head): void {
  const { socket, guest, clock } = line;
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  const interrupt = (): void => void socket.destroy();
  socket.once("close", leave);
  socket.once("end", interrupt);
  socket.on("data", interrupt);
  begin(guest);
  const settle = (isReusable: boolean): void => {
    socket.off("data", interrupt);
    socket.off("end", interrupt);
    socket.off("close", leave);
    if (isReusable) receive(line);
    else socket.end();
  };
  respond(line, head, gone.signal).then(settle).catch(interrupt)
    .finally(() => finish(guest, clock.nowMs()));
}

/** Returns whether another request may follow. */
async function respond(
  line: DirectLine,
  { target, headers }: Head,
  signal: AbortSignal,
): Promise<boolean> {
  const { handler, remote, socket } = line;
  const url = `http://${headers.get("host")}${target}`;
  const { promise: completed, resolve } = Promise.withResolvers<void>();
  try {
    const request = new Request(url, { headers, signal });
    const raw: { begin: BeginRawAnswer | null } = { begin: null };
    const response = await handler(request, {
      remoteAddr: remote,
      completed,
      answerRaw: (begin) => raw.begin = begin,
    });
    if (signal.aborted) {
      await response.body?.cancel();
      raw.begin?.(NOWHERE).ended();
      return false;
    }
    const isLast = response.body !== null || raw.begin !== null;
    socket.write(headOf(response, isLast));
    if (raw.begin !== null) await letGo(line, raw.begin, signal);
    else if (response.body !== null) await pass(line, response.body, signal);
    return !isLast;
  } finally {
    resolve();
  }
}

/** Without a length: the end of the connection is the end of the body. */
function headOf(
  { status, statusText, headers }: Response,
  isLast: boolean,
): string {
  const lines = [`HTTP/1.1 ${status} ${statusText}`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (isLast) lines.push("connection: close");
  else if (status !== 204) lines.push("content-length: 0");
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The line of a caller who has hung up. */
const NOWHERE: RawLine = { write: () => false, end: () => {} };

/** Has the rest of the answer written by whoever makes it, until either end is done. */
async function letGo(
  { socket, guest, clock }: DirectLine,
  begin: BeginRawAnswer,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const answer = begin({
    write(bytes): boolean {
      const hasRoom = socket.write(bytes);
      if (!hasRoom) guest.stalledSinceMs = clock.nowMs();
      return hasRoom;
    },
    end: resolve,
  });
  const drained = (): void => {
    guest.stalledSinceMs = null;
    answer.hasRoom();
  };
  const stop = (): void => resolve();
  socket.on("drain", drained);
  signal.addEventListener("abort", stop);
  answer.hasRoom();
  await promise;
  socket.off("drain", drained);
  signal.removeEventListener("abort", stop);
  answer.ended();
}

/** No faster than it is taken: what waits is a piece at most. */
async function pass(
  { socket, guest, clock }: DirectLine,
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const reader = body.getReader();
  let goOn = (): void => {};
  const drained = (): void => goOn();
  const stop = (): void => {
    goOn();
    reader.cancel().catch(() => {});
  };
  socket.on("drain", drained);
  signal.addEventListener("abort", stop);
  try {
    while (true) {
      const { value, done } = await reader.read();
      if (done || signal.aborted) return;
      if (socket.write(value)) continue;
      guest.stalledSinceMs = clock.nowMs();
      await new Promise<void>((resolve) => goOn = resolve);
      guest.stalledSinceMs = null;
    }
  } finally {
    socket.off("drain", drained);
    signal.removeEventListener("abort", stop);
  }
}
