import * as v from "valibot";
import {
  bytesToByteString,
  byteStringToBytes,
  decodeLogResult,
  encodeLogOperation,
  type LogEntry,
} from "../../raft/machines/mod.ts";
import {
  type Answer,
  type Call,
  jsonAnswer,
  Problem,
  type Route,
} from "../http/mod.ts";
import { type NodeContext, propose } from "./context.ts";
import { whenApplied } from "../machine/mod.ts";
import * as answers from "./answers.ts";
import { bodyOf, defineRoute, whole, wholeOr, yesOrNo } from "./define.ts";
import { bytesOf, bytesToJson } from "./input.ts";
import { readAs } from "./reading.ts";

const MAX_RANGE = 1000;
const DEFAULT_RANGE = 100;
const MAX_WAIT_MS = 60_000;
const DEFAULT_WAIT_MS = 5000;

const APPEND_BODY = v.strictObject({
  data: v.optional(v.string()),
  data_base64: v.optional(v.string()),
});

const STALE = { stale: yesOrNo("Reads this node's own copy") };

/** The routes of the log. */
export function logRoutes(context: NodeContext): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/v1/log",
      access: "change",
      isData: true,
      summary: "Append an entry",
      body: bodyOf(APPEND_BODY),
      answers: answers.APPENDED,
      handle: ({ body }, call) => append(context, body, call),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/log",
      access: "read",
      summary: "Read a range of entries",
      query: {
        from: wholeOr(1, "The first position", { min: 1 }),
        limit: wholeOr(DEFAULT_RANGE, "How many at most", {
          min: 1,
          max: MAX_RANGE,
        }),
        ...STALE,
      },
      answers: answers.ENTRIES,
      handle: ({ query }) => range(context, query),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/log/wait",
      access: "read",
      summary: "Wait until an entry is committed",
      query: {
        index: whole("Its position", { min: 1 }),
        timeout_ms: wholeOr(DEFAULT_WAIT_MS, "How long at most", {
          max: MAX_WAIT_MS,
        }),
      },
      answers: answers.ARRIVED,
      handle: ({ query }, call) => wait(context, query, call),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/log/:index",
      access: "read",
      summary: "Read an entry",
      params: { index: whole("Its position", { min: 1 }) },
      query: STALE,
      answers: answers.ENTRY,
      handle: ({ params, query }) => read(context, params.index, query.stale),
    }),
  ];
}

async function append(
  context: NodeContext,
  body: v.InferOutput<typeof APPEND_BODY>,
  call: Call,
): Promise<Answer> {
  const bytes = bytesOf("data", body.data, body.data_base64);
  if (bytes === undefined) {
    throw new Problem("bad_request", "data: send data or data_base64");
  }
  const data = encodeLogOperation({
    type: "append",
    data: byteStringToBytes(bytes),
  });
  const result = decodeLogResult(await propose(context, call, "log", data));
  if (result.type === "refused") {
    throw new Problem("bad_request", result.message);
  }
  return jsonAnswer({ index: result.position }, 201);
}

async function read(
  context: NodeContext,
  index: number,
  stale: boolean,
): Promise<Answer> {
  const { log } = context.machine;
  const { data, first, last } = await readAs(context, stale, () => ({
    data: log.read(index),
    first: log.firstPosition(),
    last: log.lastPosition(),
  }));
  if (data) return jsonAnswer(entryToJson({ position: index, data }));
  const detail = index < first
    ? `Entry ${index} is no longer kept; the oldest is ${first}`
    : `Entry ${index} does not exist yet; the newest is ${last}`;
  throw new Problem("not_found", detail, {
    extra: { first_index: first, last_index: last },
  });
}

async function range(
  context: NodeContext,
  { from, limit, stale }: {
    readonly from: number;
    readonly limit: number;
    readonly stale: boolean;
  },
): Promise<Answer> {
  const { log } = context.machine;
  const answer = await readAs(context, stale, () => ({
    entries: log.readRange(from, { limit }).map(entryToJson),
    first_index: log.firstPosition(),
    last_index: log.lastPosition(),
  }));
  return jsonAnswer(answer);
}

async function wait(
  context: NodeContext,
  { index, timeout_ms: timeoutMs }: {
    readonly index: number;
    readonly timeout_ms: number;
  },
  call: Call,
): Promise<Answer> {
  const { log } = context.machine;
  const arrived = await whenApplied(
    context,
    () => log.lastPosition() >= index,
    timeoutMs,
    call.request.signal,
  );
  if (arrived) {
    return jsonAnswer({ index, last_index: log.lastPosition() });
  }
  throw new Problem(
    "outcome_unknown",
    `Entry ${index} was not committed here in time; the newest is ${log.lastPosition()}`,
    { extra: { last_index: log.lastPosition() } },
  );
}

function entryToJson({ position, data }: LogEntry): Record<string, unknown> {
  return { index: position, ...bytesToJson("data", bytesToByteString(data)) };
}
