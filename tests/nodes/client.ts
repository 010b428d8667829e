import { messageOf } from "../../base/mod.ts";

/**
 * What became of a request: `ok`, `refused` (nothing happened) or `unknown` (it may have happened, or may
 * yet).
 */
export type Answer<T> =
  | { readonly kind: "ok"; readonly status: number; readonly value: T }
  | {
    readonly kind: "refused" | "unknown";
    /** The HTTP status, or 0 when no answer came. */
    readonly status: number;
    /** The API's word for it; `timeout` or `unreachable` when no answer came. */
    readonly code: string;
    /** What it is, in words. */
    readonly detail: string;
  };

/** How sure it is that a request that was not answered with success did nothing. */
export type Grade = Exclude<Answer<unknown>["kind"], "ok">;

/** A key as the API shows it. */
export interface KeyValue {
  /** The key. */
  readonly key: string;
  /** Its value. */
  readonly value: string;
  /** The store's revision of the last change of the key. */
  readonly modRevision: number;
  /** The store's revision. */
  readonly revision: number;
}

/** What every request can have. */
export interface RequestOptions {
  /**
   * How long an answer is waited for.
   *
   * @default {5000}
   */
  readonly timeoutMs?: number;
}

/** What every change can have. */
export interface WriteOptions extends RequestOptions {
  /** Makes a repetition return the first answer; none when absent. */
  readonly idempotencyKey?: string;
}

/** The conditions of a put. */
export interface PutOptions extends WriteOptions {
  /** Only if the key's last change has this revision; 0: if the key is absent. */
  readonly ifRevision?: number;
  /** Only if the key has this value. */
  readonly ifValue?: string;
}

/** What a write of a key answers. */
export interface Written {
  /** The store's revision after it. */
  readonly revision: number;
}

/** One node's HTTP interface. */
export interface NodeClient extends Disposable {
  /** Sends any request; the answer's value is its JSON, or its text. */
  request(
    method: string,
    path: string,
    body?: unknown,
    options?: WriteOptions,
  ): Promise<Answer<unknown>>;
  /** Reads a key, linearizable; null when it is absent. */
  get(key: string, options?: RequestOptions): Promise<Answer<KeyValue | null>>;
  /** Reads a key from the node's own copy; null when it is absent. */
  getStale(
    key: string,
    options?: RequestOptions,
  ): Promise<Answer<KeyValue | null>>;
  /** Writes a key, unconditionally or as compare-and-set. */
  put(
    key: string,
    value: string,
    options?: PutOptions,
  ): Promise<Answer<Written>>;
  /** Appends to the log; the answer's value is the entry's position. */
  append(data: string, options?: WriteOptions): Promise<Answer<number>>;
  /** Tells whether the node says that it is ready. */
  isReady(options?: RequestOptions): Promise<boolean>;
  /** Returns the id of the leader as the node knows it, 0 for none. */
  leaderId(options?: RequestOptions): Promise<number>;
}

