/** Where a server is reached. */
export type Place =
  | { readonly host: string; readonly port: number }
  | { readonly socket: string };

/** How a connection is opened. */
export interface WireOptions {
  /** Where the server is. */
  readonly place: Place;
  /**
   * As whom.
   *
   * @default {"postgres"}
   */
  readonly user?: string;
  /**
   * To which database.
   *
   * @default {"postgres"}
   */
  readonly database?: string;
  /**
   * How long the server may take until it takes statements.
   *
   * @default {1000}
   */
  readonly timeoutMs?: number;
}

/** What a statement returned. */
export interface Result {
  /** Its rows, as text. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** The warnings that came with it. */
  readonly warnings: readonly string[];
}

/** How a statement failed: refused by the server, or with the connection, so that it may have happened. */
export type WireFailure = "refused" | "lost" | "timeout";

/** Why a connection or a statement failed. */
export class WireError extends Error {
  /** What is known of the statement. */
  readonly failure: WireFailure;
  /** The server's code, such as `57P03`, or nothing. */
  readonly code: string;

  /** Makes one. */
  constructor(failure: WireFailure, message: string, code = "") {
    super(message);
    this.name = "WireError";
    this.failure = failure;
    this.code = code;
  }
}

/** One connection to PostgreSQL. Every statement has a deadline, which ends the connection. */
export interface WireConnection extends Disposable {
  /**
   * Runs statements and returns the rows of the last.
   *
   * @param sql One or more statements; no parameters.
   * @param timeoutMs How long it may take; afterwards the connection is closed without a cancel request.
   * @throws {WireError} When it fails.
   */
  query(sql: string, timeoutMs?: number): Promise<Result>;
  /** What a cancel request of its statements names: process and key. */
  readonly cancelKey: Uint8Array;
  /** What the server told of itself when it let it in. */
  readonly parameters: ReadonlyMap<string, string>;
}

const DEFAULT_CONNECT_MS = 1000;
const DEFAULT_QUERY_MS = 5000;
const PROTOCOL = 196_608;
const CANCEL = 80_877_102;
const NO_TRUST = "the server asks for a password";

interface Message {
  readonly type: string;
  readonly body: Uint8Array;
}

/**
 * Opens a connection that needs no password. It speaks simple queries only, and adds nothing to what they
 * take: it is there to measure.
 *
 * @param options Where and as whom.
 * @returns The connection; to be disposed of.
 * @throws {WireError} When the server does not let it in in time.
 */
export async function connectPostgres(
  options: WireOptions,
): Promise<WireConnection> {
  const { place, user = "postgres", database = "postgres" } = options;
  const timeoutMs = options.timeoutMs ?? DEFAULT_CONNECT_MS;
  const line = createLine();
  const parameters = new Map<string, string>();
  let cancelKey = new Uint8Array();
  try {
    await line.within(timeoutMs, "connect", async () => {
      line.begin(await dial(place));
      await line.send(startup(user, database));
      for (let type = ""; type !== "Z";) {
        const told = await line.next();
        type = told.type;
        if (type === "K") cancelKey = told.body.slice();
        if (type !== "S") continue;
        const words = new TextDecoder().decode(told.body).split("\0");
        parameters.set(words[0] ?? "", words[1] ?? "");
      }
    });
  } catch (error) {
    line.close();
    throw error;
  }
  return {
    query: (sql, queryMs = DEFAULT_QUERY_MS) =>
      line.within(queryMs, sql, async () => {
        await line.send(message("Q", `${sql}\0`));
        return await readResult(line);
      }),
    cancelKey,
    parameters,
    [Symbol.dispose]: () => line.close(),
  };
}

/**
 * Asks a server to cancel a statement, as libpq does, and waits until it has hung up.
 *
 * @param place The server.
 * @param cancelKey Of the connection that runs the statement.
 */
export async function requestCancel(
  place: Place,
  cancelKey: Uint8Array,
): Promise<void> {
  using conn = await dial(place);
  const bytes = new Uint8Array(8 + cancelKey.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, bytes.length);
  view.setInt32(4, CANCEL);
  bytes.set(cancelKey, 8);
  await conn.write(bytes);
  await conn.read(new Uint8Array(1));
}

async function dial(place: Place): Promise<Deno.Conn> {
  if ("socket" in place) {
    return await Deno.connect({ transport: "unix", path: place.socket });
  }
  const { host: hostname, port } = place;
  const conn = await Deno.connect({ hostname, port });
  conn.setNoDelay(true);
  return conn;
}

