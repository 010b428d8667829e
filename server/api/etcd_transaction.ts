import * as v from "valibot";
import type {
  KvComparison,
  KvRelation,
  KvStep,
  KvStepResult,
} from "../../raft/machines/mod.ts";
import {
  type Answer,
  type Call,
  jsonAnswer,
  Problem,
  type Route,
} from "../http/mod.ts";
import { etcdAnswer } from "./answers.ts";
import type { NodeContext } from "./context.ts";
import {
  DELETE,
  etcdRoute,
  headerOf,
  limitOf,
  PUT,
  RANGE,
  recordToEtcd,
} from "./etcd.ts";
import {
  BYTES,
  type Field,
  type FieldsOf,
  inert,
  KEY,
  listOf,
  maybe,
  NATURAL,
  objectOf,
  oneOf,
  rangeOf,
} from "./etcd_body.ts";
import { change } from "./kv.ts";

const COMPARE = {
  key: KEY,
  range_end: BYTES,
  result: oneOf("EQUAL", "GREATER", "LESS", "NOT_EQUAL"),
  target: oneOf("VERSION", "CREATE", "MOD", "VALUE"),
  version: NATURAL,
  create_revision: NATURAL,
  mod_revision: NATURAL,
  value: BYTES,
};
const STEP = {
  request_put: maybe(objectOf(PUT)),
  request_range: maybe(objectOf({ ...RANGE, revision: inert(0, "0") })),
  request_delete_range: maybe(objectOf(DELETE)),
  request_txn: noTransaction(),
};
const TRANSACTION = {
  compare: listOf(objectOf(COMPARE)),
  success: listOf(objectOf(STEP)),
  failure: listOf(objectOf(STEP)),
};

type Step = FieldsOf<typeof STEP>;
type Body = FieldsOf<typeof TRANSACTION>;

const RELATIONS: Readonly<
  Record<FieldsOf<typeof COMPARE>["result"], KvRelation>
> = {
  EQUAL: "equal",
  GREATER: "greater",
  LESS: "less",
  NOT_EQUAL: "not_equal",
};

/** Etcd's route of transactions. */
export function etcdTransactionRoutes(context: NodeContext): Route[] {
  return [
    etcdRoute(context, {
      path: "/v3/kv/txn",
      access: "change",
      isData: true,
      summary: "Do one of two lists of steps, in one revision, as etcd does",
      fields: TRANSACTION,
      answers: etcdAnswer("What the list that was taken came to", {
        succeeded: v.boolean(),
        responses: v.array(v.looseObject({
          response_put: v.optional(v.looseObject({})),
          response_range: v.optional(v.looseObject({})),
          response_delete_range: v.optional(v.looseObject({})),
        })),
      }),
      handle: transact,
    }),
  ];
}

function noTransaction(): Field<null> {
  return {
    schema: { type: "null" },
    read(name, value): null {
      if (value === undefined || value === null) return null;
      throw new Problem(
        "bad_request",
        `${name}: a transaction within a transaction is not done here; name its steps`,
      );
    },
  };
}

async function transact(
  context: NodeContext,
  body: Body,
  call: Call,
): Promise<Answer> {
  const result = await change(context, call, {
    type: "transaction",
    comparisons: body.compare.map(comparisonOf),
    success: body.success.map((step, at) => stepOf(step, `success[${at}]`)),
    failure: body.failure.map((step, at) => stepOf(step, `failure[${at}]`)),
    atMs: Date.now(),
  });
  const header = headerOf(context, result.revision);
  if (result.type !== "transaction") return jsonAnswer({ header });
  const { succeeded, answers } = result;
  const steps = succeeded ? body.success : body.failure;
  const responses = answers.map((answer, at) =>
    responseOf(answer, steps[at] ?? null)
  );
  return jsonAnswer({
    header,
    ...(succeeded ? { succeeded } : {}),
    ...(responses.length > 0 ? { responses } : {}),
  });
}

function comparisonOf(compare: FieldsOf<typeof COMPARE>): KvComparison {
  const { target } = compare;
  return {
    ...rangeOf(compare),
    relation: RELATIONS[compare.result],
    operand: target === "VALUE"
      ? { type: "value", value: compare.value }
      : numberOperand(compare, target),
  };
}

function numberOperand(
  compare: FieldsOf<typeof COMPARE>,
  target: "VERSION" | "CREATE" | "MOD",
): KvComparison["operand"] {
  switch (target) {
    case "VERSION":
      return { type: "version", number: compare.version };
    case "CREATE":
      return {
        type: "create_revision",
        number: compare.create_revision,
      };
    case "MOD":
      return { type: "mod_revision", number: compare.mod_revision };
  }
}

function stepOf(step: Step, name: string): KvStep {
  const { request_put: put, request_range: range } = step;
  const { request_delete_range: remove } = step;
  if ([put, range, remove].filter((one) => one !== null).length > 1) {
    throw new Problem("bad_request", `${name}: send one request`);
  }
  if (put) {
    const { key, value, lease, prev_kv: returnPrevious } = put;
    return { type: "put", key, value, returnPrevious, lease };
  }
  if (range) {
    return { type: "range", ...rangeOf(range), limit: limitOf(range) };
  }
  if (remove) {
    const returnPrevious = remove.prev_kv;
    return { type: "delete", ...rangeOf(remove), returnPrevious };
  }
  throw new Problem(
    "bad_request",
    `${name}: send request_put, request_range or request_delete_range`,
  );
}

function responseOf(
  answer: KvStepResult,
  step: Step | null,
): Record<string, unknown> {
  const header = { revision: String(answer.revision) };
  switch (answer.type) {
    case "put": {
      const { previous } = answer;
      const previousKv = previous ? { prev_kv: recordToEtcd(previous) } : {};
      return { response_put: { header, ...previousKv } };
    }
    case "delete":
      return {
        response_delete_range: {
          header,
          ...(answer.deleted > 0 ? { deleted: String(answer.deleted) } : {}),
          ...(answer.previous.length > 0
            ? { prev_kvs: answer.previous.map((one) => recordToEtcd(one)) }
            : {}),
        },
      };
    case "range": {
      const { records, count } = answer;
      const asked = step?.request_range;
      const kvs = records.map((one) => recordToEtcd(one, asked?.keys_only));
      const more = records.length < count && !asked?.count_only;
      return {
        response_range: {
          header,
          ...(kvs.length > 0 ? { kvs } : {}),
          ...(more ? { more } : {}),
          ...(count > 0 ? { count: String(count) } : {}),
        },
      };
    }
  }
}
