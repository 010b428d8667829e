import type { Asker } from "./answering.ts";
import { type Line, LineError } from "./line.ts";
import {
  authentication,
  CANCEL_REQUEST,
  errorResponse,
  GSS_REQUEST,
  joined,
  negotiateVersion,
  notification,
  parameterStatus,
  PROTOCOL,
  readyForQuery,
  SSL_REQUEST,
} from "./messages.ts";
import { beginScram, type ScramKeys } from "./scram.ts";

/** How a client shows who it is. */
export type Guard =
  /** It came over a socket that only the database's OS user can open. */
  | { readonly kind: "trusted" }
  /** By a password. */
  | { readonly kind: "scram"; readonly users: ReadonlyMap<string, BridgeUser> };

/** Who may come over TCP. */
export interface BridgeUser {
  readonly keys: ScramKeys;
  readonly asker: Exclude<Asker, "extension">;
}

/** How long a client has for each message until it is in. */
const ENTRANCE_TIMEOUT_MS = 5000;
/** PostgreSQL's own bound on a first message. */
const MAX_FIRST_BYTES = 10_000;
/** The extension's may hold a call. */
const MAX_FIRST_WITH_CALL_BYTES = 65_536;
const MAX_PASSWORD_BYTES = 4096;
/** A client asks for TLS and for GSSAPI, once each. */
const MAX_REFUSALS = 2;

const SASL = { begin: 10, go_on: 11, end: 12 } as const;
const MECHANISM = "SCRAM-SHA-256";

/** Who has come to the door. */
export interface Entered {
  readonly asker: Asker;
  /** The call that the extension brings along, as it would stand in a statement; null for none. */
  readonly call: string | null;
}

/**
 * Looks who a client is; it is then to be welcomed.
 *
 * @param line The client.
 * @param guard How it shows who it is.
 * @returns Who asks; null when nobody came in.
 * @throws {LineError} When the client does not keep to the protocol.
 */
export async function letIn(
  line: Line,
  guard: Guard,
): Promise<Entered | null> {
  const isTrusted = guard.kind === "trusted";
  const first = await readFirst(
    line,
    isTrusted ? MAX_FIRST_WITH_CALL_BYTES : MAX_FIRST_BYTES,
  );
  if (first === null) return null;
  const { user, options, minor } = first;
  if (minor !== 0) await write(line, negotiateVersion());
  if (isTrusted) return { asker: "extension", call: options };
  const asker = await checkPassword(line, guard.users.get(user) ?? null);
  if (asker !== null) return { asker, call: null };
  await write(
    line,
    errorResponse({
      severity: "FATAL",
      sqlState: "28P01",
      message: `password authentication failed for user "${user}"`,
      hint:
        "Users are pgraft_admin and pgraft_monitor, with the tokens of the HTTP API.",
    }),
  );
  return null;
}

/**
 * Opens the door to a client that may come in.
 *
 * @param line The client.
 * @param version What the bridge calls its version.
 * @param answer What the call that it brought along has come to; null for none.
 */
export async function welcome(
  line: Line,
  version: string,
  answer: string | null,
): Promise<void> {
  await write(
    line,
    joined([
      authentication(0),
      parameterStatus("server_version", `15.0 (pgraft ${version})`),
      parameterStatus("server_encoding", "UTF8"),
      parameterStatus("client_encoding", "UTF8"),
      parameterStatus("DateStyle", "ISO, MDY"),
      parameterStatus("integer_datetimes", "on"),
      parameterStatus("standard_conforming_strings", "on"),
      ...answer === null ? [] : [notification("answer", answer)],
      readyForQuery(),
    ]),
  );
}

async function write(line: Line, bytes: Uint8Array): Promise<void> {
  await line.write(bytes, ENTRANCE_TIMEOUT_MS);
}

/** What a first message says. */
interface First {
  readonly user: string;
  readonly options: string | null;
  readonly minor: number;
}

async function readFirst(line: Line, maxBytes: number): Promise<First | null> {
  for (let refusals = 0; refusals <= MAX_REFUSALS; refusals++) {
    const message = await line.next({
      isFirst: true,
      maxBytes,
      timeoutMs: ENTRANCE_TIMEOUT_MS,
    });
    if (message === null || message.body.length < 4) return null;
    const { body } = message;
    const code = new DataView(body.buffer, body.byteOffset).getUint32(0);
    if (code === CANCEL_REQUEST) return null;
    if (code === SSL_REQUEST || code === GSS_REQUEST) {
      await write(line, new TextEncoder().encode("N"));
      continue;
    }
    if (code >>> 16 !== PROTOCOL >>> 16) {
      throw new LineError("The client speaks another protocol");
    }
    const words = new TextDecoder().decode(body.subarray(4)).split("\0");
    const said = (name: string): string | null => {
      const at = words.findIndex((word, i) => i % 2 === 0 && word === name);
      return at < 0 ? null : words[at + 1] ?? null;
    };
    return {
      user: said("user") ?? "",
      options: said("options"),
      minor: code & 0xffff,
    };
  }
  throw new LineError("The client asks for encryption again and again");
}

async function checkPassword(
  line: Line,
  user: BridgeUser | null,
): Promise<Asker | null> {
  const encoder = new TextEncoder();
  await write(
    line,
    authentication(SASL.begin, encoder.encode(`${MECHANISM}\0\0`)),
  );
  const initial = await readPassword(line);
  if (initial === null) return null;
  const end = initial.indexOf(0);
  const mechanism = new TextDecoder().decode(initial.subarray(0, end));
  if (end < 0 || mechanism !== MECHANISM) return null;
  const clientFirst = new TextDecoder().decode(initial.subarray(end + 5));
  const exchange = beginScram(user?.keys ?? null, clientFirst);
  if (exchange === null) return null;
  await write(
    line,
    authentication(SASL.go_on, encoder.encode(exchange.serverFirst)),
  );
  const final = await readPassword(line);
  if (final === null) return null;
  const serverFinal = exchange.finish(new TextDecoder().decode(final));
  if (serverFinal === null || user === null) return null;
  await write(line, authentication(SASL.end, encoder.encode(serverFinal)));
  return user.asker;
}

async function readPassword(line: Line): Promise<Uint8Array | null> {
  const message = await line.next({
    maxBytes: MAX_PASSWORD_BYTES,
    timeoutMs: ENTRANCE_TIMEOUT_MS,
  });
  return message?.type === "p" ? message.body : null;
}
