import { stripVTControlCharacters } from "node:util";
import { shownBytes } from "../ctl/postgres.ts";
import { type Cell, tableLines } from "../ctl/table.ts";
import type { painter, Style } from "../style.ts";
import type { Condition, NodePorts } from "./node.ts";
import type { ClusterView } from "./view.ts";

/** A node as it is shown. */
export interface ShownNode {
  readonly id: number;
  readonly condition: Condition;
  readonly ports: Pick<NodePorts, "api" | "postgres">;
}

/** Something that was done to the cluster, and what it cost. */
export interface ShownEvent {
  /** Such as `node 1 was killed`. */
  readonly what: string;
  /** The longest time without an acknowledged row since then. */
  readonly gapMs: number;
  /** What came of it; empty while nothing has. */
  readonly outcome: string;
}

/** All that a demo shows. */
export interface Picture {
  readonly programs: string;
  readonly root: string;
  readonly password: string;
  readonly nodes: readonly ShownNode[];
  readonly view: ClusterView | null;
  readonly acknowledged: number;
  readonly silentMs: number;
  /** How many acknowledged rows were missing when it was looked last; null before. */
  readonly lost: number | null;
  readonly events: readonly ShownEvent[];
  /** What is to be said now; empty for nothing. */
  readonly note: string;
}

/** What a person can do. */
export const COMMANDS = [
  { key: "k", word: "kill", help: "kill the primary's node" },
  { key: "f", word: "freeze", help: "freeze it" },
  { key: "t", word: "thaw", help: "thaw" },
  { key: "b", word: "back", help: "bring back what was killed" },
  { key: "s", word: "switchover", help: "switch over" },
  { key: "q", word: "quit", help: "quit" },
] as const;

/** One of {@linkcode COMMANDS}, by its word. */
export type Action = typeof COMMANDS[number]["word"];

/** A pause between two rows is no silence. */
const SILENT_FROM_MS = 300;
const MAX_EVENTS = 5;
const CONDITION_STYLES: Readonly<Record<Condition, Style>> = {
  running: "green",
  frozen: "yellow",
  killed: "red",
  ended: "red",
};

/** Shows a time: `0.23 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

/**
 * Makes the string by which clients find the primary, wherever it is.
 *
 * @param nodes The nodes.
 * @param password The demo's password.
 * @returns An URI for libpq.
 */
export function connectionString(
  nodes: readonly Pick<ShownNode, "ports">[],
  password: string,
): string {
  const hosts = nodes.map(({ ports }) => `127.0.0.1:${ports.postgres}`);
  return `postgresql://demo:${password}@${
    hosts.join(",")
  }/postgres?target_session_attrs=read-write`;
}

function nodeRow(
  { id, condition, ports }: ShownNode,
  view: ClusterView | null,
): Cell[] {
  const member = view?.members.find((one) => one.id === id);
  const isUp = condition === "running" && member !== undefined;
  const isStandby = member?.role === "standby";
  const lag = member?.lagBytes ?? null;
  return [
    String(id),
    { text: condition, style: CONDITION_STYLES[condition] },
    isUp && member.role === "primary"
      ? { text: member.role, style: "bold" }
      : isUp
      ? member.role
      : "-",
    isUp ? member.state : "-",
    isUp ? member.raft : "-",
    isUp && member.timeline ? String(member.timeline) : "-",
    isUp && isStandby && lag !== null ? shownBytes(lag) : "-",
    `127.0.0.1:${ports.postgres}`,
  ];
}

function writeLine(
  { acknowledged, lost, silentMs }: Picture,
  paint: ReturnType<typeof painter>,
): string {
  const checked = lost === null
    ? "not checked yet"
    : lost === 0
    ? paint("green", "none lost")
    : paint("red", `${lost} LOST`);
  const now = silentMs < SILENT_FROM_MS
    ? ""
    : paint("yellow", `, no answer for ${seconds(silentMs)}`);
  return `A client writes: ${acknowledged} rows acknowledged, ${checked}${now}`;
}

/** What a person who has broken too much should know. */
function quorumLines(
  nodes: readonly ShownNode[],
  paint: ReturnType<typeof painter>,
): string[] {
  const up = nodes.filter(({ condition }) => condition === "running").length;
  if (up > nodes.length / 2) return [];
  const text =
    `Only ${up} of ${nodes.length} nodes are there, so nobody may take writes: bring back, or thaw`;
  return [paint("yellow", text)];
}

/** Shows what was done and what it cost, on a line. */
export function eventLine({ what, gapMs, outcome }: ShownEvent): string {
  const end = outcome === "" ? "" : `; ${outcome}`;
  return `${what}: ${seconds(gapMs)} without writes${end}`;
}

/**
 * Shows a demo.
 *
 * @param picture What there is to show.
 * @param paint Colours text, or leaves it.
 * @returns The lines.
 */
export function pictureLines(
  picture: Picture,
  paint: ReturnType<typeof painter>,
): string[] {
  const { programs, root, nodes, view, events, note, password } = picture;
  const header = [
    "NODE",
    "AGENT",
    "ROLE",
    "STATE",
    "RAFT",
    "TIMELINE",
    "LAG",
    "POSTGRESQL",
  ];
  const api = nodes[0]?.ports.api ?? 0;
  const keys = COMMANDS.map(({ key, help }) => `${paint("bold", key)} ${help}`);
  return [
    `pgraft demo: ${nodes.length} nodes with ${programs}`,
    "",
    ...tableLines(header, nodes.map((node) => nodeRow(node, view)), paint),
    "",
    writeLine(picture, paint),
    ...events.slice(-MAX_EVENTS).map((event) => `  ${eventLine(event)}`),
    ...quorumLines(nodes, paint),
    ...note === "" ? [] : [paint("yellow", note)],
    "",
    `Keys: ${keys.join(", ")}`,
    "",
    "Try, in another terminal:",
    `  psql '${connectionString(nodes, password)}'`,
    `  curl -s http://127.0.0.1:${api}/v1/explain`,
    `  tail -f ${root}/node1.log`,
  ];
}

/**
 * Keeps as many lines as fit on a terminal: one that scrolls cannot be redrawn in place.
 *
 * @param lines The lines; those that are wider than the terminal take several of its own.
 * @param size The terminal.
 * @returns The first of them.
 */
export function fitting(
  lines: readonly string[],
  size: { readonly columns: number; readonly rows: number },
): string[] {
  let left = size.rows - 1;
  const kept: string[] = [];
  for (const line of lines) {
    const width = [...stripVTControlCharacters(line)].length;
    left -= Math.max(1, Math.ceil(width / size.columns));
    if (left < 0) break;
    kept.push(line);
  }
  return kept;
}
