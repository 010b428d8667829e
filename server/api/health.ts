import { type Answer, jsonAnswer, type Route } from "../http/mod.ts";
import * as answers from "./answers.ts";
import type { NodeContext } from "./context.ts";

/** Entries that may be committed but not yet applied while a node still counts as ready. */
const READY_LAG_ENTRIES = 10_000;

/** The open routes: whether the node lives, serves, and what it measured. */
export function healthRoutes(
  context: NodeContext,
  renderMetrics: () => string | Promise<string>,
): Route[] {
  return [
    {
      method: "GET",
      path: "/livez",
      access: "open",
      summary: "Whether the process turns",
      answers: answers.LIVE,
      handle: () => jsonAnswer({ live: true }),
    },
    {
      method: "GET",
      path: "/readyz",
      access: "open",
      summary: "Whether the node can serve",
      answers: answers.READY,
      handle: () => ready(context),
    },
    {
      method: "GET",
      path: "/health",
      access: "open",
      summary: "Whether the cluster can commit, as etcd says it",
      answers: answers.HEALTH,
      handle: () => health(context),
    },
    {
      method: "GET",
      path: "/metrics",
      access: "open",
      summary: "Measurements for Prometheus",
      answers: answers.METRICS,
      handle: async () => metrics(await renderMetrics()),
    },
  ];
}

function ready(context: NodeContext): Answer {
  const reason = notReadyReason(context);
  return reason === null
    ? jsonAnswer({ ready: true })
    : jsonAnswer({ ready: false, reason }, 503);
}

/** Why the node can't serve, in words; null when it can. */
export function notReadyReason(context: NodeContext): string | null {
  if (context.isStopping()) return "The node is stopping";
  const stage = context.stage();
  if (stage === "removed") return "The node was removed from the cluster";
  if (stage !== "running") return context.waitingFor() ?? `It is ${stage}`;
  const { leaderId, commitIndex, appliedIndex } = context.raft.status();
  if (leaderId === 0) return "No leader is known";
  const lag = commitIndex - appliedIndex;
  return lag <= READY_LAG_ENTRIES
    ? null
    : `${lag} committed entries are not applied yet`;
}

function health(context: NodeContext): Answer {
  const reason = notReadyReason(context);
  return reason === null
    ? jsonAnswer({ health: "true", reason: "" })
    : jsonAnswer({ health: "false", reason }, 503);
}

function metrics(text: string): Answer {
  const contentType = "text/plain; version=0.0.4; charset=utf-8";
  return { status: 200, contentType, text };
}
