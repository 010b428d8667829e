import { type Deadlines, messageOf } from "../../base/mod.ts";
import type { Audit, Caller } from "../audit/mod.ts";
import type { LeaderHint, RaftErrorCode } from "../../raft/mod.ts";
import { RaftError } from "../../raft/mod.ts";
import { type AccessRules, checkAccess } from "./access.ts";
import { readText } from "./body.ts";
import { responseOf } from "./json.ts";
import { Problem, type ProblemCode, problemResponse } from "./problem.ts";
import type { Match, Route, RouteTable } from "./route.ts";

/** What a dispatcher needs to know. */
export interface HandleOptions {
  readonly table: RouteTable;
  readonly rules: AccessRules;
  /** The largest body. */
  readonly maxBodyBytes: number;
  /** By when a body must have come whole. */
  readonly bodies: Deadlines;
  /** How many requests are served at once; more are refused as busy. */
  readonly maxRequests: number;
  /** Whether only open routes are still served. */
  readonly isStopping: () => boolean;
  /** Where a leader's API is, as far as is known. */
  readonly apiOf: (id: number) => string;
  /** Is told of every request that begins. */
  readonly begin: (route: Route | null) => void;
  /** Is told of every answered request. */
  readonly observe: (
    route: Route | null,
    request: Request,
    status: number,
    tookMs: number,
  ) => void;
  /** Writes changing calls down. */
  readonly audit: Audit;
  /** Is told of what no handler expected. */
  readonly onError: (error: unknown, requestId: string) => void;
  readonly nowMs: () => number;
}

/** How many requests are under way, and ids for those that bring none. */
interface Dispatcher extends HandleOptions {
  readonly prefix: string;
  active: number;
  made: number;
}

/**
 * Makes what answers requests from a table of routes.
 *
 * @param options Routes, rules and bounds.
 * @returns The handler for `Deno.serve`.
 */
export function createRequestHandler(
  options: HandleOptions,
): Deno.ServeHandler<Deno.NetAddr> {
  const prefix = crypto.getRandomValues(new Uint8Array(4)).toHex();
  const dispatcher: Dispatcher = { ...options, prefix, active: 0, made: 0 };
  return (request, info) =>
    dispatch(dispatcher, request, info.remoteAddr.hostname);
}

async function dispatch(
  dispatcher: Dispatcher,
  request: Request,
  remoteHost: string,
): Promise<Response> {
  const startedAtMs = dispatcher.nowMs();
  const { path, search } = splitUrl(request.url);
  const match = dispatcher.table.find(request.method, path);
  const requestId = requestIdOf(dispatcher, request);
  const route = match.kind === "route" ? match.route : null;
  dispatcher.begin(route);
  dispatcher.active += 1;
  const trail: Trail = { caller: "nobody", body: "" };
  let outcome = "done";
  let response: Response;
  try {
    if (dispatcher.active > dispatcher.maxRequests) throw tooMany(dispatcher);
    response = await answer(
      dispatcher,
      match,
      request,
      remoteHost,
      search,
      requestId,
      trail,
    );
  } catch (error) {
    await discardBody(request);
    const problem = problemOf(error, route?.access === "change");
    outcome = problem.code;
    response = failureResponse(dispatcher, problem, error, requestId);
  } finally {
    dispatcher.active -= 1;
  }
  const tookMs = dispatcher.nowMs() - startedAtMs;
  dispatcher.observe(route, request, response.status, tookMs);
  if (route?.access === "change") {
    const kind = route.isData ? "data" : "control";
    // Of a key or entry not even its path is made a text where nobody wants it.
    if (outcome !== "done" || dispatcher.audit.wants(kind)) {
      dispatcher.audit.tell({
        kind,
        caller: trail.caller,
        from: remoteHost,
        call: `${request.method} ${path}`,
        request: trail.body,
        outcome,
        tookMs,
        requestId,
      });
    }
  }
  return request.method === "HEAD" ? await withoutBody(response) : response;
}

/** What is found out about a call on its way. */
interface Trail {
  caller: Caller;
  body: string;
}

