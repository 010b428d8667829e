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
import { type Answer, type Call, jsonAnswer, type Route } from "../http/mod.ts";
import { haOf, type NodeContext, requireMember } from "./context.ts";
import { parseBody, wholeNumber } from "./input.ts";

const ID = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000));
const SWITCHOVER_BODY = v.strictObject({ target: v.optional(ID) });
const FAILOVER_BODY = v.strictObject({
  target: v.optional(ID),
  allow_data_loss: v.optional(v.boolean(), false),
});
const EMPTY_BODY = v.strictObject({});
const RESTART_BODY = v.strictObject({ in_place: v.optional(v.boolean()) });
const MAINTENANCE_BODY = v.strictObject({ maintenance: v.boolean() });
const MODE_BODY = v.strictObject({
  mode: v.picklist(["quorum", "strict", "off"]),
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
  const read = (
    path: string,
    summary: string,
    toJson: (ha: HighAvailability) => Record<string, unknown>,
  ): Route => ({
    method: "GET",
    path,
    access: "read",
    summary,
    handle: () => jsonAnswer(toJson(haOf(context))),
  });
  const change = (
    method: Route["method"],
    path: string,
    summary: string,
    handle: (ha: HighAvailability, call: Call) => Promise<Answer>,
  ): Route => ({
    method,
    path,
    access: "change",
    summary,
    handle: (call) => {
      requireMember(context);
      return handle(haOf(context), call);
    },
  });
  return [
    read("/v1/explain", "Why things are as they are", explainToJson),
    read("/v1/failover/history", "The changes of primary", historyToJson),
    change("POST", "/v1/switchover", "Change the primary in order", toSwitch),
    change("POST", "/v1/failover", "Have another take over", toFailOver),
    change(
      "POST",
      "/v1/pause",
      "Suspend failover",
      (ha, call) => pause(ha, call, true),
    ),
    change(
      "POST",
      "/v1/resume",
      "Take failover up again",
      (ha, call) => pause(ha, call, false),
    ),
    change("PUT", "/v1/synchronous-mode", "Set who must hold commits", setSync),
    change("PUT", "/v1/nodes/:id/tags", "Set tags of a member", putTags),
    change(
      "PUT",
      "/v1/nodes/:id/maintenance",
      "Begin or end work on a member",
      putMaintenance,
    ),
    ...(["restart", "reload", "reinit"] as const).map((kind) =>
      change(
        "POST",
        `/v1/nodes/:id/${kind}`,
        `Have a member's PostgreSQL do a ${kind}`,
        (ha, call) => order(ha, call, kind),
      )
    ),
  ];
}

function idOf({ params }: Call): number {
  return wholeNumber("id", params.id ?? "", { min: 1, max: 1000 });
}

async function putMaintenance(
  ha: HighAvailability,
  call: Call,
): Promise<Answer> {
  const id = idOf(call);
  const { maintenance } = parseBody(MAINTENANCE_BODY, call.body);
  await setMaintenance(ha, id, maintenance);
  return jsonAnswer({ id, maintenance });
}

async function order(
  ha: HighAvailability,
  call: Call,
  kind: WorkWish["kind"],
): Promise<Answer> {
  const id = idOf(call);
  const { in_place: inPlace = false } = kind === "restart"
    ? parseBody(RESTART_BODY, call.body)
    : { ...parseBody(EMPTY_BODY, call.body) };
  const number = await orderWork(ha, { id, kind, inPlace });
  return jsonAnswer({ id, kind, order: number });
}

async function toSwitch(ha: HighAvailability, call: Call): Promise<Answer> {
  const { target = null } = parseBody(SWITCHOVER_BODY, call.body);
  const { primary, epoch, record } = await switchOver(ha, target);
  return jsonAnswer({
    primary,
    epoch,
    record: record ? recordToJson(record) : null,
  });
}

async function toFailOver(ha: HighAvailability, call: Call): Promise<Answer> {
  const body = parseBody(FAILOVER_BODY, call.body);
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
  call: Call,
  paused: boolean,
): Promise<Answer> {
  parseBody(EMPTY_BODY, call.body);
  await setPaused(ha, paused);
  return jsonAnswer({ paused });
}

async function setSync(ha: HighAvailability, call: Call): Promise<Answer> {
  const { mode } = parseBody(MODE_BODY, call.body);
  await setMode(ha, mode);
  return jsonAnswer({ mode });
}

async function putTags(ha: HighAvailability, call: Call): Promise<Answer> {
  const id = idOf(call);
  const body = parseBody(TAGS_BODY, call.body);
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
