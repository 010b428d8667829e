import { messageOf } from "../../base/mod.ts";
import { isSecretName, REDACTED, redactText } from "./redact.ts";

/** How deep values are looked into. */
export const MAX_DEPTH = 5;
/** How many values one event shows, over all depths. */
export const MAX_VALUES = 300;
/** How much of one text an event shows. */
export const MAX_TEXT_CHARS = 8192;

/** A value that can be written as JSON, without secrets. */
export type Plain =
  | null
  | boolean
  | number
  | string
  | readonly Plain[]
  | { readonly [name: string]: Plain };

/** How errors are shown. */
export interface PlainOptions {
  /** One text, for people, or an object. */
  readonly errors: "text" | "object";
  /** Whether they show where they were thrown. */
  readonly stacks: boolean;
}

interface Walk extends PlainOptions {
  /** How many more values may be shown. */
  left: number;
  /** The objects around the value. */
  readonly above: object[];
}

/**
 * Bounds a text and takes secrets out of it.
 *
 * @param text Any text.
 * @returns What may be shown of it.
 */
export function plainText(text: string): string {
  const more = text.length - MAX_TEXT_CHARS;
  // Cut first: the search for secrets must not take long for a long text.
  const shown = redactText(more > 0 ? text.slice(0, MAX_TEXT_CHARS) : text);
  return more > 0 ? `${shown} (${more} more)` : shown;
}

function plainNumber(value: number): Plain {
  return Number.isFinite(value) ? value : String(value);
}

function errorHead(error: Error, stacks: boolean): string {
  const head = `${error.name}: ${error.message}`;
  return stacks ? error.stack ?? head : head;
}

function errorText(error: Error, stacks: boolean): string {
  let text = errorHead(error, stacks);
  let cause = error.cause;
  for (let depth = 1; depth < MAX_DEPTH && cause instanceof Error; depth++) {
    text += `; caused by ${errorHead(cause, stacks)}`;
    cause = cause.cause;
  }
  return cause === undefined || cause instanceof Error
    ? text
    : `${text}; caused by ${messageOf(cause)}`;
}

function plainError(error: Error, walk: Walk): Plain {
  if (walk.errors === "text") return plainText(errorText(error, walk.stacks));
  const { name, message, stack, cause } = error;
  const code = "code" in error ? error.code : undefined;
  return plainObject(
    Object.entries({
      name,
      message,
      code,
      cause,
      stack: walk.stacks ? stack : undefined,
    }),
    walk,
  );
}

function plainObject(
  entries: Iterable<readonly [unknown, unknown]>,
  walk: Walk,
): Plain {
  const shown: [string, Plain][] = [];
  for (const [key, value] of entries) {
    if (value === undefined) continue;
    const name = String(key);
    if (walk.left <= 0) {
      shown.push(["more", "[cut]"]);
      break;
    }
    shown.push([
      plainText(name),
      plainValue(isSecretName(name) ? REDACTED : value, walk),
    ]);
  }
  return Object.fromEntries(shown);
}

function plainList(values: Iterable<unknown>, walk: Walk): Plain {
  const shown: Plain[] = [];
  for (const value of values) {
    if (walk.left <= 0) {
      shown.push("[cut]");
      break;
    }
    shown.push(plainValue(value, walk));
  }
  return shown;
}

function plainInside(value: object, walk: Walk): Plain {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return `[${value.byteLength} bytes]`;
  }
  if (value instanceof Date) return String(value.toJSON());
  if (value instanceof URL) return plainText(value.href);
  if (value instanceof Error) return plainError(value, walk);
  if (value instanceof Map) return plainObject(value, walk);
  if (Array.isArray(value) || value instanceof Set) {
    return plainList(value, walk);
  }
  return plainObject(Object.entries(value), walk);
}

function plainReference(value: object, walk: Walk): Plain {
  if (walk.above.includes(value)) return "[circular]";
  if (walk.above.length >= MAX_DEPTH) return "[deep]";
  walk.above.push(value);
  try {
    return plainInside(value, walk);
  } catch {
    // A getter threw; the event matters more than this value.
    return "[unreadable]";
  } finally {
    walk.above.pop();
  }
}

function plainValue(value: unknown, walk: Walk): Plain {
  walk.left -= 1;
  if (typeof value === "string") return plainText(value);
  if (typeof value === "number") return plainNumber(value);
  if (typeof value === "boolean" || value === null) return value;
  if (typeof value === "object") return plainReference(value, walk);
  if (typeof value === "function") return "[function]";
  return plainText(String(value));
}

/**
 * Makes fields writable: bounded, without cycles, and without the values of secrets.
 *
 * @param fields What was logged beside the message; what is undefined is left out.
 * @param options How errors are shown.
 * @returns The fields.
 */
export function plainFields(
  fields: Readonly<Record<string, unknown>>,
  options: PlainOptions,
): [name: string, value: Plain][] {
  const walk: Walk = { ...options, left: MAX_VALUES, above: [] };
  return Object.entries(plainObject(Object.entries(fields), walk) ?? {});
}
