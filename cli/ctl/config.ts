import { CLUSTER_SETTING_NAMES } from "../../server/config/mod.ts";
import { type Command, type Group, group } from "../command.ts";
import { CommandFailure, EXIT } from "../exit_codes.ts";
import { list, optional, quote, required, rest, value } from "../options.ts";
import { oneLine } from "../style.ts";
import { textType, wholeNumberType } from "../text_types.ts";
import {
  confirm,
  ctlCommand,
  note,
  printAnswer,
  type Session,
} from "./session.ts";
import {
  numberAt,
  type Shape,
  shape,
  shapesAt,
  shown,
  textAt,
} from "./shape.ts";

const VERSION_TYPE = wholeNumberType("VERSION", 1, Number.MAX_SAFE_INTEGER);
const NAME_TYPE = textType("NAME");
const TEXT_TYPE = textType("TEXT");

const BY_OPTIONS = {
  comment: value(TEXT_TYPE, { help: "Why, for the history" }),
  expect: value(VERSION_TYPE, {
    help: "Only if this is the version in force",
  }),
};

async function get(session: Session, path: string): Promise<Shape> {
  const { client } = session;
  return shape(await client.call({ method: "GET", path, happensOnce: true }));
}

function show(session: Session, version: number | null): Promise<Shape> {
  const query = version === null ? "" : `?version=${version}`;
  return get(session, `/v1/config${query}`);
}

/** The cluster's settings first; in versions from before they were kept there are none. */
function settingsAt(config: Shape): [string, string][] {
  const cluster = config["cluster"] ? shape(config["cluster"]) : {};
  return [cluster, shape(config["parameters"])].flatMap((some) =>
    Object.entries(some)
  ).map(([name, text]) => [name, String(text)]);
}

function lineOf([name, text]: [string, string]): string {
  return oneLine(`${name} = ${text}`);
}

function headOf(config: Shape): string {
  const atMs = numberAt(config, "at_ms") ?? 0;
  const comment = textAt(config, "comment") ?? "";
  return oneLine(
    `Version ${shown(config, "version")}, ${new Date(atMs).toISOString()}, by ${
      shown(config, "author")
    }${comment === "" ? "" : `: ${comment}`}`,
  );
}

function namesAt(member: Shape, field: string): string[] {
  const names = member[field];
  return Array.isArray(names) ? names.map(String) : [];
}

/** What members still lack of the version in force. */
function memberLines(config: Shape): string[] {
  return shapesAt(config, "members").flatMap((member) => {
    const id = shown(member, "id");
    const fault = textAt(member, "fault");
    const names = namesAt(member, "pending_restart");
    const lowers = namesAt(member, "pending_primary");
    const has = numberAt(member, "version") ?? 0;
    return [
      ...(has === numberAt(config, "version")
        ? []
        : [`Node ${id} has version ${has} so far`]),
      ...(names.length === 0
        ? []
        : [`Node ${id} waits for a restart: ${names.join(", ")}`]),
      ...(lowers.length === 0
        ? []
        : [`Node ${id} gets less once the primary has: ${lowers.join(", ")}`]),
      ...(fault === null ? [] : [`Node ${id}: ${fault}`]),
    ].map(oneLine);
  });
}

const SHOW: Command = ctlCommand({
  path: "ctl config show",
  summary:
    "Show PostgreSQL's parameters and the cluster's settings, the same for all members",
  about: [
    `The settings of the cluster are ${CLUSTER_SETTING_NAMES.join(" and ")}.`,
    "What the configuration files say counts at the founding only.",
  ],
  examples: [
    { line: "pgraft ctl config show", does: "What is in force" },
    { line: "pgraft ctl config show 3", does: "What version 3 said" },
  ],
  options: {},
  args: { version: optional(VERSION_TYPE, "Another version") },
  run: async ({ args: { version } }, session) => {
    const config = await show(session, version);
    const lines = settingsAt(config).map(lineOf);
    const members = version === null ? memberLines(config) : [];
    const text = [
      headOf(config),
      ...(lines.length === 0 ? ["Nothing is set"] : lines),
      ...members,
    ];
    await printAnswer(session, config, text.join("\n"));
    return EXIT.ok;
  },
});

const GET: Command = ctlCommand({
  path: "ctl config get",
  summary:
    "Show a parameter of PostgreSQL, or a setting of the cluster, as it is set for all members",
  examples: [{ line: "pgraft ctl config get work_mem", does: "Its value" }],
  options: {},
  args: { name: required(NAME_TYPE, "The parameter or setting") },
  run: async ({ args: { name } }, session) => {
    const key = name.toLowerCase();
    const config = await show(session, null);
    const found = new Map(settingsAt(config)).get(key);
    if (found === undefined) {
      throw new CommandFailure(
        `${quote(key)} is not set; ${
          isOfCluster(key)
            ? "the leader's file counts"
            : "PostgreSQL's own value counts"
        }`,
        EXIT.failure,
      );
    }
    await printAnswer(session, { name: key, value: found }, oneLine(found));
    return EXIT.ok;
  },
});

function readAssignment(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  throw new CommandFailure(
    `${quote(text)} sets nothing; write NAME=VALUE`,
    EXIT.usage,
    ["--unset NAME gives a parameter back to PostgreSQL"],
  );
}

function isOfCluster(name: string): boolean {
  return CLUSTER_SETTING_NAMES.includes(name);
}

/** Who changes something, as the history calls them. */
export function authorOf({ io }: Session): string {
  return io.env["USER"] ?? io.env["LOGNAME"] ?? "ctl";
}

