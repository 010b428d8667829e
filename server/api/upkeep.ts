import * as v from "valibot";
import { type Answer, jsonAnswer, type Route } from "../http/mod.ts";
import type { LogLevel } from "../logging/mod.ts";
import * as answers from "./answers.ts";
import type { NodeContext } from "./context.ts";
import { bodyOf, defineRoute, EMPTY_BODY } from "./define.ts";

const LEVELS = [
  "debug",
  "info",
  "warning",
  "error",
] as const satisfies readonly LogLevel[];

const LEVEL_BODY = bodyOf(v.strictObject({
  level: v.nullable(v.picklist(LEVELS)),
}));

/** What these routes need of their node. */
type UpkeepContext = Pick<
  NodeContext,
  "journal" | "logLevel" | "resetMetrics"
>;

/** The routes by which a node's process is looked after. */
export function upkeepRoutes(context: UpkeepContext): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/log-level",
      access: "read",
      summary: "How much this node logs",
      answers: answers.LOG_LEVEL,
      handle: () => levelAnswer(context),
    }),
    defineRoute({
      method: "PUT",
      path: "/v1/log-level",
      access: "change",
      summary:
        "Log at another level until this node's process ends; null goes back to what is configured",
      body: LEVEL_BODY,
      answers: answers.LOG_LEVEL,
      handle: ({ body }) => setLevel(context, body.level),
    }),
    defineRoute({
      method: "POST",
      path: "/v1/metrics/reset",
      access: "change",
      summary: "Have this node's own counts and histograms begin at 0",
      body: EMPTY_BODY,
      answers: answers.RESET,
      handle: () => reset(context),
    }),
  ];
}

function levelAnswer({ logLevel }: UpkeepContext): Answer {
  return jsonAnswer({
    level: logLevel.current(),
    configured: logLevel.configured(),
  });
}

function setLevel(
  context: UpkeepContext,
  level: LogLevel | null,
): Answer {
  const { logLevel, journal } = context;
  const before = logLevel.current();
  logLevel.override(level);
  const now = logLevel.current();
  if (now !== before) {
    const text = `This node logs at level ${now}`;
    journal.tell({ kind: "log_level", text, fields: { level: now } });
  }
  return levelAnswer(context);
}

function reset({ resetMetrics, journal }: UpkeepContext): Answer {
  resetMetrics();
  journal.tell({
    kind: "metrics_reset",
    text: "This node's counts began at 0",
    fields: {},
  });
  return jsonAnswer({ reset: true });
}
