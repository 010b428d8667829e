/** The head of a request that has no body. */
export interface Head {
  /** What is asked for, as it stands there. */
  readonly target: string;
  readonly headers: Headers;
}

/** What the first bytes of a connection are. */
export type HeadSeen =
  /** More is to come. */
  | { readonly kind: "part" }
  /** A whole head, and where what follows it begins. */
  | { readonly kind: "whole"; readonly head: Head; readonly endsAt: number }
  /** Nothing that is answered without the platform's server. */
  | { readonly kind: "other" };

/** A longer head is left to the platform's server. */
const MAX_HEAD_BYTES = 8192;
const BEGINNING = "GET ";
const FIRST_LINE = /^GET (\/[!-~]*) HTTP\/1\.([01])$/;
/** A name, and a value of visible characters, spaces and tabs. */
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*)$/;
/** What makes a request more than a head, or something else. */
const MORE: readonly string[] = [
  "content-length",
  "transfer-encoding",
  "upgrade",
  "expect",
];

/**
 * Reads the head of a plain GET. Whatever is not quite that is left to a server that knows all of HTTP.
 *
 * @param bytes What has come so far.
 * @returns What it is.
 */
export function readHead(bytes: Uint8Array): HeadSeen {
  const text = latin1(bytes.subarray(0, MAX_HEAD_BYTES));
  if (!text.startsWith(BEGINNING.slice(0, text.length))) {
    return { kind: "other" };
  }
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) {
    return { kind: bytes.length < MAX_HEAD_BYTES ? "part" : "other" };
  }
  const head = parse(text.slice(0, end).split("\r\n"));
  return head === null
    ? { kind: "other" }
    : { kind: "whole", head, endsAt: end + 4 };
}

function parse([first = "", ...lines]: readonly string[]): Head | null {
  const [, target, minor] = FIRST_LINE.exec(first) ?? [];
  if (target === undefined) return null;
  const headers = new Headers();
  for (const line of lines) {
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return null;
    headers.append(name, value);
  }
  // The older version hangs up after an answer, unless both want to go on.
  const goesOn = minor === "1" || headers.get("connection") === "keep-alive";
  const isPlain = goesOn && headers.has("host") &&
    !MORE.some((name) => headers.has(name));
  return isPlain ? { target, headers } : null;
}

/** A byte a character, so that places in the text are places in the bytes. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
