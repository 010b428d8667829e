import type { LogRecord } from "@logtape/logtape";
import { type Plain, plainFields, plainText } from "./plain.ts";

/** The node that writes the log. */
export interface LoggingNode {
  /** Its number. */
  readonly id: number;
  /** Its name. */
  readonly name: string;
}

/** Writes an event as one line, without its end. */
export type Formatter = (record: LogRecord) => string;

/** Controls, invisible and reordering characters, line and paragraph ends, halves of pairs. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

/** What a line of JSON says itself; a field of such a name gets a `_` at its end. */
const RESERVED: ReadonlySet<string> = new Set([
  "time",
  "level",
  "node",
  "node_name",
  "category",
  "message",
]);

/** A text value that needs no quotes. */
const BARE = /^[^\s"'=\\{}[\],]+$/;

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Keeps an event on its line, and a terminal from obeying it. */
function escapeUnseen(text: string): string {
  return text.replace(
    UNSEEN,
    (one) => SHORT_ESCAPES.get(one) ?? one.split("").map(escapeUnit).join(""),
  );
}

function messageText({ rawMessage, message }: LogRecord): string {
  // Not the message that LogTape makes: it would take braces in a text for places to fill.
  if (typeof rawMessage === "string") return rawMessage;
  return message.map(String).join("");
}

/** The category without what all of ours begin with. */
export function categoryText({ category }: LogRecord): string {
  return (category[0] === "pgraft" ? category.slice(1) : category).join(".");
}

function hasStacks({ level }: LogRecord): boolean {
  return level === "error" || level === "fatal";
}

function textValue(value: Plain): string {
  if (typeof value !== "string") return escapeUnseen(JSON.stringify(value));
  const escaped = escapeUnseen(value);
  return escaped === value && BARE.test(value)
    ? value
    : escapeUnseen(JSON.stringify(value));
}

/**
 * Makes lines for people: time, level, node, category, message and fields.
 *
 * @param node The node that writes.
 * @returns The formatter.
 */
export function createTextFormatter(node: LoggingNode): Formatter {
  const name = escapeUnseen(node.name);
  return (record) => {
    const time = new Date(record.timestamp).toISOString();
    const level = record.level.toUpperCase().padEnd(7);
    const category = escapeUnseen(categoryText(record));
    return `${time} ${level} ${name} ${category}: ${bodyText(record)}`;
  };
}

/**
 * Writes an event's message and fields, as in a line for people.
 *
 * @param record The event.
 * @returns The text, on one line and without secrets.
 */
export function bodyText(record: LogRecord): string {
  const stacks = hasStacks(record);
  const fields = plainFields(record.properties, { errors: "text", stacks })
    .map(([key, value]) => ` ${textValue(key)}=${textValue(value)}`);
  return escapeUnseen(plainText(messageText(record))) + fields.join("");
}

/**
 * Makes lines of JSON for machines.
 *
 * @param node The node that writes.
 * @returns The formatter.
 */
export function createJsonFormatter(node: LoggingNode): Formatter {
  return (record) => {
    const stacks = hasStacks(record);
    const fields = plainFields(record.properties, { errors: "object", stacks })
      .map(([key, value]) => [RESERVED.has(key) ? `${key}_` : key, value]);
    const line = {
      time: new Date(record.timestamp).toISOString(),
      level: record.level,
      node: node.id,
      node_name: node.name,
      category: categoryText(record),
      message: plainText(messageText(record)),
      ...Object.fromEntries(fields),
    };
    return escapeUnseen(JSON.stringify(line));
  };
}