async function change(
  session: Session,
  path: string,
  body: Shape,
  by: { readonly comment: string | null; readonly expect: number | null },
): Promise<number> {
  const before = numberAt(await show(session, null), "version") ?? 0;
  const answer = shape(
    await session.client.call({
      method: "POST",
      path,
      body: {
        ...body,
        author: authorOf(session),
        comment: by.comment ?? "",
        expected_version: by.expect ?? before,
      },
      happensOnce: false,
      lookWith: "pgraft ctl config history",
    }),
  );
  const lines = shapesAt(answer, "changes").map(changeLine);
  if (lines.length === 0) {
    await confirm(session, answer, "Nothing differs from what is in force");
    return EXIT.ok;
  }
  const text = [`Version ${shown(answer, "version")} is in force`, ...lines];
  await confirm(session, answer, text.join("\n"));
  await note(
    session,
    "pgraft ctl config show tells who waits for a restart; pgraft ctl restart --pending does it",
  );
  return EXIT.ok;
}

function changeLine(one: Shape): string {
  const name = shown(one, "name");
  const [from, to] = [textAt(one, "from"), textAt(one, "to")];
  if (to === null) return oneLine(`- ${name} = ${from}`);
  if (from === null) return oneLine(`+ ${name} = ${to}`);
  return oneLine(`~ ${name} = ${to} (was ${from})`);
}

const SET: Command = ctlCommand({
  path: "ctl config set",
  summary: "Set PostgreSQL's parameters, and the cluster's settings",
  about: [
    `The settings of the cluster are ${
      CLUSTER_SETTING_NAMES.join(" and ")
    }; they count at once, and can't be unset.`,
    "PostgreSQL is asked first whether it takes the values. What can change while it runs counts at " +
    "once, the rest after a restart.",
  ],
  examples: [
    {
      line: "pgraft ctl config set work_mem=64MB log_min_duration_statement=1s",
      does: "Set two at once",
    },
    {
      line: "pgraft ctl config set synchronous_mode=strict",
      does: "Have commits wait rather than be on one disk only",
    },
    {
      line: "pgraft ctl config set --unset work_mem",
      does: "PostgreSQL's own value again",
    },
  ],
  options: {
    ...BY_OPTIONS,
    unset: list(NAME_TYPE, {
      help: "Give a parameter back to PostgreSQL",
      fallback: "none",
    }),
  },
  args: { parameters: rest("NAME=VALUE", "What to set") },
  run: async ({ options, args }, session) => {
    const given = [
      ...args.parameters.map(readAssignment),
      ...options.unset.map((name): [string, null] => [name, null]),
    ];
    const [cluster, parameters] = [true, false].map((wanted) =>
      Object.fromEntries(
        given.filter(([name, text]) =>
          (text !== null && isOfCluster(name)) === wanted
        ),
      )
    );
    if (given.length === 0) {
      throw new CommandFailure("Nothing is to be set", EXIT.usage, [
        "Write NAME=VALUE, or --unset NAME",
      ]);
    }
    const body = { parameters, cluster };
    return await change(session, "/v1/config", body, options);
  },
});

const ROLLBACK: Command = ctlCommand({
  path: "ctl config rollback",
  summary:
    "Set PostgreSQL's parameters and the cluster's settings to what they were in a version",
  about: ["This makes a new version; none is lost."],
  examples: [{ line: "pgraft ctl config rollback 3", does: "As in version 3" }],
  options: BY_OPTIONS,
  args: { version: required(VERSION_TYPE, "The version to go back to") },
  run: ({ options, args: { version } }, session) =>
    change(session, "/v1/config/rollback", { version }, options),
});

const DIFF: Command = ctlCommand({
  path: "ctl config diff",
  summary: "Show what differs between two versions of the configuration",
  examples: [
    {
      line: "pgraft ctl config diff 3",
      does: "From version 3 to what is in force",
    },
    { line: "pgraft ctl config diff 3 5", does: "From version 3 to 5" },
  ],
  options: {},
  args: {
    from: required(VERSION_TYPE, "The earlier version"),
    to: optional(VERSION_TYPE, "The later one; else what is in force"),
  },
  run: async ({ args: { from, to } }, session) => {
    const before = new Map(settingsAt(await show(session, from)));
    const after = new Map(settingsAt(await show(session, to)));
    const names = [...new Set([...before.keys(), ...after.keys()])].toSorted();
    const changes = names.filter((name) => before.get(name) !== after.get(name))
      .map((name) => ({
        name,
        from: before.get(name) ?? null,
        to: after.get(name) ?? null,
      }));
    const text = changes.length === 0
      ? "Nothing differs"
      : changes.map(changeLine).join("\n");
    await printAnswer(session, { changes }, text);
    return EXIT.ok;
  },
});

const HISTORY: Command = ctlCommand({
  path: "ctl config history",
  summary: "Show the versions of the configuration, newest first",
  examples: [{
    line: "pgraft ctl config history",
    does: "Who changed what, and when",
  }],
  options: {},
  args: {},
  run: async (_call, session) => {
    const answer = await get(session, "/v1/config/history");
    const text = shapesAt(answer, "versions").map((version) =>
      [
        headOf(version),
        ...shapesAt(version, "changes").map((one) => `  ${changeLine(one)}`),
      ].join("\n")
    ).join("\n");
    await printAnswer(session, answer, text);
    return EXIT.ok;
  },
});

/** `pgraft ctl config …`. */
export const CONFIG: readonly (Command | Group)[] = [
  group({
    path: "ctl config",
    summary:
      "PostgreSQL's parameters and the cluster's settings, for all members",
    examples: [{ line: "pgraft ctl config show", does: "What is in force" }],
    options: {},
  }),
  SHOW,
  GET,
  SET,
  DIFF,
  HISTORY,
  ROLLBACK,
];
