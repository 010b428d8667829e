import * as v from "valibot";
import {
  explainToJson,
  failOver,
  type HighAvailability,
  historyToJson,
  orderWork,
  recordToJson,
  setMaintenance,
  setMode,
  setPaused,
  setTags,
  switchOver,
  tagsToJson,
  type WorkWish,
} from "../ha/mod.ts";
import {
  type Answer,
  type AnswerShapes,
  jsonAnswer,
  type Route,
} from "../http/mod.ts";
import * as answers from "./answers.ts";
import { BY } from "./config.ts";
import { haOf, type NodeContext, requireMember } from "./context.ts";
import {
  type Body,
  bodyOf,
  defineRoute,
  EMPTY_BODY,
  MEMBER_ID,
} from "./define.ts";

const ID = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000));
const SWITCHOVER_BODY = v.strictObject({ target: v.optional(ID) });
const FAILOVER_BODY = v.strictObject({
  target: v.optional(ID),
  allow_data_loss: v.optional(v.boolean(), false),
});
const RESTART_BODY = v.strictObject({ in_place: v.optional(v.boolean()) });
const MAINTENANCE_BODY = v.strictObject({ maintenance: v.boolean() });
const MODE_BODY = v.strictObject({
  mode: v.picklist(["quorum", "strict", "off"]),
  ...BY,
});
const TAGS_BODY = v.strictObject({
  nofailover: v.optional(v.boolean()),
  noloadbalance: v.optional(v.boolean()),
  nosync: v.optional(v.boolean()),
  clonefrom: v.optional(v.boolean()),
  failover_priority: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000)),
  ),
  cascade_from: v.optional(v.nullable(ID)),
});

/** The routes of PostgreSQL's high availability. */
export function haRoutes(context: NodeContext): Route[] {
  const change = <B>(
    method: Route["method"],
    path: string,
    summary: string,
    body: Body<B>,
    answers: AnswerShapes,
    handle: (ha: HighAvailability, body: B) => Promise<Answer>,
  ): Route =>
    defineRoute({
      method,
      path,
      access: "change",
      summary,
      body,
      answers,
      handle: ({ body }) => {
        requireMember(context);
        return handle(haOf(context), body);
      },
    });
  return [
    ...readRoutes(context),
    change(
      "POST",
      "/v1/switchover",
      "Change the primary in order",
      bodyOf(SWITCHOVER_BODY),
      answers.NEW_PRIMARY,
      toSwitch,
    ),
    change(
      "POST",
      "/v1/failover",
      "Have another take over",
      bodyOf(FAILOVER_BODY),
      answers.NEW_PRIMARY,
      toFailOver,
    ),
    change(
      "POST",
      "/v1/pause",
      "Suspend failover",
      EMPTY_BODY,
      answers.PAUSED,
      (ha) => pause(ha, true),
    ),
    change(
      "POST",
      "/v1/resume",
      "Take failover up again",
      EMPTY_BODY,
      answers.PAUSED,
      (ha) => pause(ha, false),
    ),
    change(
      "PUT",
      "/v1/synchronous-mode",
      "Set who must hold commits",
      bodyOf(MODE_BODY),
      answers.MODE,
      setSync,
    ),
    ...memberRoutes(context),
  ];
}

/** Those that show. */
function readRoutes(context: NodeContext): Route[] {
  const read = (
    path: string,
    summary: string,
    answers: AnswerShapes,
    toJson: (ha: HighAvailability) => Record<string, unknown>,
  ): Route => ({
    method: "GET",
    path,
    access: "read",
    summary,
    answers,
    handle: () => jsonAnswer(toJson(haOf(context))),
  });
  return [
    read(
      "/v1/explain",
      "Why things are as they are",
      answers.EXPLAINED,
      explainToJson,
    ),
    read(
      "/v1/failover/history",
      "The changes of primary",
      answers.HISTORY,
      historyToJson,
    ),
  ];
}

/** Those that are about one member. */
function memberRoutes(context: NodeContext): Route[] {
  const change = <B>(
    method: Route["method"],
    action: string,
    summary: string,
    body: Body<B>,
    answers: AnswerShapes,
    handle: (ha: HighAvailability, id: number, body: B) => Promise<Answer>,
  ): Route =>
    defineRoute({
      method,
      path: `/v1/nodes/:id/${action}`,
      access: "change",
      summary,
      params: { id: MEMBER_ID },
      body,
      answers,
      handle: ({ params, body }) => {
        requireMember(context);
        return handle(haOf(context), params.id, body);
      },
    });
  return [
    change(
      "PUT",
      "tags",
      "Set tags of a member",
      bodyOf(TAGS_BODY),
      answers.TAGS,
      putTags,
    ),
    change(
      "PUT",
      "maintenance",
      "Begin or end work on a member",
      bodyOf(MAINTENANCE_BODY),
      answers.MAINTENANCE,
      putMaintenance,
    ),
    change(
      "POST",
      "restart",
      "Have a member's PostgreSQL do a restart",
      bodyOf(RESTART_BODY),
      answers.ORDERED,
      (ha, id, { in_place: inPlace = false }) =>
        order(ha, { id, kind: "restart", inPlace }),
    ),
    ...(["reload", "reinit"] as const).map((kind) =>
      change(
        "POST",
        kind,
        `Have a member's PostgreSQL do a ${kind}`,
        EMPTY_BODY,
        answers.ORDERED,
        (ha, id) => order(ha, { id, kind, inPlace: false }),
      )
    ),
  ];
}

async function putMaintenance(
  ha: HighAvailability,
  id: number,
  { maintenance }: v.InferOutput<typeof MAINTENANCE_BODY>,
): Promise<Answer> {
  await setMaintenance(ha, id, maintenance);
  return jsonAnswer({ id, maintenance });
}

async function order(ha: HighAvailability, wish: WorkWish): Promise<Answer> {
  const { id, kind } = wish;
  return jsonAnswer({ id, kind, order: await orderWork(ha, wish) });
}

async function toSwitch(
  ha: HighAvailability,
  { target }: v.InferOutput<typeof SWITCHOVER_BODY>,
): Promise<Answer> {
  const { primary, epoch, record } = await switchOver(ha, target ?? null);
  return jsonAnswer({
    primary,
    epoch,
    record: record ? recordToJson(record) : null,
  });
}

async function toFailOver(
  ha: HighAvailability,
  body: v.InferOutput<typeof FAILOVER_BODY>,
): Promise<Answer> {
  const { primary, epoch, record } = await failOver(ha, {
    target: body.target ?? null,
    allowDataLoss: body.allow_data_loss,
  });
  return jsonAnswer({
    primary,
    epoch,
    record: record ? recordToJson(record) : null,
  });
}

async function pause(
  ha: HighAvailability,
  paused: boolean,
): Promise<Answer> {
  await setPaused(ha, paused);
  return jsonAnswer({ paused });
}

async function setSync(
  ha: HighAvailability,
  { mode, author, comment }: v.InferOutput<typeof MODE_BODY>,
): Promise<Answer> {
  await setMode(ha, mode, { author, comment });
  return jsonAnswer({ mode });
}

async function putTags(
  ha: HighAvailability,
  id: number,
  body: v.InferOutput<typeof TAGS_BODY>,
): Promise<Answer> {
  const {
    failover_priority: failoverPriority,
    cascade_from: cascadeFrom,
    ...flags
  } = body;
  const given = Object.entries({ ...flags, failoverPriority, cascadeFrom })
    .filter(([, value]) => value !== undefined);
  const tags = await setTags(ha, id, Object.fromEntries(given));
  return jsonAnswer({ id, tags: tagsToJson(tags) });
}
