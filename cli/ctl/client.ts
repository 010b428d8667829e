import { formatDuration } from "../../base/mod.ts";
import { CommandFailure, EXIT } from "../exit_codes.ts";
import { type ApiRequest, type Outcome, sendOnce } from "./attempt.ts";
import { pause } from "./pause.ts";
import { failureOf, mayAskAgain, mayHaveHappened } from "./problem.ts";

/** The pause after the first round of all addresses; it doubles with each. */
const FIRST_PAUSE_MS = 50;
/** The longest pause between two rounds. */
const MAX_PAUSE_MS = 1000;

/** What a client trusts and shows, as PEM. */
export interface ClientTls {
  /** Certificate authorities to trust beside the system's. */
  readonly caCerts: readonly string[];
  /** What an API that asks for it is shown. */
  readonly identity: { readonly cert: string; readonly key: string } | null;
}

/** Options of {@linkcode createClient}. */
export interface ClientOptions {
  /** `http://host:port` of each node, in the order in which they are tried. */
  readonly origins: readonly string[];
  /** The token, or null for none. */
  readonly token: string | null;
  readonly tls: ClientTls;
  /** How long a call may take with all of its repetitions. */
  readonly timeoutMs: number;
  /** Ends all calls. */
  readonly signal: AbortSignal;
  /** Called when a call is about to be repeated for the first time. */
  readonly onRepeat: (why: string) => Promise<void>;
}

/** Reaches nodes over HTTP. */
export interface Client {
  /** How long one node may take over one call. */
  readonly patienceMs: number;
  /**
   * Asks one node after the other until one answers.
   *
   * @throws {CommandFailure} When none does in time, or one refuses.
   */
  call(request: ApiRequest): Promise<unknown>;
  /** Frees what it holds. */
  close(): void;
}

interface Caller {
  readonly options: ClientOptions;
  readonly http: Deno.HttpClient;
  /** The node that answered last comes first. */
  origins: readonly string[];
}

interface Calling {
  readonly request: ApiRequest;
  readonly headers: Readonly<Record<string, string>>;
  readonly deadlineMs: number;
  /** The last outcome of each node. */
  readonly outcomes: Map<string, Outcome>;
  isUncertain: boolean;
}

function headersFor(
  token: string | null,
  { method, headers = {}, isStream = false }: ApiRequest,
): Record<string, string> {
  return {
    accept: isStream ? "text/event-stream" : "application/json",
    ...headers,
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(method === "GET" ? {} : {
      "content-type": "application/json",
      // One key for all repetitions, so that the change happens once.
      "idempotency-key": crypto.randomUUID(),
    }),
  };
}

function mayRepeat(outcome: Outcome, { happensOnce }: ApiRequest): boolean {
  switch (outcome.kind) {
    case "unreachable":
      return true;
    case "problem":
      return mayAskAgain(outcome.problem, happensOnce);
    case "broken":
    case "timeout":
      return happensOnce;
    case "answer":
    case "interrupted":
      return false;
  }
}

function leavesDoubt(outcome: Outcome): boolean {
  return outcome.kind === "problem"
    ? mayHaveHappened(outcome.problem)
    : outcome.kind !== "unreachable";
}

function outcomeWords(outcome: Outcome): string {
  switch (outcome.kind) {
    case "unreachable":
    case "broken":
      return outcome.reason;
    case "problem":
      return outcome.problem.detail;
    default:
      return "no answer in time";
  }
}

