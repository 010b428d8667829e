import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { valueOr } from "../options.ts";
import { wholeNumberType } from "../text_types.ts";
import { PHASES, shownBytes } from "./postgres.ts";
import { ctlCommand, type Session } from "./session.ts";
import { numberAt, type Shape, shape, shapesAt, shown } from "./shape.ts";
import { type Cell, tableLines } from "./table.ts";
import { show, type View, WATCH } from "./watch.ts";

/** How many changes a node remembers. */
const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 20;

const COLUMNS = [
  "EPOCH",
  "WHEN",
  "KIND",
  "FROM",
  "TO",
  "REASON",
  "GAP",
  ...PHASES.map((phase) => phase.toUpperCase()),
  "GIVEN UP",
];

function nodeText(record: Shape, key: string): string {
  const id = numberAt(record, key) ?? 0;
  return id === 0 ? "-" : String(id);
}

function whenText(record: Shape): string {
  const ms = numberAt(record, "lost_at_ms");
  return ms === null ? "-" : new Date(ms).toISOString();
}

/** What members had beyond the chosen point, and the rules that an operator gave up. */
function givenUpText(record: Shape): Cell {
  const parts = shapesAt(record, "given_up").map((one) => {
    const commits = numberAt(one, "commits");
    const counted = commits === null
      ? ""
      : `, ${commits} ${commits === 1 ? "commit" : "commits"}`;
    const bytes = numberAt(one, "bytes");
    const amount = bytes === null ? "not counted" : shownBytes(bytes);
    return `node ${shown(one, "id")}: ${amount}${counted}`;
  });
  const rules = record["gave_up"];
  const forced = Array.isArray(rules)
    ? rules.map((rule) => `rule: ${rule}`)
    : [];
  const text = [...forced, ...parts].join("; ");
  if (text === "") return "-";
  return forced.length === 0 ? text : { text, style: "red" };
}

function recordRow(record: Shape): Cell[] {
  const phases = shape(record["phases_ms"]);
  return [
    shown(record, "epoch"),
    whenText(record),
    shown(record, "kind"),
    nodeText(record, "from"),
    nodeText(record, "to"),
    shown(record, "reason"),
    shown(record, "gap_ms"),
    ...PHASES.map((phase) => shown(phases, phase)),
    givenUpText(record),
  ];
}

async function look(
  { client, paint }: Session,
  limit: number,
): Promise<View> {
  const answer = shape(
    await client.call({
      method: "GET",
      path: "/v1/failover/history",
      happensOnce: true,
    }),
  );
  const history = shapesAt(answer, "history").slice(0, limit);
  const lines = tableLines(COLUMNS, history.map(recordRow), paint);
  return {
    body: { ...answer, history },
    text: lines.join("\n"),
    exitCode: EXIT.ok,
  };
}

/** `pgraft ctl history`. */
export const HISTORY: Command = ctlCommand({
  path: "ctl history",
  aliases: ["ctl show history", "ctl cluster history"],
  summary: "List the changes of primary, newest first",
  about: [
    "GAP is how long no write was acknowledged, as the nodes' own probes saw it; the columns " +
    "from DETECT to OPEN are its phases. All in milliseconds. TO is empty while nobody was " +
    "granted the epoch. GIVEN UP names what members had beyond the point from which the new " +
    "primary went on, and rules that a forced failover gave up.",
  ],
  examples: [
    { line: "pgraft ctl history", does: "List the last of them" },
    {
      line: "pgraft ctl history --limit 1 --json",
      does: "All that is known of the last one",
    },
  ],
  options: {
    limit: valueOr(wholeNumberType("N", 1, MAX_LIMIT), DEFAULT_LIMIT, {
      short: "n",
      help: "How many to list",
      fallback: `default ${DEFAULT_LIMIT}`,
    }),
    watch: WATCH,
  },
  args: {},
  run: ({ options: { limit, watch } }, session) =>
    show(session, watch, () => look(session, limit)),
});
