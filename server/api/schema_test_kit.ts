import type { JsonSchema } from "../http/mod.ts";

/**
 * Says how a value does not fit a JSON Schema; only keywords that the API's description uses, and an
 * unknown one is a fault of its own.
 *
 * @param schema The schema.
 * @param value The value.
 * @param path Where it stands.
 * @param root What `$ref` leads into.
 * @returns What is wrong; empty when it fits.
 */
export function misfits(
  schema: JsonSchema,
  value: unknown,
  path = "$",
  root: JsonSchema = schema,
): string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    const check = CHECKS[keyword];
    if (!check) return [`${path}: the keyword ${keyword} is unknown`];
    return check({ rule, value, path, schema, root });
  });
}

interface Check {
  readonly rule: unknown;
  readonly value: unknown;
  readonly path: string;
  readonly schema: JsonSchema;
  readonly root: JsonSchema;
}

const CHECKS: Readonly<Record<string, (check: Check) => string[]>> = {
  description: () => [],
  default: () => [],
  format: () => [],
  contentEncoding: () => [],
  $ref: ({ rule, value, path, root }) =>
    misfits(at(root, String(rule)), value, path, root),
  type: ({ rule, value, path }) =>
    isOfType(value, String(rule)) ? [] : [`${path}: this is no ${rule}`],
  enum: ({ rule, value, path }) =>
    Array.isArray(rule) && rule.includes(value)
      ? []
      : [`${path}: ${value} is none of ${rule}`],
  const: ({ rule, value, path }) =>
    rule === value ? [] : [`${path}: ${value} is not ${rule}`],
  minimum: ({ rule, value, path }) =>
    Number(value) >= Number(rule) ? [] : [`${path}: ${value} < ${rule}`],
  maximum: ({ rule, value, path }) =>
    Number(value) <= Number(rule) ? [] : [`${path}: ${value} > ${rule}`],
  minLength: ({ rule, value, path }) =>
    String(value).length >= Number(rule) ? [] : [`${path}: too short`],
  maxLength: ({ rule, value, path }) =>
    String(value).length <= Number(rule) ? [] : [`${path}: too long`],
  anyOf: ({ rule, value, path, root }) => {
    const found = schemasOf(rule).map((one) => misfits(one, value, path, root));
    return found.some(({ length }) => length === 0) ? [] : found.flat();
  },
  items: ({ rule, value, path, root }) =>
    Array.isArray(value)
      ? value.flatMap((one, i) =>
        misfits(schemaOf(rule), one, `${path}[${i}]`, root)
      )
      : [],
  required: ({ rule, value, path }) =>
    (Array.isArray(rule) ? rule : []).filter((name) =>
      !(name in objectOf(value))
    ).map((name) => `${path}.${name}: this is missing`),
  properties: ({ rule, value, path, root }) =>
    Object.entries(objectOf(rule)).flatMap(([name, schema]) =>
      name in objectOf(value)
        ? misfits(
          schemaOf(schema),
          objectOf(value)[name],
          `${path}.${name}`,
          root,
        )
        : []
    ),
  additionalProperties: ({ rule, value, path, schema, root }) => {
    const known = objectOf(schema.properties);
    const others = Object.entries(objectOf(value)).filter(([name]) =>
      !(name in known)
    );
    return others.flatMap(([name, one]) =>
      rule === false
        ? [`${path}.${name}: this is too much`]
        : misfits(schemaOf(rule), one, `${path}.${name}`, root)
    );
  },
};

function isOfType(value: unknown, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "string") return typeof value === "string";
  if (type === "number") return typeof value === "number";
  if (type === "boolean") return typeof value === "boolean";
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function at(root: JsonSchema, reference: string): JsonSchema {
  let found: JsonSchema = root;
  for (const name of reference.split("/").slice(1)) {
    if (!(name in found)) throw new Error(`${reference} leads nowhere`);
    found = schemaOf(found[name]);
  }
  return found;
}

function schemaOf(value: unknown): JsonSchema {
  return objectOf(value);
}

function schemasOf(value: unknown): JsonSchema[] {
  return Array.isArray(value) ? value.map(schemaOf) : [];
}

function objectOf(value: unknown): JsonSchema {
  return typeof value === "object" && value !== null ? value as JsonSchema : {};
}
