import * as v from "valibot";
import {
  changeConfig,
  configInForce,
  configOf,
  configToJson,
  configVersionsToJson,
  type ConfigWish,
  diffParameters,
  type HighAvailability,
  type ParameterChanges,
  readClusterChanges,
  textOf,
} from "../ha/mod.ts";
import { type Answer, jsonAnswer, type Route } from "../http/mod.ts";
import * as answers from "./answers.ts";
import { haOf, type NodeContext, requireMember } from "./context.ts";
import { type Body, bodyOf, defineRoute, wholeOr } from "./define.ts";

const MAX_AUTHOR_CHARS = 100;
const MAX_COMMENT_CHARS = 500;

/** Who changes the configuration, and why. */
export const BY = {
  author: v.optional(v.pipe(v.string(), v.maxLength(MAX_AUTHOR_CHARS)), ""),
  comment: v.optional(v.pipe(v.string(), v.maxLength(MAX_COMMENT_CHARS)), ""),
};
const DECIDED_BY = {
  ...BY,
  expected_version: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
};
const CHANGE_BODY = v.strictObject({
  parameters: v.optional(
    v.record(
      v.string(),
      v.nullable(v.union([v.string(), v.number(), v.boolean()])),
    ),
    {},
  ),
  cluster: v.optional(
    v.record(v.string(), v.union([v.string(), v.number()])),
    {},
  ),
  ...DECIDED_BY,
});
const ROLLBACK_BODY = v.strictObject({
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
  ...DECIDED_BY,
});

/** The routes of the configuration, which is the same for all members. */
export function configRoutes(context: NodeContext): Route[] {
  const change = <B>(
    path: string,
    summary: string,
    body: Body<B>,
    handle: (ha: HighAvailability, body: B) => Promise<Answer>,
  ): Route =>
    defineRoute({
      method: "POST",
      path,
      access: "change",
      summary,
      body,
      answers: answers.CONFIG_CHANGED,
      handle: ({ body }) => {
        requireMember(context);
        return handle(haOf(context), body);
      },
    });
  return [
    defineRoute({
      method: "GET",
      path: "/v1/config",
      access: "read",
      summary:
        "PostgreSQL's parameters and the cluster's settings, for all members",
      query: {
        version: wholeOr(null, "An earlier version of them", { min: 1 }),
      },
      answers: answers.CONFIG,
      handle: ({ query }) => show(haOf(context), query.version),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/config/history",
      access: "read",
      summary: "Their versions, newest first",
      answers: answers.CONFIG_VERSIONS,
      handle: () => jsonAnswer(configVersionsToJson(haOf(context))),
    }),
    change(
      "/v1/config",
      "Change PostgreSQL's parameters and the cluster's settings",
      bodyOf(CHANGE_BODY),
      set,
    ),
    change(
      "/v1/config/rollback",
      "Go back to a version of them",
      bodyOf(ROLLBACK_BODY),
      rollback,
    ),
  ];
}

function show(ha: HighAvailability, version: number | null): Answer {
  const config = version === null
    ? configInForce(ha.state())
    : configOf(ha.state(), version);
  return jsonAnswer(configToJson(ha, config));
}

async function set(
  ha: HighAvailability,
  body: v.InferOutput<typeof CHANGE_BODY>,
): Promise<Answer> {
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
  const cluster = readClusterChanges(
    Object.fromEntries(
      Object.entries(body.cluster).map(([name, value]) => [
        name,
        String(value),
      ]),
    ),
  );
  return await put(ha, { parameters, replaces: false, cluster }, body);
}

async function rollback(
  ha: HighAvailability,
  body: v.InferOutput<typeof ROLLBACK_BODY>,
): Promise<Answer> {
  await ha.confirm();
  // What an old version does not say of the cluster stays.
  const { parameters, cluster = {} } = configOf(ha.state(), body.version);
  const comment = body.comment || `Back to version ${body.version}`;
  return await put(ha, { parameters, replaces: true, cluster }, {
    ...body,
    comment,
  });
}

async function put(
  ha: HighAvailability,
  wish: Pick<ConfigWish, "parameters" | "replaces" | "cluster">,
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
    changes: diffParameters(textOf(before), textOf(after)),
  });
}
