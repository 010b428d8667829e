/** A message of a client. */
export interface ClientMessage {
  /** Its letter; empty for the first one, which has none. */
  readonly type: string;
  readonly body: Uint8Array;
}

/** A client that does not keep to the protocol, or was too slow. */
export class LineError extends Error {
  override readonly name = "LineError";
}

/** A connection with a client, message by message; every wait has a deadline. */
export interface Line {
  /** The next message; null when the client has hung up. */
  next(options: {
    readonly isFirst?: boolean;
    readonly maxBytes: number;
    readonly timeoutMs: number;
  }): Promise<ClientMessage | null>;
  write(bytes: Uint8Array, timeoutMs: number): Promise<void>;
  close(): void;
}

/** What is read at a time where a message is not longer. */
const CHUNK_BYTES = 4096;

/** What has come in and is not read yet: the first `length` bytes. */
interface Held {
  bytes: Uint8Array;
  length: number;
}

/** Reads on until that many bytes are held; says whether they are. A long message is not copied again. */
async function fill(
  conn: Deno.Conn,
  held: Held,
  count: number,
): Promise<boolean> {
  if (held.bytes.length < count) {
    const larger = new Uint8Array(count);
    larger.set(held.bytes.subarray(0, held.length));
    held.bytes = larger;
  }
  while (held.length < count) {
    const read = await conn.read(held.bytes.subarray(held.length));
    if (read === null) return false;
    held.length += read;
  }
  return true;
}

function take(held: Held, count: number): Uint8Array {
  const taken = held.bytes.slice(0, count);
  const rest = held.bytes.subarray(count, held.length);
  const bytes = new Uint8Array(Math.max(CHUNK_BYTES, rest.length));
  bytes.set(rest);
  held.bytes = bytes;
  held.length = rest.length;
  return taken;
}

async function readMessage(
  conn: Deno.Conn,
  held: Held,
  isFirst: boolean,
  maxBytes: number,
): Promise<ClientMessage | null> {
  const head = isFirst ? 0 : 1;
  if (!await fill(conn, held, head + 4)) return null;
  const { buffer, byteOffset } = held.bytes;
  const length = new DataView(buffer, byteOffset).getUint32(head);
  if (length < 4 || length > maxBytes) {
    throw new LineError(
      `A message of ${length} bytes came, and ${maxBytes} are allowed`,
    );
  }
  const end = head + length;
  if (!await fill(conn, held, end)) return null;
  const message = take(held, end);
  const type = isFirst ? "" : String.fromCharCode(message[0] ?? 0);
  return { type, body: message.subarray(head + 4) };
}

/** Makes a line of a connection. */
export function createLine(conn: Deno.Conn): Line {
  const held: Held = {
    bytes: new Uint8Array(CHUNK_BYTES),
    length: 0,
  };
  let isClosed = false;

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    conn.close();
  }

  async function within<T>(
    timeoutMs: number,
    run: () => Promise<T>,
  ): Promise<T> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      close();
    }, timeoutMs);
    try {
      return await run();
    } catch (error) {
      if (isLate) throw new LineError(`Nothing came in ${timeoutMs} ms`);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    next: ({ isFirst = false, maxBytes, timeoutMs }) =>
      within(timeoutMs, () => readMessage(conn, held, isFirst, maxBytes)),
    write: (bytes, timeoutMs) =>
      within(timeoutMs, async () => {
        for (let at = 0; at < bytes.length;) {
          at += await conn.write(bytes.subarray(at));
        }
      }),
    close,
  };
}