function placeOf(origin: string): string {
  return origin.replace(/^https?:\/\//, "");
}

function unreachableFailure(calling: Calling): CommandFailure {
  const places = [...calling.outcomes].map(([origin, outcome]) =>
    `${placeOf(origin)} (${outcomeWords(outcome)})`
  );
  return new CommandFailure(
    `No node could be reached at ${places.join(", ")}`,
    EXIT.failure,
    [
      "Start one with pgraft serve, or name a node's api.advertise with --api HOST:PORT or PGRAFT_API",
    ],
  );
}

/** What a node said tells more than that another was silent. */
function failureFor(caller: Caller, calling: Calling): CommandFailure {
  const { request, outcomes } = calling;
  const isRead = request.method === "GET";
  if (calling.isUncertain && !isRead) return uncertainFailure(calling);
  for (const [origin, outcome] of outcomes) {
    if (outcome.kind !== "problem") continue;
    return failureOf(outcome.problem, placeOf(origin));
  }
  const states = [...outcomes.values()];
  if (states.every(({ kind }) => kind === "unreachable")) {
    return unreachableFailure(calling);
  }
  return silentFailure(caller, calling);
}

function silentFailure(caller: Caller, calling: Calling): CommandFailure {
  const places = [...calling.outcomes].map(([origin, outcome]) =>
    `${placeOf(origin)}: ${outcomeWords(outcome)}`
  );
  const limit = formatDuration(caller.options.timeoutMs);
  const isBroken = [...calling.outcomes.values()]
    .every(({ kind }) => kind === "broken" || kind === "unreachable");
  return new CommandFailure(
    `No node answered within ${limit}`,
    isBroken ? EXIT.failure : EXIT.unknown,
    [...places, "Allow more with --timeout"],
  );
}

function uncertainFailure(calling: Calling): CommandFailure {
  const places = [...calling.outcomes].map(([origin, outcome]) =>
    `${placeOf(origin)}: ${outcomeWords(outcome)}`
  );
  return new CommandFailure(
    "There was no sure answer, so it is not known whether this happened",
    EXIT.unknown,
    [...places, lookWords(calling.request)],
  );
}

function lookWords({ lookWith }: ApiRequest): string {
  const look = "Look before you repeat it";
  return lookWith === undefined ? look : `${look}: ${lookWith}`;
}

function interruption({ request }: Calling): CommandFailure {
  const isRead = request.method === "GET";
  return new CommandFailure(
    isRead ? "Interrupted" : "Interrupted; it may have happened",
    EXIT.interrupted,
    request.lookWith === undefined ? [] : [lookWords(request)],
  );
}

/** Asks each node once; null when all of them leave it open. */
async function askRound(
  caller: Caller,
  calling: Calling,
): Promise<{ readonly body: unknown } | null> {
  const { request, headers, outcomes } = calling;
  const { http, options: { signal } } = caller;
  const { origins } = caller;
  for (const [at, origin] of origins.entries()) {
    const leftMs = calling.deadlineMs - performance.now();
    if (leftMs <= 0) return null;
    const limitMs = request.isLong ? leftMs : leftMs / (origins.length - at);
    const attempt = { origin, http, headers, limitMs, signal };
    const outcome = await sendOnce(attempt, request);
    if (outcome.kind === "answer") {
      caller.origins = [origin, ...origins.filter((one) => one !== origin)];
      return { body: outcome.body };
    }
    if (outcome.kind === "interrupted") throw interruption(calling);
    outcomes.set(origin, outcome);
    calling.isUncertain ||= leavesDoubt(outcome);
    if (mayRepeat(outcome, request)) continue;
    throw outcome.kind === "problem"
      ? failureOf(outcome.problem, placeOf(origin))
      : failureFor(caller, calling);
  }
  return null;
}

async function call(caller: Caller, request: ApiRequest): Promise<unknown> {
  const { token, timeoutMs, signal, onRepeat } = caller.options;
  const calling: Calling = {
    request,
    headers: headersFor(token, request),
    deadlineMs: performance.now() + timeoutMs,
    outcomes: new Map(),
    isUncertain: false,
  };
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    const answer = await askRound(caller, calling);
    if (answer !== null) return answer.body;
    const outcomes = [...calling.outcomes.values()];
    const isNobody = outcomes.every(({ kind }) => kind === "unreachable");
    const leftMs = calling.deadlineMs - performance.now();
    if (isNobody || leftMs <= pauseMs) throw failureFor(caller, calling);
    const why = outcomes.find(({ kind }) => kind !== "unreachable");
    if (pauseMs === FIRST_PAUSE_MS && why !== undefined) {
      await onRepeat(outcomeWords(why));
    }
    await pause(pauseMs, signal);
    if (signal.aborted) throw interruption(calling);
    pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
  }
}

/**
 * Makes a client.
 *
 * @param options Whom it reaches and how.
 * @returns The client; close it in the end.
 */
export function createClient(options: ClientOptions): Client {
  const { origins, tls: { caCerts, identity }, timeoutMs } = options;
  const http = Deno.createHttpClient({
    // Over HTTP/2 the platform's client stalls for 40 ms in bodies over 1 KiB.
    http2: false,
    caCerts: [...caCerts],
    ...(identity ?? {}),
  });
  const caller: Caller = { options, http, origins };
  return {
    patienceMs: timeoutMs / origins.length,
    call: (request) => call(caller, request),
    close: () => http.close(),
  };
}
