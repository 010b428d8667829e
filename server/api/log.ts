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
import {
  bytesOf,
  bytesToJson,
  parseBody,
  queryFlag,
  queryNumber,
  wholeNumber,
} from "./input.ts";
import { whenApplied } from "../machine/mod.ts";
import { readAs } from "./reading.ts";

const MAX_RANGE = 1000;
const DEFAULT_RANGE = 100;
const MAX_WAIT_MS = 60_000;
const DEFAULT_WAIT_MS = 5000;

const APPEND_BODY = v.strictObject({
  data: v.optional(v.string()),
  data_base64: v.optional(v.string()),
});

/** The routes of the log. */
export function logRoutes(context: NodeContext): Route[] {
  return [
    {
      method: "POST",
      path: "/v1/log",
      access: "change",
      summary: "Append an entry",
      handle: (call) => append(context, call),
    },
    {
      method: "GET",
      path: "/v1/log",
      access: "read",
      summary: "Read a range of entries",
      handle: (call) => range(context, call),
    },
    {
      method: "GET",
      path: "/v1/log/wait",
      access: "read",
      summary: "Wait until an entry is committed",
      handle: (call) => wait(context, call),
    },
    {
      method: "GET",
      path: "/v1/log/:index",
      access: "read",
      summary: "Read an entry",
      handle: (call) => read(context, call),
    },
  ];
}

async function append(context: NodeContext, call: Call): Promise<Answer> {
  const body = parseBody(APPEND_BODY, call.body);
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

async function read(context: NodeContext, call: Call): Promise<Answer> {
  const { log } = context.machine;
  const index = wholeNumber("index", call.params.index ?? "", { min: 1 });
  const stale = queryFlag(call.query, "stale");
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

async function range(context: NodeContext, call: Call): Promise<Answer> {
  const { log } = context.machine;
  const { query } = call;
  const from = queryNumber(query, "from", 1, { min: 1 });
  const limits = { min: 1, max: MAX_RANGE };
  const limit = queryNumber(query, "limit", DEFAULT_RANGE, limits);
  const answer = await readAs(context, queryFlag(query, "stale"), () => ({
    entries: log.readRange(from, { limit }).map(entryToJson),
    first_index: log.firstPosition(),
    last_index: log.lastPosition(),
  }));
  return jsonAnswer(answer);
}

async function wait(context: NodeContext, call: Call): Promise<Answer> {
  const index = wholeNumber("index", call.query.get("index") ?? "", { min: 1 });
  const limits = { min: 0, max: MAX_WAIT_MS };
  const { query } = call;
  const timeoutMs = queryNumber(query, "timeout_ms", DEFAULT_WAIT_MS, limits);
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
