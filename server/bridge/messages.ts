/** What PostgreSQL's protocol calls version 3.0. */
export const PROTOCOL = 196_608;
/** A first message that asks for TLS, for GSSAPI, or for the end of another session's query. */
export const SSL_REQUEST = 80_877_103;
export const GSS_REQUEST = 80_877_104;
export const CANCEL_REQUEST = 80_877_102;

const ENCODER = new TextEncoder();
const TEXT_OID = 25;

/** What an error tells a client, in PostgreSQL's own terms. */
export interface ErrorFields {
  readonly severity: "ERROR" | "FATAL";
  readonly sqlState: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

function framed(type: string, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  const bytes = new Uint8Array(length + 1);
  bytes[0] = type.charCodeAt(0);
  new DataView(bytes.buffer).setUint32(1, length);
  let at = 5;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function text(value: string): Uint8Array {
  return ENCODER.encode(`${value.replaceAll("\0", "")}\0`);
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
}

function int16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  new DataView(bytes.buffer).setInt16(0, value);
  return bytes;
}

/** An authentication message; 0 without data lets the client in. */
export function authentication(code: number, data?: Uint8Array): Uint8Array {
  return framed("R", data ? [int32(code), data] : [int32(code)]);
}

/** The newest version that is spoken is 3.0, and no option is known. */
export function negotiateVersion(): Uint8Array {
  return framed("v", [int32(0), int32(0)]);
}

/** A setting of the session as the client is to know it. */
export function parameterStatus(name: string, value: string): Uint8Array {
  return framed("S", [text(name), text(value)]);
}

/** A notification, as of NOTIFY; `payload` is ASCII. */
export function notification(channel: string, payload: string): Uint8Array {
  return framed("A", [int32(0), text(channel), text(payload)]);
}

/** The client may go on; no transaction is open, as there are none. */
export function readyForQuery(): Uint8Array {
  return framed("Z", [ENCODER.encode("I")]);
}

/** What the columns of the rows to come are called; all are text. */
export function rowDescription(names: readonly string[]): Uint8Array {
  const columns = names.flatMap((name) => [
    text(name),
    int32(0),
    int16(0),
    int32(TEXT_OID),
    int16(-1),
    int32(-1),
    int16(0),
  ]);
  return framed("T", [int16(names.length), ...columns]);
}

/** One row. */
export function dataRow(values: readonly (string | null)[]): Uint8Array {
  const cells = values.flatMap((value) => {
    if (value === null) return [int32(-1)];
    const bytes = ENCODER.encode(value);
    return [int32(bytes.length), bytes];
  });
  return framed("D", [int16(values.length), ...cells]);
}

/** A statement has ended well. */
export function commandComplete(tag: string): Uint8Array {
  return framed("C", [text(tag)]);
}

/** A statement that says nothing. */
export function emptyQuery(): Uint8Array {
  return framed("I", []);
}

/** A statement, or with `FATAL` the session, has failed. */
export function errorResponse(fields: ErrorFields): Uint8Array {
  const given: [string, string | undefined][] = [
    ["S", fields.severity],
    ["V", fields.severity],
    ["C", fields.sqlState],
    ["M", fields.message],
    ["D", fields.detail],
    ["H", fields.hint],
  ];
  const parts = given.flatMap(([letter, value]) =>
    value === undefined ? [] : [ENCODER.encode(letter), text(value)]
  );
  return framed("E", [...parts, new Uint8Array(1)]);
}

/** Joins messages into one write. */
export function joined(messages: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(
    messages.reduce((sum, message) => sum + message.length, 0),
  );
  let at = 0;
  for (const message of messages) {
    bytes.set(message, at);
    at += message.length;
  }
  return bytes;
}
