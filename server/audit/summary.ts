/** Fields whose text is no secret and says what a call is about. */
const SHOWN: ReadonlySet<string> = new Set([
  "mode",
  "role",
  "raft_address",
  "author",
  "level",
  "kind",
  "database",
  "revision",
  "ID",
  "TTL",
  "failover_priority",
  "peer",
  "address",
]);

/** The longest text of a field. */
const MAX_TEXT = 100;
/** How many fields are named. */
const MAX_FIELDS = 32;

/**
 * Says what came with a call, without what may be a secret: numbers and flags as they are, text of a few
 * fields, of all else the names only.
 *
 * @param request The body's text, or its fields.
 * @returns A text, or null where there is nothing to say.
 *
 * @example Usage
 * ```ts
 * import { summaryOf } from "./summary.ts";
 *
 * const said = summaryOf('{"target":2,"parameters":{"primary_conninfo":"password=x"},"comment":"y"}');
 * if (said !== "target=2 parameters=(primary_conninfo) comment") throw new Error(`It says ${said}`);
 * ```
 */
export function summaryOf(request: unknown): string | null {
  const fields = typeof request === "string" ? parsed(request) : request;
  if (typeof fields !== "object" || fields === null) return null;
  const entries = Object.entries(fields);
  if (entries.length === 0) return null;
  return entries.slice(0, MAX_FIELDS).map(([name, value]) =>
    fieldText(name, value)
  ).join(" ") + (entries.length > MAX_FIELDS ? " …" : "");
}

function parsed(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function fieldText(name: string, value: unknown): string {
  const shown = name.slice(0, MAX_TEXT);
  switch (typeof value) {
    case "number":
    case "boolean":
      return `${shown}=${value}`;
    case "string":
      return SHOWN.has(name) ? `${shown}=${value.slice(0, MAX_TEXT)}` : shown;
    case "object": {
      if (value === null) return `${shown}=null`;
      if (Array.isArray(value)) return `${shown}[${value.length}]`;
      const names = Object.keys(value).slice(0, MAX_FIELDS);
      return `${shown}=(${names.map((one) => one.slice(0, MAX_TEXT))})`;
    }
    default:
      return shown;
  }
}
