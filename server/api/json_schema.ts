import { invariant } from "../../base/mod.ts";
import type * as v from "valibot";
import type { JsonSchema } from "../http/mod.ts";

/** What of a schema this looks at. */
interface SchemaView {
  readonly type: string;
  readonly entries?: Readonly<Record<string, SchemaView>>;
  readonly wrapped?: SchemaView;
  readonly item?: SchemaView;
  readonly value?: SchemaView;
  readonly options?: readonly unknown[];
  readonly literal?: unknown;
  readonly default?: unknown;
  readonly pipe?: readonly StepView[];
}

interface StepView {
  readonly kind: string;
  readonly type: string;
  readonly requirement?: unknown;
}

/** Keywords of JSON Schema by the checks of valibot that mean the same. */
const KEYWORDS: ReadonlyMap<string, string> = new Map([
  ["min_value", "minimum"],
  ["max_value", "maximum"],
  ["min_length", "minLength"],
  ["max_length", "maxLength"],
]);

/**
 * Says in JSON Schema what a valibot schema takes in.
 *
 * @param schema The schema; only kinds that the API's tables use.
 * @returns The same in JSON Schema.
 */
export function jsonSchemaOf(schema: v.GenericSchema): JsonSchema {
  return convert(schema as unknown as SchemaView);
}

function convert(schema: SchemaView): JsonSchema {
  const base = convertType(schema);
  const steps = (schema.pipe ?? []).filter(({ kind }) => kind !== "schema");
  return steps.reduce((made, step) => ({ ...made, ...keywordOf(step) }), base);
}

function convertType(schema: SchemaView): JsonSchema {
  switch (schema.type) {
    case "string":
    case "number":
    case "boolean":
    case "null":
      return { type: schema.type };
    case "unknown":
      return {};
    case "literal":
      return { const: schema.literal };
    case "picklist":
      return { enum: schema.options };
    case "object":
    case "loose_object":
      return convertObject(schema);
    case "strict_object":
      return { ...convertObject(schema), additionalProperties: false };
    case "array":
      return { type: "array", items: inner(schema.item) };
    case "record":
      return { type: "object", additionalProperties: inner(schema.value) };
    case "nullable":
      return { anyOf: [inner(schema.wrapped), { type: "null" }] };
    case "union":
      return {
        anyOf: (schema.options ?? []).map((one) => convert(viewOf(one))),
      };
    case "optional":
      return schema.default === undefined
        ? inner(schema.wrapped)
        : { ...inner(schema.wrapped), default: schema.default };
    default:
      invariant(false, `a schema of type ${schema.type} has no JSON Schema`);
  }
}

function convertObject({ entries = {} }: SchemaView): JsonSchema {
  const required = Object.keys(entries).filter((name) =>
    entries[name]?.type !== "optional"
  );
  const properties = Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [name, convert(entry)]),
  );
  return {
    type: "object",
    properties,
    ...(required.length > 0 ? { required } : {}),
  };
}

function keywordOf({ type, requirement }: StepView): JsonSchema {
  if (type === "integer") return { type: "integer" };
  if (type === "non_empty") return { minLength: 1 };
  const keyword = KEYWORDS.get(type);
  invariant(keyword !== undefined, `the check ${type} has no JSON Schema`);
  return { [keyword]: requirement };
}

function inner(schema: SchemaView | undefined): JsonSchema {
  invariant(schema !== undefined, "a schema around another one has it");
  return convert(schema);
}

function viewOf(schema: unknown): SchemaView {
  return schema as SchemaView;
}