async function answer(
  dispatcher: Dispatcher,
  match: Match,
  request: Request,
  remoteHost: string,
  search: string,
  requestId: string,
  trail: Trail,
): Promise<Response> {
  if (match.kind === "none") {
    throw new Problem("not_found", "There is no such route; see docs/api.md");
  }
  if (match.kind === "other_methods") {
    const allow = match.allow.join(", ");
    const detail = `The route does not know ${request.method}, but ${allow}`;
    throw new Problem("method_not_allowed", detail, { headers: { allow } });
  }
  const { route, params } = match;
  if (route.access !== "open" && dispatcher.isStopping()) {
    throw new Problem("stopping", "The node is stopping; ask another one");
  }
  trail.caller = checkAccess(dispatcher.rules, route, request, remoteHost);
  const hasBody = request.method === "POST" || request.method === "PUT";
  const body = hasBody
    ? await readText(request, dispatcher.maxBodyBytes, dispatcher.bodies)
    : "";
  trail.body = body;
  const query = search === "" ? NO_QUERY : new URLSearchParams(search);
  const answer = await route.handle({
    request,
    params,
    query,
    body,
    requestId,
  });
  return responseOf(answer, requestId);
}

/** What most requests ask with; nobody changes it. */
const NO_QUERY = new URLSearchParams();

/** An absolute URL's path and query, without the cost of parsing all of it. */
function splitUrl(url: string): { path: string; search: string } {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  if (start < 0) return { path: "/", search: "" };
  const mark = url.indexOf("?", start);
  return mark < 0
    ? { path: url.slice(start), search: "" }
    : { path: url.slice(start, mark), search: url.slice(mark + 1) };
}

function requestIdOf(dispatcher: Dispatcher, request: Request): string {
  const given = request.headers.get("x-request-id");
  if (given !== null && /^[\w.-]{1,64}$/.test(given)) return given;
  dispatcher.made += 1;
  return `${dispatcher.prefix}-${dispatcher.made.toString(36)}`;
}

function tooMany({ maxRequests }: Dispatcher): Problem {
  const detail = `${maxRequests} requests are under way; try again`;
  return new Problem("busy", detail, { headers: { "retry-after": "1" } });
}

/** What nobody reads must not keep the connection. */
async function discardBody(request: Request): Promise<void> {
  if (!request.body || request.bodyUsed) return;
  await request.body.cancel().catch(() => {});
}

function failureResponse(
  dispatcher: Dispatcher,
  problem: Problem,
  error: unknown,
  requestId: string,
): Response {
  if (problem.code === "internal") dispatcher.onError(error, requestId);
  return problemResponse(problem, requestId, leaderOf(dispatcher, problem));
}

function leaderOf(
  { apiOf }: Dispatcher,
  { options: { leader } }: Problem,
): { id: number; api: string } | null {
  return leader ? { id: leader.id, api: apiOf(leader.id) } : null;
}

const RAFT_PROBLEMS: Readonly<Record<RaftErrorCode, ProblemCode>> = {
  not_leader: "not_leader",
  no_quorum: "no_quorum",
  busy: "busy",
  too_large: "too_large",
  outcome_unknown: "outcome_unknown",
  stopped: "stopping",
  membership: "conflict",
  apply_failed: "stopping",
  storage_failed: "stopping",
  bad_call: "no_quorum",
};

/**
 * Says what an error means for who asked.
 *
 * @param error What was thrown.
 * @param changes Whether what failed would have changed something.
 */
export function problemOf(error: unknown, changes: boolean): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof RaftError) {
    return problemOfRaft(error, error.leader, changes);
  }
  const detail = `The node failed on this request: ${messageOf(error)}`;
  return new Problem("internal", detail, { cause: error });
}

function problemOfRaft(
  error: RaftError,
  leader: LeaderHint | null,
  changes: boolean,
): Problem {
  const known = RAFT_PROBLEMS[error.code];
  // A change that was under way when the node ended may have been committed.
  const isOpen = known === "stopping" && changes;
  const code = isOpen ? "outcome_unknown" : known;
  return new Problem(code, error.message, { leader, cause: error });
}

/** A stream that nobody will read is ended. */
async function withoutBody(response: Response): Promise<Response> {
  const { status, headers } = response;
  await response.body?.cancel();
  return new Response(null, { status, headers });
}
