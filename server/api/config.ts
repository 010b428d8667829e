import * as v from "valibot";
import {
  changeConfig,
  configInForce,
  configOf,
  configToJson,
  configVersionsToJson,
  diffParameters,
  type HighAvailability,
  type ParameterChanges,
} from "../ha/mod.ts";
import { type Answer, type Call, jsonAnswer, type Route } from "../http/mod.ts";
import { haOf, type NodeContext, requireMember } from "./context.ts";
import { parseBody, wholeNumber } from "./input.ts";

const MAX_AUTHOR_CHARS = 100;
const MAX_COMMENT_CHARS = 500;
const MAX_VERSION = Number.MAX_SAFE_INTEGER;

const BY = {
  author: v.optional(v.pipe(v.string(), v.maxLength(MAX_AUTHOR_CHARS)), ""),
  comment: v.optional(v.pipe(v.string(), v.maxLength(MAX_COMMENT_CHARS)), ""),
  expected_version: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
};
const CHANGE_BODY = v.strictObject({
  parameters: v.record(
    v.string(),
    v.nullable(v.union([v.string(), v.number(), v.boolean()])),
  ),
  ...BY,
});
const ROLLBACK_BODY = v.strictObject({
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
  ...BY,
});

/** The routes of PostgreSQL's parameters, which are the same for all members. */
export function configRoutes(context: NodeContext): Route[] {
  const change = (
    path: string,
    summary: string,
    handle: (ha: HighAvailability, call: Call) => Promise<Answer>,
  ): Route => ({
    method: "POST",
    path,
    access: "change",
    summary,
    handle: (call) => {
      requireMember(context);
      return handle(haOf(context), call);
    },
  });
  const read = (
    path: string,
    summary: string,
    handle: (ha: HighAvailability, call: Call) => Answer,
  ): Route => ({
    method: "GET",
    path,
    access: "read",
    summary,
    handle: (call) => handle(haOf(context), call),
  });
  return [
    read("/v1/config", "PostgreSQL's parameters, for all members", show),
    read(
      "/v1/config/history",
      "Their versions, newest first",
      (ha) => jsonAnswer(configVersionsToJson(ha)),
    ),
    change("/v1/config", "Change PostgreSQL's parameters", set),
    change("/v1/config/rollback", "Go back to a version of them", rollback),
  ];
}

function show(ha: HighAvailability, { query }: Call): Answer {
  const version = query.get("version");
  const config = version === null ? configInForce(ha.state()) : configOf(
    ha.state(),
    wholeNumber("version", version, { min: 1, max: MAX_VERSION }),
  );
  return jsonAnswer(configToJson(ha, config));
}

async function set(ha: HighAvailability, call: Call): Promise<Answer> {
  const body = parseBody(CHANGE_BODY, call.body);
  const parameters: ParameterChanges = Object.fromEntries(
    Object.entries(body.parameters).map(([name, value]) => [
      name,
      typeof value === "boolean"
        ? (value ? "on" : "off")
        : value === null
        ? null
        : String(value),
    ]),
  );
  return await put(ha, { parameters, replaces: false }, body);
}

async function rollback(ha: HighAvailability, call: Call): Promise<Answer> {
  const body = parseBody(ROLLBACK_BODY, call.body);
  await ha.confirm();
  const { parameters } = configOf(ha.state(), body.version);
  const comment = body.comment || `Back to version ${body.version}`;
  return await put(ha, { parameters, replaces: true }, { ...body, comment });
}

async function put(
  ha: HighAvailability,
  wish: {
    readonly parameters: ParameterChanges;
    readonly replaces: boolean;
  },
  { author, comment, expected_version: expected }: {
    readonly author: string;
    readonly comment: string;
    readonly expected_version?: number | undefined;
  },
): Promise<Answer> {
  const before = configInForce(ha.state());
  const after = await changeConfig(ha, {
    ...wish,
    author,
    comment,
    expectedVersion: expected ?? null,
  });
  return jsonAnswer({
    ...configToJson(ha, after),
    changes: diffParameters(before.parameters, after.parameters),
  });
}
