import type { Command } from "../command.ts";
import { CommandFailure, EXIT } from "../exit_codes.ts";
import { optional, quote, required, rest } from "../options.ts";
import { wordType } from "../text_types.ts";
import { authorOf } from "./config.ts";
import { NODE_TYPE } from "./nodes.ts";
import {
  confirm,
  ctlCommand,
  note,
  printAnswer,
  type Session,
} from "./session.ts";
import { numberAt, type Shape, shape, shapesAt, shown } from "./shape.ts";

async function setPaused(session: Session, paused: boolean): Promise<number> {
  const answer = await session.client.call({
    method: "POST",
    path: paused ? "/v1/pause" : "/v1/resume",
    body: {},
    // Twice is as once.
    happensOnce: true,
  });
  const text = paused
    ? "Paused: a primary that is lost is not replaced until pgraft ctl resume"
    : "Resumed";
  await confirm(session, answer, text);
  return EXIT.ok;
}

const PAUSE: Command = ctlCommand({
  path: "ctl pause",
  summary: "Suspend failover: replace no primary, change no rule",
  about: [
    "A primary that is lost meanwhile is not replaced, and commits wait for whom they waited for. " +
    "Switchover and failover by command still work; standbys are still kept streaming.",
  ],
  examples: [{ line: "pgraft ctl pause", does: "Before work on the machines" }],
  options: {},
  args: {},
  run: (_call, session) => setPaused(session, true),
});

const RESUME: Command = ctlCommand({
  path: "ctl resume",
  summary: "Take failover up again after a pause",
  examples: [{ line: "pgraft ctl resume", does: "After work on the machines" }],
  options: {},
  args: {},
  run: (_call, session) => setPaused(session, false),
});

const MODES = ["quorum", "strict", "off"] as const;

async function showMode(session: Session): Promise<number> {
  const answer = shape(
    await session.client.call({
      method: "GET",
      path: "/v1/explain",
      happensOnce: true,
    }),
  );
  const mode = shown(answer, "mode");
  await printAnswer(session, { mode }, mode);
  return EXIT.ok;
}

const MODE: Command = ctlCommand({
  path: "ctl mode",
  summary: "Show or set who must hold a commit before it is acknowledged",
  about: [
    [
      "quorum  Half of the other members with PostgreSQL, rounded so that the primary and they are",
      "        a majority. Of two, one may go on alone when the other is lost; it is then degraded",
      "strict  The same, but where nobody else is there, commits wait",
      "off     Nobody: a failover may lose what was acknowledged last",
    ].join("\n"),
    "The synchronous_mode of the configuration files counts at the founding only. A change is a version " +
    "of the configuration (pgraft ctl config history).",
  ],
  examples: [
    { line: "pgraft ctl mode", does: "Show it" },
    { line: "pgraft ctl mode strict", does: "Rather wait than commit alone" },
  ],
  options: {},
  args: { mode: optional(wordType("MODE", MODES), "quorum, strict or off") },
  run: async ({ args: { mode } }, session) => {
    if (mode === null) return await showMode(session);
    const answer = await session.client.call({
      method: "PUT",
      path: "/v1/synchronous-mode",
      body: { mode, author: authorOf(session) },
      happensOnce: true,
    });
    await confirm(session, answer, `The mode is ${mode}`);
    if (mode === "off") {
      await note(
        session,
        "In mode off a failover may lose acknowledged commits",
      );
    }
    return EXIT.ok;
  },
});

const FLAGS: ReadonlySet<string> = new Set([
  "nofailover",
  "noloadbalance",
  "nosync",
  "clonefrom",
]);
const CASCADE = "cascade_from";
const PRIORITY = "failover_priority";
const MAX_PRIORITY = 1000;
const TRUTHS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["no", false],
  ["off", false],
]);

function badTag(text: string): CommandFailure {
  return new CommandFailure(
    `${quote(text)} is no tag; write KEY=VALUE`,
    EXIT.usage,
    [
      `${[...FLAGS].join(", ")}: true or false`,
      `${PRIORITY}: 0 to ${MAX_PRIORITY}`,
      `${CASCADE}: the number of a node, or none`,
    ],
  );
}

/** `nofailover` alone means true. */
function readTag(text: string): readonly [string, boolean | number | null] {
  const [key = "", value = "true", ...more] = text.split("=");
  if (more.length === 0 && FLAGS.has(key)) {
    const truth = TRUTHS.get(value);
    if (truth !== undefined) return [key, truth];
  }
  const isPriority = key === PRIORITY && /^\d{1,4}$/.test(value) &&
    Number(value) <= MAX_PRIORITY;
  if (more.length === 0 && isPriority) return [key, Number(value)];
  if (more.length === 0 && key === CASCADE) {
    if (value === "none") return [key, null];
    if (/^[1-9]\d{0,3}$/.test(value)) return [key, Number(value)];
  }
  throw badTag(text);
}

function tagsText(node: number, tags: Shape): string {
  const words = Object.keys(tags).map((key) => `${key}=${tags[key] ?? "none"}`);
  return `Node ${node}: ${words.join(" ")}`;
}

async function showTags(session: Session, node: number): Promise<number> {
  const cluster = shape(
    await session.client.call({
      method: "GET",
      path: "/v1/cluster",
      happensOnce: true,
    }),
  );
  const member = shapesAt(cluster, "members").find((one) =>
    numberAt(one, "id") === node
  );
  const tags = shape(member?.["tags"]);
  if (Object.keys(tags).length === 0) {
    throw new CommandFailure(
      `Node ${node} is no member with PostgreSQL`,
      EXIT.failure,
      ["pgraft ctl status shows which members are there"],
    );
  }
  await printAnswer(session, { id: node, tags }, tagsText(node, tags));
  return EXIT.ok;
}

const TAGS: Command = ctlCommand({
  path: "ctl tags",
  summary: "Show or set what a node with PostgreSQL may be used for",
  about: [
    [
      "nofailover         Is never the primary; holds commits and is a source",
      "noloadbalance      Gets no readers from the routers",
      "nosync             Holds no commits for others",
      "clonefrom          While it streams, others copy from it rather than from the primary",
      "cascade_from       A standby that it streams from to spare the primary; it then holds no commits",
      "failover_priority  0 to 1000, 100 at first: of nodes with the same data the highest wins",
    ].join("\n"),
    "Tags that are not named stay as they are.",
  ],
  examples: [
    { line: "pgraft ctl tags 3", does: "Show those of node 3" },
    {
      line: "pgraft ctl tags 3 nofailover=true",
      does: "Node 3 shall never be the primary",
    },
    {
      line: "pgraft ctl tags 2 failover_priority=200 clonefrom=false",
      does: "Prefer node 2, and copy from others",
    },
  ],
  options: {},
  args: {
    node: required(NODE_TYPE, "The node that is meant"),
    tags: rest("KEY=VALUE", "Tags to set; else they are shown"),
  },
  run: async ({ args: { node, tags } }, session) => {
    if (tags.length === 0) return await showTags(session, node);
    const answer = shape(
      await session.client.call({
        method: "PUT",
        path: `/v1/nodes/${node}/tags`,
        body: Object.fromEntries(tags.map(readTag)),
        happensOnce: true,
      }),
    );
    await confirm(session, answer, tagsText(node, shape(answer["tags"])));
    return EXIT.ok;
  },
});

/** Commands that say what failover may do. */
export const FAILOVER_SETTINGS: readonly Command[] = [
  PAUSE,
  RESUME,
  MODE,
  TAGS,
];
