import { type ServerSentEventMessage, ServerSentEventStream } from "@std/http";
import {
  EVENT_KINDS,
  type Journal,
  MAX_EVENTS,
  type NodeEvent,
  type Picture,
} from "../events/mod.ts";
import { currentPrimary, newestGrant } from "../../pg/cluster/mod.ts";
import { type Answer, type Call, Problem, type Route } from "../http/mod.ts";
import type { NodeContext } from "./context.ts";
import { anyText, defineRoute, wholeOr, yesOrNo } from "./define.ts";
import { createFollowers, type Followers } from "./event_followers.ts";

/** How many may follow a node's events at once; more are refused as busy. */
export const MAX_FOLLOWERS = 200;
/** After how long a client comes back by itself. */
const RETRY_MS = 1000;

/** What the route needs of its node. */
type EventContext = Pick<
  NodeContext,
  "id" | "journal" | "picture" | "stopSignal"
>;

/** The route that follows a node's events. */
export function eventRoutes(context: EventContext): Route[] {
  const followers = createFollowers(MAX_FOLLOWERS);
  return [defineRoute({
    method: "GET",
    path: "/v1/events",
    access: "read",
    summary: "Follow what happens on this node and in its cluster",
    query: {
      last: wholeOr(
        0,
        "How many of the remembered events come first. The header Last-Event-ID says the last one that is known, and goes first",
        { max: MAX_EVENTS },
      ),
      kinds: anyText("The kinds that are told, with commas; all when empty"),
      once: yesOrNo("Ends after what is remembered"),
    },
    answers: {
      200: {
        summary: `Events: now, lost, end, ${EVENT_KINDS.join(", ")}`,
        contentType: "text/event-stream",
        schema: null,
      },
    },
    handle: ({ query }, call) => follow(context, followers, query, call),
  })];
}

function follow(
  { id, journal, picture, stopSignal }: EventContext,
  followers: Followers,
  { last, kinds, once }: {
    readonly last: number;
    readonly kinds: string;
    readonly once: boolean;
  },
  { request }: Call,
): Answer {
  const wanted = kindsOf(kinds);
  const known = request.headers.get("last-event-id");
  const place = known === null
    ? { after: Math.max(journal.oldest() - 1, journal.last() - last) }
    : placeOf(journal, known);
  const stream = followers.follow<ServerSentEventMessage>({
    journal,
    ...place,
    once,
    signal: request.signal,
    stopSignal,
    format: {
      started: (after) => ({
        event: "now",
        id: idOf(journal, after),
        retry: RETRY_MS,
        data: JSON.stringify({ node: id, ...pictureToJson(picture()) }),
      }),
      event: (event) =>
        wanted && !wanted.has(event.kind) ? null : eventOf(id, journal, event),
      lost: (count, after) => ({
        event: "lost",
        id: idOf(journal, after),
        data: JSON.stringify({
          node: id,
          lost: count,
          detail: lostText(count),
        }),
      }),
      alive: () => ({ comment: "nothing new" }),
      stopping: () => ({
        event: "end",
        data: JSON.stringify({
          code: "stopping",
          detail: "The node is stopping; follow another one",
        }),
      }),
    },
  });
  return {
    status: 200,
    contentType: "text/event-stream",
    text: "",
    stream: stream.pipeThrough(new ServerSentEventStream()),
  };
}

function kindsOf(text: string): ReadonlySet<string> | null {
  if (text === "") return null;
  const kinds = text.split(",").map((kind) => kind.trim());
  const known: readonly string[] = EVENT_KINDS;
  const unknown = kinds.find((kind) => !known.includes(kind));
  if (unknown === undefined) return new Set(kinds);
  throw new Problem(
    "bad_request",
    `kinds: there is no kind "${unknown}", but ${EVENT_KINDS.join(", ")}`,
  );
}

function idOf({ boot }: Journal, sequence: number): string {
  return `${boot}-${sequence}`;
}

/**
 * Finds the place of who comes back. An id of another node, or of an earlier start of this one, says nothing
 * about what happened meanwhile: everything that is remembered follows.
 */
function placeOf(
  journal: Journal,
  id: string,
): { readonly after: number; readonly isStranger: boolean } {
  const [, boot, number] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(id) ?? [];
  if (boot === undefined || number === undefined) {
    throw new Problem(
      "bad_request",
      `Last-Event-ID "${id}" is no id of an event; leave it out to begin anew`,
    );
  }
  const after = Number(number);
  return boot === journal.boot && after <= journal.last()
    ? { after, isStranger: false }
    : { after: journal.oldest() - 1, isStranger: true };
}

function lostText(count: number | null): string {
  return count === null
    ? "The last event that is known is of another node, or of an earlier start of this one; what happened in between is not known here"
    : `${count} events are not remembered any more`;
}

function eventOf(
  node: number,
  journal: Journal,
  { sequence, atMs, kind, text, fields }: NodeEvent,
): ServerSentEventMessage {
  const body = { node, at_ms: atMs, text, ...fields };
  return {
    event: kind,
    id: idOf(journal, sequence),
    data: JSON.stringify(body),
  };
}

/** How things are when somebody begins to follow. */
function pictureToJson(
  { stage, raft, cluster, isDiskFull, members }: Picture,
): Record<string, unknown> {
  const { phase, paused, mode } = cluster;
  const primary = phase.kind === "open" ? currentPrimary(cluster) : null;
  const grant = newestGrant(cluster);
  return {
    stage,
    leader_id: raft?.leaderId ?? 0,
    term: raft?.term ?? 0,
    role: raft?.role ?? null,
    members: members.map(({ id }) => id),
    disk_full: isDiskFull,
    phase: phase.kind,
    epoch: grant?.epoch ?? 0,
    primary: primary?.id ?? 0,
    paused,
    mode,
  };
}
