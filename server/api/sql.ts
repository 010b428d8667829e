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
import * as answers from "./answers.ts";
import { bodyOf, defineRoute, whole } from "./define.ts";
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
    defineRoute({
      method: "POST",
      path: "/v1/sql",
      access: "change",
      summary: "Have the primary run statements, once",
      body: bodyOf(SQL_BODY),
      answers: answers.SQL_SUBMITTED,
      handle: ({ body }, call) => submit(context, body, call),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/sql/:index",
      access: "read",
      summary: "What became of them",
      params: { index: whole("Where they stand in the log", { min: 1 }) },
      answers: answers.SQL_OPERATION,
      handle: ({ params }) => read(context, params.index),
    }),
    defineRoute({
      method: "POST",
      path: "/v1/extension",
      access: "change",
      summary: "Install the extension",
      body: bodyOf(EXTENSION_BODY),
      answers: answers.EXTENSION,
      handle: ({ body }) => installHere(context, body.database),
    }),
  ];
}

async function submit(
  context: NodeContext,
  body: v.InferOutput<typeof SQL_BODY>,
  call: Call,
): Promise<Answer> {
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

async function read(context: NodeContext, index: number): Promise<Answer> {
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

async function installHere(
  context: NodeContext,
  database: string,
): Promise<Answer> {
  const instance = context.instance();
  if (!instance) {
    throw new Problem("conflict", "This node has no PostgreSQL");
  }
  const { files, action, form, version } = await install(instance, database);
  return jsonAnswer({ database, action, form, version, files });
}
