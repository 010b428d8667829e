import { type ServerSentEventMessage, ServerSentEventStream } from "@std/http";
import {
  type KvChange,
  type KvRange,
  type KvRevision,
  prefixRange,
  textToByteString,
} from "../../raft/machines/mod.ts";
import { type Answer, type Call, Problem, type Route } from "../http/mod.ts";
import { type NodeContext, requireMember } from "./context.ts";
import { anyText, defineRoute, wholeOr, yesOrNo } from "./define.ts";
import { wholeNumber } from "./input.ts";
import { recordToJson } from "./kv.ts";
import { readAs } from "./reading.ts";
import type { WatchEnd, WatchFormat, WatchHub } from "./watch_hub.ts";

/** After how long a client comes back by itself. */
const RETRY_MS = 1000;

/** The route that watches keys. */
export function watchRoutes(context: NodeContext, hub: WatchHub): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/watch",
      access: "read",
      summary: "Watch keys by server-sent events, from a revision",
      query: {
        prefix: anyText("How the keys begin"),
        key: anyText("The key, for one alone"),
        from: wholeOr(
          null,
          "The first revision; later ones than now when left out. The header Last-Event-ID says the one before it, and goes first",
          { min: 1 },
        ),
        previous: yesOrNo("Also tells what there was before each change"),
      },
      answers: {
        200: {
          summary: "Events: change, progress, compacted, end",
          contentType: "text/event-stream",
          schema: null,
        },
      },
      handle: ({ query }, call) => watch(context, hub, query, call),
    }),
  ];
}

async function watch(
  context: NodeContext,
  hub: WatchHub,
  { prefix, key, from, previous }: {
    readonly prefix: string;
    readonly key: string;
    readonly from: number | null;
    readonly previous: boolean;
  },
  { request }: Call,
): Promise<Answer> {
  if (prefix !== "" && key !== "") {
    throw new Problem(
      "bad_request",
      "prefix and key exclude each other; send one of them",
    );
  }
  const range: KvRange = key === ""
    ? prefixRange(textToByteString(prefix))
    : { key: textToByteString(key), rangeEnd: "" };
  const known = request.headers.get("last-event-id");
  const after = known === null
    ? from === null ? null : from - 1
    : wholeNumber("Last-Event-ID", known);
  const start = await startOf(context, after);
  if (start.kind === "compacted") throw compactedProblem(start.oldest);
  const stream = hub.watch<ServerSentEventMessage>({
    ...range,
    after: start.after,
    format: eventFormat(previous),
    signal: request.signal,
  });
  return {
    status: 200,
    contentType: "text/event-stream",
    text: "",
    stream: stream.pipeThrough(new ServerSentEventStream()),
  };
}

/** Where a watch begins. */
export type WatchStart =
  | { readonly kind: "after"; readonly after: number }
  | { readonly kind: "compacted"; readonly oldest: number };

/**
 * Finds where a watch begins.
 *
 * @param context The node.
 * @param after The last revision that the watcher knows; null for all there is, which is read
 * linearizably, so that no change after the call is missed and none acknowledged before it told.
 */
export async function startOf(
  context: NodeContext,
  after: number | null,
): Promise<WatchStart> {
  requireMember(context);
  const { kv } = context.machine;
  if (after === null) {
    const revision = await readAs(context, false, () => kv.revision());
    return { kind: "after", after: revision };
  }
  const oldest = kv.oldestRevision();
  return after + 1 < oldest
    ? { kind: "compacted", oldest }
    : { kind: "after", after };
}

function compactedProblem(oldest: number): Problem {
  return new Problem("compacted", compactedText(oldest), {
    extra: { oldest_revision: oldest },
  });
}

function compactedText(oldest: number): string {
  return `Changes before revision ${oldest} are forgotten here; read the keys, and watch from the revision of that answer`;
}

function eventFormat(
  withPrevious: boolean,
): WatchFormat<ServerSentEventMessage> {
  const progress = (through: number): ServerSentEventMessage => ({
    event: "progress",
    id: through,
    data: JSON.stringify({ revision: through }),
  });
  return {
    started: (through) => ({ ...progress(through), retry: RETRY_MS }),
    progress,
    revision: (one) => revisionEvent(one, withPrevious),
    ended: endEvent,
  };
}

function revisionEvent(
  { revision, changes }: KvRevision,
  withPrevious: boolean,
): ServerSentEventMessage {
  const shown = changes.map((change) => changeToJson(change, withPrevious));
  const data = JSON.stringify({ revision, changes: shown });
  return { event: "change", id: revision, data };
}

function changeToJson(
  { after, before }: KvChange,
  withPrevious: boolean,
): Record<string, unknown> {
  const { key, key_base64, ...record } = recordToJson(after);
  const name = key === undefined ? { key_base64 } : { key };
  const change = after.version === 0
    ? { type: "delete", ...name, mod_revision: after.modRevision }
    : { type: "put", ...name, ...record };
  if (!withPrevious) return change;
  return { ...change, previous: before ? recordToJson(before) : null };
}

/** Without an id: who comes back names the last revision it was told. */
function endEvent(end: WatchEnd): ServerSentEventMessage {
  if (end.kind === "stopping") {
    const detail = "The node is stopping; watch another one";
    const data = JSON.stringify({ code: "stopping", detail });
    return { event: "end", data };
  }
  const { oldest } = end;
  const data = JSON.stringify({
    code: "compacted",
    detail: compactedText(oldest),
    oldest_revision: oldest,
  });
  return { event: "compacted", data };
}
