import * as v from "valibot";
import {
  operationAt,
  operationToJson,
  submissionCommand,
  submissionIndex,
  whenRun,
} from "../execute/mod.ts";
import { CONTROL_DATABASE, install } from "../extension/mod.ts";
import {
  type Answer,
  type Call,
  jsonAnswer,
  Problem,
  type Route,
} from "../http/mod.ts";
import { type NodeContext, propose, requireMember } from "./context.ts";
import { parseBody, wholeNumber } from "./input.ts";
import { readAs } from "./reading.ts";

/** How long an operation is waited for. */
const RUN_WAIT_MS = 55_000;
const NAME = v.pipe(v.string(), v.nonEmpty(), v.maxLength(63));
const SQL_BODY = v.strictObject({
  sql: v.pipe(v.string(), v.nonEmpty()),
  kind: v.optional(v.string(), "custom"),
  database: v.optional(NAME, CONTROL_DATABASE),
  role: v.optional(NAME),
  wait: v.optional(v.boolean(), true),
});
const EXTENSION_BODY = v.strictObject({
  database: v.optional(NAME, CONTROL_DATABASE),
});

/** The routes of replicated SQL and of the extension. */
export function sqlRoutes(context: NodeContext): Route[] {
  return [
    {
      method: "POST",
      path: "/v1/sql",
      access: "change",
      summary: "Have the primary run statements, once",
      handle: (call) => submit(context, call),
    },
    {
      method: "GET",
      path: "/v1/sql/:index",
      access: "read",
      summary: "What became of them",
      handle: (call) => read(context, call),
    },
    {
      method: "POST",
      path: "/v1/extension",
      access: "change",
      summary: "Install the extension",
      handle: (call) => installHere(context, call),
    },
  ];
}

async function submit(context: NodeContext, call: Call): Promise<Answer> {
  const body = parseBody(SQL_BODY, call.body);
  requireMember(context);
  const role = body.role ?? context.superuser;
  const data = submissionCommand({ ...body, role });
  const index = submissionIndex(await propose(context, call, "sql", data));
  const operation = body.wait
    ? await whenRun(context, index, RUN_WAIT_MS, call.request.signal)
    : operationAt(context, index);
  if (operation) return jsonAnswer(operationToJson(operation), 201);
  return jsonAnswer({ raft_index: index, state: "waiting" }, 201);
}

async function read(context: NodeContext, call: Call): Promise<Answer> {
  const index = wholeNumber("index", call.params.index ?? "", { min: 1 });
  const operation = await readAs(
    context,
    false,
    () => operationAt(context, index),
  );
  if (operation) return jsonAnswer(operationToJson(operation));
  throw new Problem(
    "not_found",
    `There is no operation ${index}, or it is too long ago`,
  );
}

async function installHere(context: NodeContext, call: Call): Promise<Answer> {
  const { database } = parseBody(EXTENSION_BODY, call.body);
  const instance = context.instance();
  if (!instance) {
    throw new Problem("conflict", "This node has no PostgreSQL");
  }
  const { files, action, form, version } = await install(instance, database);
  return jsonAnswer({ database, action, form, version, files });
}
