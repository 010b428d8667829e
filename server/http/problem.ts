import type { LeaderHint } from "../../raft/mod.ts";

/** What went wrong with a request, for programs. */
export type ProblemCode =
  | "bad_request"
  | "unauthorized"
  | "forbidden"
  | "not_found"
  | "method_not_allowed"
  | "request_timeout"
  | "conflict"
  | "compacted"
  | "precondition_failed"
  | "too_large"
  | "unsupported_media_type"
  | "key_reused"
  | "busy"
  | "internal"
  | "not_leader"
  | "no_quorum"
  | "stopping"
  | "outcome_unknown";

/** The status and title of every problem. */
export const PROBLEM_STATUS: Readonly<
  Record<ProblemCode, readonly [number, string]>
> = {
  bad_request: [400, "Bad Request"],
  unauthorized: [401, "Unauthorized"],
  forbidden: [403, "Forbidden"],
  not_found: [404, "Not Found"],
  method_not_allowed: [405, "Method Not Allowed"],
  request_timeout: [408, "Request Timeout"],
  conflict: [409, "Conflict"],
  compacted: [410, "Gone"],
  precondition_failed: [412, "Precondition Failed"],
  too_large: [413, "Content Too Large"],
  unsupported_media_type: [415, "Unsupported Media Type"],
  key_reused: [422, "Unprocessable Content"],
  busy: [429, "Too Many Requests"],
  internal: [500, "Internal Server Error"],
  not_leader: [503, "Service Unavailable"],
  no_quorum: [503, "Service Unavailable"],
  stopping: [503, "Service Unavailable"],
  outcome_unknown: [504, "Gateway Timeout"],
};

/** What a problem may add to its code and sentence. */
export interface ProblemOptions extends ErrorOptions {
  /** Members beside those of RFC 9457. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Headers beside the content type. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Who leads, where that helps. */
  readonly leader?: LeaderHint | null;
}

/** A request that can't be answered as it was meant. */
export class Problem extends Error {
  override readonly name = "Problem";
  /** What went wrong. */
  readonly code: ProblemCode;
  /** What the answer says beside that. */
  readonly options: ProblemOptions;

  /**
   * Makes a problem.
   *
   * @param code What went wrong.
   * @param detail What happened, to what, and what to do.
   * @param options What else the answer says.
   */
  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, options);
    this.code = code;
    this.options = options;
  }

  /** The HTTP status. */
  get status(): number {
    return PROBLEM_STATUS[this.code][0];
  }
}

/**
 * Makes the answer of a problem (RFC 9457).
 *
 * @param problem What went wrong.
 * @param requestId The request's id.
 * @param leader Who leads and where its API is, where that helps.
 */
export function problemResponse(
  problem: Problem,
  requestId: string,
  leader: { readonly id: number; readonly api: string } | null,
): Response {
  const [status, title] = PROBLEM_STATUS[problem.code];
  const body = {
    type: "about:blank",
    title,
    status,
    code: problem.code,
    detail: problem.message,
    request_id: requestId,
    ...(leader ? { leader } : {}),
    ...problem.options.extra,
  };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: {
      "content-type": "application/problem+json",
      "x-request-id": requestId,
      ...problem.options.headers,
    },
  });
}
