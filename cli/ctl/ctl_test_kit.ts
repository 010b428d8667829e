import {
  type Answer,
  type Ended,
  problem,
  runMain,
  type Seen,
  standIn,
  type TestWorld,
} from "../test_support.ts";

/** Answers by method and path; all else is not found. */
export function routes(answers: Readonly<Record<string, unknown>>): Answer {
  return ({ method, path }) => {
    const body = answers[`${method} ${path}`];
    if (body instanceof Response) return body.clone();
    return body === undefined
      ? problem(404, "not_found", { detail: `No ${method} ${path}` })
      : Response.json(body);
  };
}

/** How a command of ctl ended, and what it asked for. */
export interface Ran extends Ended {
  readonly seen: readonly Seen[];
}

/** Runs a command of ctl against a node that gives these answers. */
export async function ctl(
  line: readonly string[],
  answer: Answer,
  world: TestWorld = {},
): Promise<Ran> {
  await using node = standIn(answer);
  const ended = await runMain(["ctl", "--api", node.api, ...line], world);
  return { ...ended, seen: node.seen };
}
