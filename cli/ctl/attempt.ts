import { messageOf } from "../../base/mod.ts";
import { readBounded } from "../io.ts";
import { type Problem, readProblem } from "./problem.ts";

/** The most that is read of an answer. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/** What is asked of a node. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** From `/v1` on, with its query. */
  readonly path: string;
  readonly body?: unknown;
  /** Whether it happens once however often it comes: reads, and writes that remember their key. */
  readonly happensOnce: boolean;
  /** Whether it takes long: then the node that answered last has all of the time to itself. */
  readonly isLong?: boolean;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the answer's body is wanted as it comes, as a stream. */
  readonly isStream?: boolean;
  /** The command that shows whether a change happened, where there is one. */
  readonly lookWith?: string;
}

/** How one attempt ended. */
export type Outcome =
  | { readonly kind: "answer"; readonly body: unknown }
  | { readonly kind: "problem"; readonly problem: Problem }
  /** No connection stood, so nothing can have happened. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** The connection broke, or brought no answer that can be read. */
  | { readonly kind: "broken"; readonly reason: string }
  | { readonly kind: "timeout" }
  | { readonly kind: "interrupted" };

/** Where and how to send a request. */
export interface Attempt {
  /** `http://host:port`. */
  readonly origin: string;
  readonly http: Deno.HttpClient;
  readonly headers: Readonly<Record<string, string>>;
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readAnswer(response: Response): Promise<Outcome> {
  const bytes = response.body === null
    ? new Uint8Array()
    : await readBounded(response.body, MAX_ANSWER_BYTES);
  if (bytes === null) {
    const reason = `the answer is larger than ${MAX_ANSWER_BYTES} bytes`;
    return { kind: "broken", reason };
  }
  const text = new TextDecoder().decode(bytes);
  const body = parseJson(text);
  if (!response.ok) {
    return { kind: "problem", problem: readProblem(response.status, body) };
  }
  if (text === "") return { kind: "answer", body: {} };
  return body === undefined
    ? { kind: "broken", reason: "the answer is no JSON; is it pgraft's API" }
    : { kind: "answer", body };
}

/** What the platform's words for failed handshakes mean; nothing was asked yet when they come. */
const TLS_REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /invalid peer certificate: (UnknownIssuer|BadSignature)/,
    "its certificate is not signed by an authority of --ca-file",
  ],
  [/certificate expired/, "its certificate has expired"],
  [
    /certificate not valid for name/,
    "its certificate is for another name than the address given",
  ],
  [
    /fatal alert: CertificateRequired/,
    "it asks for a certificate; give --cert-file and --key-file",
  ],
  [/corrupt message|InvalidContentType/, "it does not speak TLS; ask http://"],
];

/** Errors of `fetch` say what happened in words only. */
function outcomeOfError(error: unknown): Outcome {
  const cause = error instanceof Error && error.cause !== undefined
    ? error.cause
    : error;
  const message = messageOf(cause);
  const connect = /client error \(Connect\): (.*)$/.exec(message);
  const reason =
    (connect?.[1] ?? message.replace(/^.*client error \(\w+\): /, ""))
      .replace(/^(tcp connect error|dns error): /, "")
      .replace(/ \(os error \d+\)$/, "");
  const isUnreachable = connect !== null || /are blocked$/.test(message);
  const aboutTls = TLS_REASONS.find(([pattern]) => pattern.test(message));
  return aboutTls
    ? { kind: "unreachable", reason: aboutTls[1] }
    : { kind: isUnreachable ? "unreachable" : "broken", reason };
}

async function send(
  { origin, http, headers }: Attempt,
  { method, path, body, isStream = false }: ApiRequest,
  signal: AbortSignal,
): Promise<Outcome> {
  const response = await fetch(origin + path, {
    method,
    client: http,
    headers,
    redirect: "manual",
    signal,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (isStream && response.ok) {
    return { kind: "answer", body: response.body };
  }
  return await readAnswer(response);
}

/**
 * Sends a request once.
 *
 * @param attempt Where and how.
 * @param request What.
 * @returns How it ended; nothing is thrown for what the network does.
 */
export async function sendOnce(
  attempt: Attempt,
  request: ApiRequest,
): Promise<Outcome> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), attempt.limitMs);
  try {
    const signal = AbortSignal.any([attempt.signal, limit.signal]);
    return await send(attempt, request, signal);
  } catch (error) {
    if (attempt.signal.aborted) return { kind: "interrupted" };
    return limit.signal.aborted ? { kind: "timeout" } : outcomeOfError(error);
  } finally {
    clearTimeout(timer);
  }
}
