import { messageOf } from "../../base/mod.ts";
import { type Answer, jsonAnswer, Problem, type Route } from "../http/mod.ts";
import { type LoopStats, type Router, routerToJson } from "../router/mod.ts";
import type { NodeContext } from "./context.ts";
import * as answers from "./answers.ts";
import { defineRoute, EMPTY_BODY } from "./define.ts";

/** The routes of this node's router. */
export function routerRoutes(context: NodeContext): Route[] {
  const drain = (path: string, summary: string, isDrained: boolean): Route =>
    defineRoute({
      method: "POST",
      path,
      access: "change",
      summary,
      body: EMPTY_BODY,
      answers: answers.ROUTER,
      handle: () => answer(context, (router) => router.setDrained(isDrained)),
    });
  return [
    defineRoute({
      method: "GET",
      path: "/v1/router",
      access: "read",
      summary: "What this node's router does and did",
      answers: answers.ROUTER,
      handle: () => answer(context, (router) => router.stats()),
    }),
    drain("/v1/router/drain", "Take no new sessions on this node", true),
    drain("/v1/router/resume", "Take sessions on this node again", false),
  ];
}

async function answer(
  { router }: NodeContext,
  ask: (router: Router) => Promise<LoopStats>,
): Promise<Answer> {
  const own = router();
  if (!own) {
    throw new Problem(
      "not_found",
      "This node has no router: set read_write or read_only in [router], and managed in [postgresql]",
    );
  }
  try {
    return jsonAnswer(routerToJson(await ask(own)));
  } catch (error) {
    throw new Problem("busy", messageOf(error));
  }
}