interface Line {
  begin(conn: Deno.Conn): void;
  send(bytes: Uint8Array): Promise<void>;
  /** The next message; errors that end the session are thrown. */
  next(): Promise<Message>;
  /** Runs something to a deadline, which closes the line; afterwards it fails at once. */
  within<T>(
    timeoutMs: number,
    what: string,
    run: () => Promise<T>,
  ): Promise<T>;
  close(): void;
}

function createLine(): Line {
  let conn: Deno.Conn | null = null;
  let isClosed = false;
  const held = createHeld(() => conn);

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    conn?.close();
  }

  return {
    begin: (opened) => {
      conn = opened;
      if (isClosed) opened.close();
    },
    send: async (bytes) => {
      for (let at = 0; at < bytes.length;) {
        at += await conn?.write(bytes.subarray(at)) ?? bytes.length;
      }
    },
    next: async () => checked(await held.next()),
    within: async (timeoutMs, what, run) => {
      if (isClosed) throw new WireError("lost", "The connection is closed");
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        close();
      }, timeoutMs);
      try {
        return await run();
      } catch (error) {
        if (isLate) {
          const text = `Not within ${timeoutMs} ms: ${what}`;
          throw new WireError("timeout", text);
        }
        const known = error instanceof WireError
          ? error
          : new WireError("lost", String(error));
        if (known.failure !== "refused") close();
        throw known;
      } finally {
        clearTimeout(timer);
      }
    },
    close,
  };
}

/** What has come in and is not read yet. */
function createHeld(
  conn: () => Deno.Conn | null,
): { next(): Promise<Message> } {
  let held = new Uint8Array();
  const chunk = new Uint8Array(16_384);

  async function fill(count: number): Promise<void> {
    while (held.length < count) {
      const read = await conn()?.read(chunk) ?? null;
      if (read === null) throw new WireError("lost", "The server hung up");
      const joined = new Uint8Array(held.length + read);
      joined.set(held);
      joined.set(chunk.subarray(0, read), held.length);
      held = joined;
    }
  }

  return {
    next: async () => {
      await fill(5);
      const size = new DataView(held.buffer, held.byteOffset).getInt32(1) + 1;
      await fill(size);
      const type = String.fromCharCode(held[0] ?? 0);
      const body = held.slice(5, size);
      held = held.slice(size);
      return { type, body };
    },
  };
}

/** What ends the session may come after the commit, while it waited for standbys: then nothing is known. */
function checked({ type, body }: Message): Message {
  if (type === "R" && new DataView(body.buffer).getInt32(0) !== 0) {
    throw new WireError("lost", NO_TRUST);
  }
  const failure = type === "E" ? fieldsOf(body) : null;
  if (failure && failure.get("V") !== "ERROR") {
    throw new WireError("lost", failure.get("M") ?? "", failure.get("C"));
  }
  return { type, body };
}

async function readResult(line: Line): Promise<Result> {
  let rows: (string | null)[][] = [];
  const warnings: string[] = [];
  let failure: ReadonlyMap<string, string> | null = null;
  while (true) {
    const { type, body } = await line.next();
    if (type === "T") rows = [];
    if (type === "D") rows.push(valuesOf(body));
    if (type === "N") warnings.push(fieldsOf(body).get("M") ?? "");
    if (type === "E") failure = fieldsOf(body);
    if (type !== "Z") continue;
    if (failure === null) return { rows, warnings };
    const text = failure.get("M") ?? "";
    throw new WireError("refused", text, failure.get("C"));
  }
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

function startup(user: string, database: string): Uint8Array {
  const words = `user\0${user}\0database\0${database}\0\0`;
  const text = ENCODER.encode(words);
  const bytes = new Uint8Array(8 + text.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, bytes.length);
  view.setInt32(4, PROTOCOL);
  bytes.set(text, 8);
  return bytes;
}

function message(type: string, body: string): Uint8Array {
  const text = ENCODER.encode(body);
  const bytes = new Uint8Array(5 + text.length);
  bytes[0] = type.charCodeAt(0);
  new DataView(bytes.buffer).setInt32(1, 4 + text.length);
  bytes.set(text, 5);
  return bytes;
}

/** The fields of an error or notice, by their letter. */
function fieldsOf(body: Uint8Array): ReadonlyMap<string, string> {
  const fields = DECODER.decode(body).split("\0").filter((one) => one !== "");
  return new Map(
    fields.map((field) => [field.slice(0, 1), field.slice(1)]),
  );
}

function valuesOf(body: Uint8Array): (string | null)[] {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const values: (string | null)[] = [];
  let at = 2;
  for (let left = view.getInt16(0); left > 0; left--) {
    const size = view.getInt32(at);
    at += 4;
    if (size < 0) {
      values.push(null);
      continue;
    }
    values.push(DECODER.decode(body.subarray(at, at + size)));
    at += size;
  }
  return values;
}
