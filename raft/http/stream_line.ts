import { formatAddress, type HostAndPort } from "./address.ts";
import { FrameError } from "./frame.ts";
import type { PeerLine } from "./line.ts";

/** What one read takes at most, and the longest head of an answer. */
const BUFFER_BYTES = 64 * 1024;
const STATUS_LINE = /^HTTP\/1\.[01] ([2-5]\d\d)(?: |$)/;
const NO_CONTENT = 204;
const LINE_END = "\r\n";
const HEAD_END = LINE_END + LINE_END;

/** A connection to one peer over which an answer comes that does not end. */
export interface StreamLine extends PeerLine {
  /**
   * Waits for the next piece of what follows the head of the last answer.
   *
   * @returns The piece, good until the next call; null once the peer has ended it.
   */
  read(): Promise<Uint8Array | null>;
}

/**
 * Makes a line of a connection.
 *
 * The platform's client hands on what comes through streams that cost more than receiving it. Here a read is a
 * read of the connection, into one buffer that is used over and over. Requests are of HTTP/1.0, so that a server
 * of any kind sends a body as it is, up to the end of the connection.
 *
 * @param conn The connection; it is closed with the line.
 * @param address Where it leads.
 * @returns The line. It asks for what has no body, one after the other.
 */
export function createStreamLine(
  conn: Deno.Conn,
  address: HostAndPort,
): StreamLine {
  const buffer = new Uint8Array(BUFFER_BYTES);
  let rest = buffer.subarray(0, 0);
  let isOpen = true;
  let isStreaming = false;

  function close(): void {
    if (!isOpen) return;
    isOpen = false;
    conn.close();
  }

  return {
    async ask(path, { headers }, signal): Promise<Response> {
      signal.throwIfAborted();
      if (isStreaming) throw new FrameError("The last answer has not ended");
      signal.addEventListener("abort", close, { once: true });
      await writeAll(conn, headOf(path, headers, formatAddress(address)));
      const [head, filled] = await readHead(conn, buffer);
      rest = buffer.subarray(head.length, filled);
      const response = responseOf(head);
      isStreaming = response.status !== NO_CONTENT;
      return response;
    },
    async read(): Promise<Uint8Array | null> {
      if (rest.length > 0) {
        const piece = rest;
        rest = buffer.subarray(0, 0);
        return piece;
      }
      const count = await conn.read(buffer);
      return count === null ? null : buffer.subarray(0, count);
    },
    close,
  };
}

function headOf(path: string, headers: Headers, host: string): Uint8Array {
  const lines = [`GET ${path} HTTP/1.0`, `host: ${host}`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  lines.push("connection: keep-alive");
  return new TextEncoder().encode(lines.join(LINE_END) + HEAD_END);
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

/** Reads until a head is whole; returns it, and how much has come in all. */
async function readHead(
  conn: Deno.Conn,
  buffer: Uint8Array,
): Promise<[string, number]> {
  const decoder = new TextDecoder("latin1");
  let text = "";
  while (text.length < buffer.length) {
    const count = await conn.read(buffer.subarray(text.length));
    if (count === null) throw new FrameError("The answer ended in its head");
    const from = text.length;
    text += decoder.decode(buffer.subarray(from, from + count));
    const end = text.indexOf(HEAD_END, Math.max(0, from - HEAD_END.length));
    if (end >= 0) return [text.slice(0, end + HEAD_END.length), text.length];
  }
  throw new FrameError(`The answer's head exceeds ${buffer.length} bytes`);
}

function responseOf(head: string): Response {
  const [first = "", ...lines] = head.trimEnd().split(LINE_END);
  const status = Number(STATUS_LINE.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new FrameError("The answer is not of HTTP/1");
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new FrameError("The answer has a header without name");
    headers.append(line.slice(0, colon), line.slice(colon + 1));
  }
  if (headers.has("transfer-encoding")) {
    throw new FrameError("The answer is encoded, which nobody asked for");
  }
  return new Response(null, { status, headers });
}
