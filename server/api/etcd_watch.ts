import * as v from "valibot";
import {
  type KvChange,
  type KvRevision,
  REVISION_COMPACTED,
} from "../../raft/machines/mod.ts";
import { type Answer, Problem, type Route } from "../http/mod.ts";
import type { NodeContext } from "./context.ts";
import { jsonSchemaOf } from "./json_schema.ts";
import { etcdRoute, headerOf, RECORD, recordToEtcd } from "./etcd.ts";
import {
  BYTES,
  type Field,
  type FieldsOf,
  FLAG,
  inert,
  KEY,
  listOf,
  maybe,
  objectOf,
  oneOf,
  rangeOf,
  WHOLE,
} from "./etcd_body.ts";
import { startOf } from "./watch.ts";
import type { WatchEnd, WatchFormat, WatchHub } from "./watch_hub.ts";

const CREATE = {
  key: KEY,
  range_end: BYTES,
  start_revision: WHOLE,
  progress_notify: FLAG,
  prev_kv: FLAG,
  watch_id: WHOLE,
  filters: listOf(oneOf("NOPUT", "NODELETE")),
  fragment: inert(false),
};
const WATCH = { create_request: needed(maybe(objectOf(CREATE))) };
type Create = FieldsOf<typeof CREATE>;

const RESULT = v.looseObject({
  result: v.looseObject({
    header: v.looseObject({ revision: v.string() }),
    created: v.optional(v.boolean()),
    canceled: v.optional(v.boolean()),
    compact_revision: v.optional(v.string()),
    events: v.optional(v.array(v.looseObject({
      type: v.optional(v.string()),
      kv: v.optional(v.looseObject({})),
      prev_kv: v.optional(RECORD),
    }))),
  }),
});

/** Etcd's route that watches keys. */
export function etcdWatchRoutes(context: NodeContext, hub: WatchHub): Route[] {
  return [
    etcdRoute(context, {
      path: "/v3/watch",
      access: "read",
      summary: "Watch keys, as etcd does: a line of JSON for each revision",
      fields: WATCH,
      answers: {
        200: {
          summary: "Lines of JSON, until one of both ends it",
          schema: jsonSchemaOf(RESULT),
        },
      },
      handle: (context, { create_request: create }, { request }) =>
        watch(context, hub, create, request),
    }),
  ];
}

function needed<T>(field: Field<T | null>): Field<T> {
  return {
    schema: field.schema,
    required: true,
    read(name, value): T {
      const read = field.read(name, value);
      if (read !== null) return read;
      throw new Problem("bad_request", `${name}: send what to watch`);
    },
  };
}

async function watch(
  context: NodeContext,
  hub: WatchHub,
  create: Create,
  request: Request,
): Promise<Answer> {
  const { start_revision: from } = create;
  const start = await startOf(context, from > 0 ? from - 1 : null);
  const stream = hub.watch({
    ...rangeOf(create),
    // The stream itself says that it is too late, as etcd's does.
    after: start.kind === "after" ? start.after : from - 1,
    format: etcdFormat(context, create),
    signal: request.signal,
  });
  return {
    status: 200,
    contentType: "application/json",
    text: "",
    stream: stream.pipeThrough(new TextEncoderStream()),
  };
}

function etcdFormat(
  context: NodeContext,
  create: Create,
): WatchFormat<string> {
  const { watch_id: id } = create;
  const line = (
    revision: number,
    result: Record<string, unknown>,
  ): string => {
    const header = headerOf(context, revision);
    const watchId = id === 0 ? {} : { watch_id: String(id) };
    return `${JSON.stringify({ result: { header, ...watchId, ...result } })}\n`;
  };
  return {
    started: () => line(context.machine.kv.revision(), { created: true }),
    progress: (through) => create.progress_notify ? line(through, {}) : null,
    revision: (one) => {
      const events = eventsOf(one, create);
      return events.length === 0 ? null : line(one.revision, { events });
    },
    ended: (end) =>
      line(context.machine.kv.revision(), { canceled: true, ...whyOf(end) }),
  };
}

function eventsOf(
  { changes }: KvRevision,
  { filters, prev_kv: withPrevious }: Create,
): Record<string, unknown>[] {
  const isWanted = ({ after }: KvChange): boolean =>
    !filters.includes(after.version === 0 ? "NODELETE" : "NOPUT");
  return changes.filter(isWanted).map(({ after, before }) => {
    const previous = withPrevious && before
      ? { prev_kv: recordToEtcd(before) }
      : {};
    if (after.version > 0) return { kv: recordToEtcd(after), ...previous };
    const mod_revision = String(after.modRevision);
    const kv = { key: btoa(after.key), mod_revision };
    return { type: "DELETE", kv, ...previous };
  });
}

function whyOf(end: WatchEnd): Record<string, string> {
  return end.kind === "compacted"
    ? {
      compact_revision: String(end.oldest),
      cancel_reason: REVISION_COMPACTED,
    }
    : { cancel_reason: "etcdserver: server stopped" };
}
