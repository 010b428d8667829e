import type { KvRange } from "../../raft/machines/mod.ts";
import { type JsonSchema, parseObject, Problem } from "../http/mod.ts";
import type { Body } from "./define.ts";
import { fromBase64 } from "./input.ts";

/** A field of a body in etcd's JSON: how it is described and how it is read, in one. */
export interface Field<T> {
  readonly schema: JsonSchema;
  /** Whether it must be there. */
  readonly required?: boolean;
  /** Reads it; undefined when it is not there. Throws a problem that names it when it does not fit. */
  read(name: string, value: unknown): T;
}

/** The fields of a body. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** What the fields say. */
export type FieldsOf<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

function bad(name: string, detail: string): Problem {
  return new Problem("bad_request", `${name}: ${detail}`);
}

/** Bytes in base64; empty when they are not there. */
export const BYTES: Field<string> = {
  schema: { type: "string", contentEncoding: "base64" },
  read(name, value): string {
    if (value === undefined) return "";
    if (typeof value === "string") return fromBase64(name, value);
    throw bad(name, "send base64 text");
  },
};

/** A key, which is not empty. */
export const KEY: Field<string> = {
  ...BYTES,
  required: true,
  read(name, value): string {
    const key = BYTES.read(name, value);
    if (key !== "") return key;
    throw bad(name, "a key is not empty");
  },
};

/** A whole number, as such or as text; 0 when it is not there. */
export const WHOLE: Field<number> = {
  schema: { anyOf: [{ type: "string", format: "int64" }, { type: "integer" }] },
  read(name, value = 0): number {
    const number = typeof value === "string" ? Number(value) : value;
    if (typeof number === "number" && Number.isSafeInteger(number)) {
      return number;
    }
    throw bad(name, "send a whole number");
  },
};

/** A whole number that is not negative; 0 when it is not there. */
export const NATURAL: Field<number> = {
  schema: WHOLE.schema,
  read(name, value): number {
    const number = WHOLE.read(name, value);
    if (number >= 0) return number;
    throw bad(name, "this must not be negative");
  },
};

/** A yes or no; no when it is not there. */
export const FLAG: Field<boolean> = {
  schema: { type: "boolean" },
  read(name, value = false): boolean {
    if (typeof value === "boolean") return value;
    throw bad(name, "send true or false");
  },
};

/** A field of etcd's that this node does not heed: only the values that ask for nothing are taken. */
export function inert(...accepted: readonly unknown[]): Field<null> {
  return {
    schema: { enum: accepted },
    read(name, value): null {
      if (value === undefined || accepted.includes(value)) return null;
      throw bad(name, "this node does not do that; leave it out");
    },
  };
}

/** A body in etcd's JSON. Like etcd it passes over names that mean nothing. */
export function etcdBody<F extends Fields>(fields: F): Body<FieldsOf<F>> {
  const field = objectOf(fields);
  return {
    schema: field.schema,
    optional: Object.values(fields).every(({ required }) => !required),
    read: (text) => field.read("", parseObject(text)),
  };
}

/** An object within a body; its fields are named with the path to them. */
export function objectOf<F extends Fields>(fields: F): Field<FieldsOf<F>> {
  const entries = Object.entries(fields).map(([name, field]) => {
    const camel = camelCase(name);
    return [name, field, camel === name ? null : camel] as const;
  });
  const required = entries.filter(([, { required }]) => required).map((
    [name],
  ) => name);
  return {
    schema: {
      type: "object",
      properties: Object.fromEntries(
        entries.map(([name, { schema }]) => [name, schema]),
      ),
      ...(required.length > 0 ? { required } : {}),
    },
    read(path, value): FieldsOf<F> {
      if (!isObject(value)) throw bad(path, "send an object");
      const prefix = path === "" ? "" : `${path}.`;
      const read: Record<string, unknown> = {};
      for (const [name, field, other] of entries) {
        // Like etcd's gateway it takes both spellings.
        const given = other === null
          ? value[name]
          : value[name] ?? value[other];
        read[name] = field.read(prefix + name, given);
      }
      return read as FieldsOf<F>;
    },
  };
}

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter) => letter.toUpperCase());
}

/** A field that is null when it is not there. */
export function maybe<T>({ schema, read }: Field<T>): Field<T | null> {
  return {
    schema,
    read: (name, value) => value === undefined ? null : read(name, value),
  };
}

/** A list; empty when it is not there. */
export function listOf<T>(item: Field<T>): Field<readonly T[]> {
  return {
    schema: { type: "array", items: item.schema },
    read(name, value = []): readonly T[] {
      if (!Array.isArray(value)) throw bad(name, "send a list");
      return value.map((one: unknown, at) => item.read(`${name}[${at}]`, one));
    },
  };
}

/** One of some names, as such or by their number; the first when it is not there. */
export function oneOf<const T extends string>(
  ...names: readonly [T, ...T[]]
): Field<T> {
  return {
    schema: { enum: [...names, ...names.keys()] },
    read(name, value = names[0]): T {
      const found = names.find((one, at) => one === value || at === value);
      if (found !== undefined) return found;
      throw bad(name, `this is none of ${names.join(", ")}`);
    },
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The range that `key` and `range_end` mean. */
export function rangeOf(
  { key, range_end: rangeEnd }: {
    readonly key: string;
    readonly range_end: string;
  },
): KvRange {
  // A key of one zero byte begins at the first key there is.
  return { key: key === "\0" && rangeEnd !== "" ? "" : key, rangeEnd };
}
