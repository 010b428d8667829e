import type { Style } from "../style.ts";
import {
  numberAt,
  type Shape,
  shape,
  shapesAt,
  shown,
  textAt,
} from "./shape.ts";
import type { Cell } from "./table.ts";

/** Columns that {@linkcode postgresCells} fills. */
export const POSTGRES_COLUMNS: readonly string[] = [
  "TIMELINE",
  "LAG",
  "SYNC",
];

const STATE_STYLES: ReadonlyMap<string, Style> = new Map([
  ["running", "green"],
  ["streaming", "green"],
  ["starting", "yellow"],
  ["rewinding", "yellow"],
  ["cloning", "yellow"],
  ["stopped", "red"],
  ["failed", "red"],
  ["sealed", "red"],
]);

const UNITS = ["kB", "MB", "GB", "TB"] as const;

/**
 * Shows an amount of bytes.
 *
 * @param bytes How many.
 * @returns `512 B`, `1.5 MB`.
 */
export function shownBytes(bytes: number): string {
  let amount = bytes;
  let unit = "B";
  for (const next of UNITS) {
    if (amount < 1024) break;
    amount /= 1024;
    unit = next;
  }
  const digits = unit === "B" || amount >= 100 ? 0 : 1;
  return `${amount.toFixed(digits)} ${unit}`;
}

/**
 * Shows the state of a member.
 *
 * @param member The member, of `/v1/cluster`.
 * @returns It, coloured by how good it is.
 */
export function stateCell(member: Shape): Cell {
  const style = STATE_STYLES.get(shown(member, "state"));
  const text = stateText(member);
  return style === undefined ? text : { text, style };
}

/**
 * Says the state of a member, and how far its copy is where it takes one.
 *
 * @param member The member, of `/v1/cluster`.
 * @returns Such as `streaming`, or `cloning 45 %`.
 */
export function stateText(member: Shape): string {
  const state = shown(member, "state");
  const copy = shape(member["copy"]);
  const totalBytes = numberAt(copy, "total_bytes") ?? 0;
  if (totalBytes === 0) return state;
  const share = (numberAt(copy, "done_bytes") ?? 0) / totalBytes;
  return `${state} ${Math.min(100, Math.floor(share * 100))} %`;
}

/**
 * Tells whether a member has PostgreSQL.
 *
 * @param member The member, of `/v1/cluster`.
 * @returns Whether it has.
 */
export function hasPostgres(member: Shape): boolean {
  return numberAt(member, "timeline") !== null;
}

function syncIds(cluster: Shape): readonly unknown[] {
  const ids = shape(cluster["sync"])["standbys"];
  return Array.isArray(ids) ? ids : [];
}

function lagText(member: Shape): string {
  const bytes = numberAt(member, "lag_bytes");
  return bytes === null ? "-" : shownBytes(bytes);
}

/**
 * Shows PostgreSQL's side of a member.
 *
 * @param cluster `/v1/cluster`.
 * @param member One of its members.
 * @returns Cells for {@linkcode POSTGRES_COLUMNS}.
 */
export function postgresCells(cluster: Shape, member: Shape): Cell[] {
  if (!hasPostgres(member)) return POSTGRES_COLUMNS.map(() => "-");
  const timeline = numberAt(member, "timeline") ?? 0;
  const isStandby = textAt(member, "role") !== "primary";
  const holds = syncIds(cluster).includes(numberAt(member, "id"));
  return [
    timeline === 0 ? "-" : String(timeline),
    isStandby ? lagText(member) : "-",
    isStandby ? holds ? "yes" : "no" : "-",
  ];
}

/** Who must hold commits, in words. */
function syncWords(cluster: Shape): string[] {
  const sync = shape(cluster["sync"]);
  const mode = textAt(sync, "mode");
  if (mode === null) return [];
  const required = numberAt(sync, "required") ?? 0;
  const held = required === 0
    ? "commits wait for nobody"
    : `commits need ${required} of ${
      syncIds(cluster).join(", ") || "nobody yet"
    }`;
  const degraded = sync["degraded"] === true ? ["DEGRADED"] : [];
  return [`mode ${mode}`, held, ...degraded];
}

/**
 * Shows PostgreSQL's side of a cluster.
 *
 * @param cluster `/v1/cluster`.
 * @returns A line, and how good it is; null where no member has PostgreSQL.
 */
export function postgresLine(
  cluster: Shape,
): { readonly text: string; readonly style: Style } | null {
  const members = shapesAt(cluster, "members");
  if (!members.some(hasPostgres)) return null;
  const primary = shape(cluster["primary"]);
  const id = numberAt(primary, "id");
  const member = members.find((one) => numberAt(one, "id") === id) ?? {};
  const degraded = shape(cluster["sync"])["degraded"] === true;
  // Its role is told by its own agent only.
  const isHeard = textAt(member, "role") === "primary";
  const words = [
    ...(id === null ? ["no open primary; pgraft ctl explain tells why"] : [
      `primary ${shown(member, "name")} (${id})`,
      ...(isHeard ? [] : ["NOT HEARD OF; pgraft ctl explain tells why"]),
      `epoch ${shown(primary, "epoch")}`,
      `timeline ${shown(primary, "timeline")}`,
    ]),
    ...syncWords(cluster),
  ];
  const style = id === null || !isHeard ? "red" : degraded ? "yellow" : "green";
  return { text: words.join(", "), style };
}

/**
 * Tells what keeps members from working.
 *
 * @param cluster `/v1/cluster`.
 * @returns A line for each.
 */
export function troubleLines(cluster: Shape): string[] {
  return shapesAt(cluster, "members").flatMap((member) => {
    const trouble = textAt(member, "trouble") ?? "";
    const change = shape(member["role_change"]);
    const failed = textAt(change, "trouble") ?? "";
    const name = `${shown(member, "name")} (${shown(member, "id")})`;
    return [
      ...(trouble === "" ? [] : [`${name}: ${trouble}`]),
      ...(failed === ""
        ? []
        : [`${name}: on_role_change for ${shown(change, "role")} ${failed}`]),
    ];
  });
}

/**
 * Tells the rules that an answer or a refusal names.
 *
 * @param from Its body.
 * @returns Each in words.
 */
export function rulesAt(from: Shape): string[] {
  const rules = from["rules"];
  return Array.isArray(rules) ? rules.map(String) : [];
}

/** The phases of a change of primary, in their order. */
export const PHASES = ["detect", "seal", "promote", "barrier", "open"] as const;

/**
 * Tells how long the phases of a change of primary took.
 *
 * @param record Its record in the history.
 * @returns `seal 31 ms, promote 20 ms`; nothing where none is known.
 */
export function shownPhases(record: Shape): string {
  const phases = shape(record["phases_ms"]);
  return PHASES.flatMap((phase) => {
    const ms = numberAt(phases, phase);
    return ms === null ? [] : [`${phase} ${ms} ms`];
  }).join(", ");
}