/** How a client is made. */
export interface NodeClientOptions {
  /** The node's HTTP interface, as `host:port`. */
  readonly api: string;
  /**
   * What it proves itself with; needed from beyond loopback.
   *
   * @default {nothing}
   */
  readonly token?: string;
  /**
   * How long an answer is waited for, where a request does not say.
   *
   * @default {5000}
   */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 5000;
const OUTCOME_UNKNOWN = new Set([500, 502, 504]);

/**
 * Makes a client of one node, with connections of its own.
 *
 * @param options Which node.
 * @returns The client; to be disposed of.
 */
export function createNodeClient(options: NodeClientOptions): NodeClient {
  const { api, token, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const line: Line = {
    http: Deno.createHttpClient({}),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    mayBeOpen: false,
  };

  const request: NodeClient["request"] = (method, path, body, own) =>
    send(line, `http://${api}${path}`, method, body, { timeoutMs, ...own });

  async function read(
    path: string,
    options?: RequestOptions,
  ): Promise<Answer<KeyValue | null>> {
    const answer = await request("GET", path, undefined, options);
    if (answer.kind === "ok") return { ...answer, value: keyValueOf(answer) };
    return answer.status === 404
      ? { kind: "ok", status: 404, value: null }
      : answer;
  }

  return {
    request,
    get: (key, options) => read(pathOf(key), options),
    getStale: (key, options) => read(`${pathOf(key)}?stale=true`, options),
    put: async (key, value, { ifRevision, ifValue, ...options } = {}) => {
      const body = {
        value,
        ...(ifRevision === undefined ? {} : { if_revision: ifRevision }),
        ...(ifValue === undefined ? {} : { if_value: ifValue }),
      };
      const answer = await request("PUT", pathOf(key), body, options);
      return answer.kind === "ok"
        ? { ...answer, value: { revision: numberIn(answer.value, "revision") } }
        : answer;
    },
    append: async (data, options) => {
      const answer = await request("POST", "/v1/log", { data }, options);
      return answer.kind === "ok"
        ? { ...answer, value: numberIn(answer.value, "index") }
        : answer;
    },
    isReady: async (options) =>
      (await request("GET", "/readyz", undefined, options)).kind === "ok",
    leaderId: async (options) => {
      const answer = await request("GET", "/v1/status", undefined, options);
      return answer.kind === "ok"
        ? numberIn(memberOf(answer.value, "raft"), "leader_id")
        : 0;
    },
    [Symbol.dispose]: () => line.http.close(),
  };
}

/** The connections of one client. */
interface Line {
  readonly http: Deno.HttpClient;
  /** What every request carries. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Whether a connection may be kept from before. A request that dies with such a one is sent again by
   * `fetch` itself, over a new connection, and fails with what became of that.
   */
  mayBeOpen: boolean;
}

async function send(
  line: Line,
  url: string,
  method: string,
  body: unknown,
  { idempotencyKey, timeoutMs = DEFAULT_TIMEOUT_MS }: WriteOptions,
): Promise<Answer<unknown>> {
  const headers = new Headers(line.headers);
  if (body !== undefined) headers.set("content-type", "application/json");
  if (idempotencyKey !== undefined) {
    headers.set("idempotency-key", idempotencyKey);
  }
  const wasOpen = line.mayBeOpen;
  try {
    const response = await fetch(url, {
      client: line.http,
      method,
      headers,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    line.mayBeOpen = true;
    return answerOf(response, await response.text(), method);
  } catch (error) {
    const isRefused = isConnectRefused(error);
    if (isRefused) line.mayBeOpen = false;
    return unanswered(error, method === "GET" || (isRefused && !wasOpen));
  }
}

function pathOf(key: string): string {
  return `/v1/kv/${encodeURIComponent(key)}`;
}

function answerOf(
  response: Response,
  text: string,
  method: string,
): Answer<unknown> {
  const { status } = response;
  const value = parseJson(text);
  if (response.ok) return { kind: "ok", status, value };
  return {
    kind: gradeOf(status, method),
    status,
    code: String(memberOf(value, "code") ?? `status_${status}`),
    detail: String(memberOf(value, "detail") ?? text),
  };
}

function gradeOf(status: number, method: string): Grade {
  return method !== "GET" && OUTCOME_UNKNOWN.has(status)
    ? "unknown"
    : "refused";
}

function unanswered(error: unknown, didNothing: boolean): Answer<never> {
  const isTimeout = error instanceof DOMException &&
    error.name === "TimeoutError";
  return {
    kind: didNothing ? "refused" : "unknown",
    status: 0,
    code: isTimeout ? "timeout" : "unreachable",
    detail: chainOf(error),
  };
}

/** Nothing was sent to a port that nobody listens on. */
function isConnectRefused(error: unknown): boolean {
  return /connection refused/i.test(chainOf(error));
}

/** What failed stands in the causes; the outermost message is "fetch failed". */
function chainOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined
    ? messageOf(error)
    : `${messageOf(error)}: ${chainOf(cause)}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && name in value
    ? Reflect.get(value, name)
    : undefined;
}

function numberIn(value: unknown, name: string): number {
  const found = memberOf(value, name);
  if (typeof found === "number") return found;
  throw new Error(
    `The answer has no number ${name}: ${JSON.stringify(value)}`,
  );
}

function keyValueOf({ value }: { value: unknown }): KeyValue {
  return {
    key: String(memberOf(value, "key")),
    value: String(memberOf(value, "value")),
    modRevision: numberIn(value, "mod_revision"),
    revision: numberIn(value, "revision"),
  };
}
