import { CommandFailure, EXIT } from "../exit_codes.ts";
import { numberAt, type Shape, shape, textAt } from "./shape.ts";

/** What a node said instead of an answer. */
export interface Problem {
  readonly status: number;
  /** The API's word for it, or null where something else answered. */
  readonly code: string | null;
  readonly detail: string;
  readonly requestId: string | null;
  /** Another node that would know better, in words. */
  readonly leader: string | null;
  /** The whole body. */
  readonly body: Shape;
}

/** The codes after which nothing has happened, so that anything may be asked again. */
const NOTHING_HAPPENED: ReadonlySet<string> = new Set([
  "not_leader",
  "no_quorum",
  "busy",
]);

/** The codes after which a request may be repeated that happens once however often it comes. */
const UNCERTAIN: ReadonlySet<string> = new Set(["outcome_unknown", "stopping"]);

const EXIT_CODES: ReadonlyMap<string, number> = new Map([
  ["not_leader", EXIT.noLeader],
  ["no_quorum", EXIT.noLeader],
  ["outcome_unknown", EXIT.unknown],
]);

const ADVICE: ReadonlyMap<string, string> = new Map([
  [
    "unauthorized",
    "Name the file of a token with --token-file or PGRAFT_TOKEN_FILE, or run this on the node itself",
  ],
  ["forbidden", "Use the token of the node's api.token_file"],
  ["busy", "Try again in a moment"],
  ["not_leader", "pgraft ctl status shows which members are there"],
  ["no_quorum", "pgraft ctl status shows which members are there"],
  ["outcome_unknown", "It may have happened: look before you repeat it"],
]);

function leaderWords(body: Shape): string | null {
  const leader = shape(body["leader"]);
  const id = numberAt(leader, "id");
  const api = textAt(leader, "api");
  if (id === null) return null;
  return api === null
    ? `Node ${id} leads`
    : `Node ${id} leads; try --api ${api}`;
}

/**
 * Reads an error that a node answered.
 *
 * @param status The status.
 * @param body The body as JSON, or null where it is none.
 * @returns The problem.
 */
export function readProblem(status: number, body: unknown): Problem {
  const fields = shape(body);
  const code = textAt(fields, "code");
  const said = textAt(fields, "detail") ?? textAt(fields, "title");
  return {
    status,
    code,
    detail: said ?? `The answer was ${status} and no explanation`,
    requestId: textAt(fields, "request_id"),
    leader: leaderWords(fields),
    body: fields,
  };
}

/**
 * Tells whether a request may be sent again after a problem.
 *
 * @param problem The problem.
 * @param happensOnce Whether it happens once however often it comes.
 * @returns Whether it may.
 */
export function mayAskAgain(problem: Problem, happensOnce: boolean): boolean {
  const { code, status } = problem;
  // Without a code it was not a node but something before it that answered.
  if (code === null) return happensOnce && status >= 500;
  return NOTHING_HAPPENED.has(code) || happensOnce && UNCERTAIN.has(code);
}

/**
 * Tells whether what was asked for may have happened although there was a problem.
 *
 * @param problem The problem.
 * @returns Whether it may.
 */
export function mayHaveHappened(problem: Problem): boolean {
  const { code, status } = problem;
  return code === null ? status >= 500 : UNCERTAIN.has(code);
}

/**
 * Makes the failure of a command of a problem.
 *
 * @param problem The problem.
 * @param address The node that said it.
 * @returns The failure, whose message is a sentence for people.
 */
export function failureOf(problem: Problem, address: string): ApiFailure {
  return new ApiFailure(problem, address);
}

function currentWords(body: Shape): string[] {
  return "current" in body
    ? [`There is ${JSON.stringify(body["current"])}`]
    : [];
}

/** Thrown where a node refused; commands catch it where the refusal is an answer. */
export class ApiFailure extends CommandFailure {
  /** What the node said. */
  readonly problem: Problem;
  readonly #address: string;

  /**
   * @param problem What the node said.
   * @param address Its address.
   * @param more Hints that only the command knows.
   */
  constructor(
    problem: Problem,
    address: string,
    more: readonly string[] = [],
  ) {
    const { code, detail, leader, requestId, body } = problem;
    const advice = ADVICE.get(code ?? "");
    const trace = requestId === null ? "" : `, request ${requestId}`;
    const exitCode = EXIT_CODES.get(code ?? "") ?? EXIT.failure;
    super(`${detail} (${code ?? problem.status})`, exitCode, [
      ...currentWords(body),
      ...more,
      ...(leader === null ? [] : [leader]),
      ...(advice === undefined ? [] : [advice]),
      `Said by ${address}${trace}`,
    ]);
    this.problem = problem;
    this.#address = address;
  }

  /**
   * Says more about it.
   *
   * @param hints Further hints.
   * @returns The same failure with them.
   */
  with(hints: readonly string[]): ApiFailure {
    return new ApiFailure(this.problem, this.#address, hints);
  }
}
