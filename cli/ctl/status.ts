import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { oneLine } from "../style.ts";
import {
  hasPostgres,
  POSTGRES_COLUMNS,
  postgresCells,
  postgresLine,
  stateCell,
  troubleLines,
} from "./postgres.ts";
import { ctlCommand, type Session } from "./session.ts";
import {
  numberAt,
  type Shape,
  shape,
  shapesAt,
  shown,
  textAt,
} from "./shape.ts";
import { type Cell, tableLines } from "./table.ts";
import { show, type View, WATCH } from "./watch.ts";

/**
 * Shows how long ago something was.
 *
 * @param from The object.
 * @param key The field with the milliseconds.
 * @returns `12 ms` or `3.4 s`; a hyphen where it is not known.
 */
export function shownAgo(from: Shape, key: string): string {
  const ms = numberAt(from, key);
  if (ms === null) return "-";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function memberRow(member: Shape, cells: readonly Cell[]): Cell[] {
  const raft = shown(member, "raft");
  return [
    shown(member, "id"),
    shown(member, "name"),
    shown(member, "kind"),
    shown(member, "role"),
    raft === "leader" ? { text: raft, style: "bold" } : raft,
    stateCell(member),
    ...cells,
    shownAgo(member, "last_contact_ms"),
  ];
}

/** Without PostgreSQL anywhere its columns would be empty. */
function memberLines(cluster: Shape, { paint }: Session): string[] {
  const members = shapesAt(cluster, "members");
  const isShown = members.some(hasPostgres);
  const columns = [
    "ID",
    "NAME",
    "KIND",
    "ROLE",
    "RAFT",
    "STATE",
    ...(isShown ? POSTGRES_COLUMNS : []),
    "LAST CONTACT",
  ];
  const rows = members.map((one) =>
    memberRow(one, isShown ? postgresCells(cluster, one) : [])
  );
  return tableLines(columns, rows, paint);
}

function hasLeader(cluster: Shape): boolean {
  return (numberAt(cluster, "leader_id") ?? 0) !== 0;
}

function leaderWords(cluster: Shape): string {
  if (!hasLeader(cluster)) return "no leader";
  const id = numberAt(cluster, "leader_id");
  const leader = shapesAt(cluster, "members").find((one) =>
    numberAt(one, "id") === id
  );
  return `leader ${shown(leader ?? {}, "name")} (${id})`;
}

function clusterLine(cluster: Shape, { paint }: Session): string {
  const isGood = cluster["has_quorum"] === true && hasLeader(cluster);
  const words = [
    leaderWords(cluster),
    `term ${shown(cluster, "term")}`,
    cluster["has_quorum"] === true ? "quorum" : "no quorum",
    ...(cluster["paused"] === true ? ["paused"] : []),
  ];
  const text = oneLine(words.join(", "));
  const name = oneLine(shown(cluster, "name"));
  return `Cluster ${name}: ${paint(isGood ? "green" : "red", text)}`;
}

function postgresLines(cluster: Shape, { paint }: Session): string[] {
  const line = postgresLine(cluster);
  return line === null
    ? []
    : [`PostgreSQL: ${paint(line.style, oneLine(line.text))}`];
}

/** What is wrong stands below the table, where there is room for sentences. */
function troubleSection(cluster: Shape, { paint }: Session): string[] {
  const lines = troubleLines(cluster);
  return lines.length === 0
    ? []
    : ["", ...lines.map((line) => paint("yellow", oneLine(line)))];
}

function nodeLine(node: Shape): string {
  const raft = shape(node["raft"]);
  const waiting = textAt(node, "waiting_for") ?? "";
  const serverLog = textAt(node, "server_log") ?? "";
  const words = [
    shown(node, "state"),
    shown(raft, "role"),
    `applied ${shown(raft, "applied_index")} of ${shown(raft, "commit_index")}`,
    `up ${shownAgo(node, "uptime_ms")}`,
    `version ${shown(node, "version")}`,
    ...(node["disk_full"] === true ? ["disk full"] : []),
    ...(serverLog === "" ? [] : [`PostgreSQL's log ${serverLog}`]),
    ...(waiting === "" ? [] : [`waiting for ${waiting}`]),
  ];
  const name = `${shown(node, "name")} (${shown(node, "id")})`;
  return oneLine(`This node ${name}: ${words.join(", ")}`);
}

async function look(session: Session): Promise<View> {
  const { client } = session;
  const ask = (path: string): Promise<unknown> =>
    client.call({ method: "GET", path, happensOnce: true });
  const cluster = shape(await ask("/v1/cluster"));
  const node = shape(await ask("/v1/status"));
  const isGood = cluster["has_quorum"] === true && hasLeader(cluster);
  const lines = [
    clusterLine(cluster, session),
    ...postgresLines(cluster, session),
    nodeLine(node),
    "",
    ...memberLines(cluster, session),
    ...troubleSection(cluster, session),
  ];
  return {
    body: { cluster, node },
    text: lines.join("\n"),
    exitCode: isGood ? EXIT.ok : EXIT.noLeader,
  };
}

/** `pgraft ctl status`. */
export const STATUS: Command = ctlCommand({
  path: "ctl status",
  aliases: ["ctl show status", "ctl show cluster", "ctl cluster status"],
  summary: "Show the cluster and the node that was asked",
  about: [
    "SYNC tells whether commits count on a standby. Exits 3 while the cluster has no leader or no " +
    "quorum, whether or not there is a primary. With --json: the answers of " +
    "/v1/cluster and /v1/status as cluster and node.",
  ],
  examples: [
    { line: "pgraft ctl status", does: "Ask the node on this machine" },
    {
      line: "pgraft ctl --api 10.0.0.1:8008,10.0.0.2:8008 status",
      does: "Ask the first of two nodes that answers",
    },
    { line: "pgraft ctl status --watch", does: "Keep looking" },
  ],
  options: { watch: WATCH },
  args: {},
  run: ({ options }, session) =>
    show(session, options.watch, () => look(session)),
});
