import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { flag, optional, type OptionSpec, valueOr } from "../options.ts";
import { oneLine } from "../style.ts";
import { secondsType, type TextType } from "../text_types.ts";
import { askFirst, YES } from "./confirmation.ts";
import { NODE_ID_TYPE } from "./nodes.ts";
import { rulesAt, shownPhases } from "./postgres.ts";
import { ApiFailure } from "./problem.ts";
import { confirm, ctlCommand, type Session } from "./session.ts";
import { numberAt, type Shape, shape, shapesAt, textAt } from "./shape.ts";

/** A node answers within a minute; the rest is for the way. */
const CHANGE_TIMEOUT_MS = 75_000;
const HOUR_MS = 3_600_000;
const HISTORY = "pgraft ctl history";

const TARGET_TYPE: TextType<number> = {
  ...NODE_ID_TYPE,
  placeholder: "TARGET",
};

const TIMEOUT: OptionSpec<number> = valueOr(
  secondsType("TIME", 1, HOUR_MS),
  CHANGE_TIMEOUT_MS,
  {
    short: "t",
    help: "How long it may take",
    fallback: "default 75s",
  },
);

interface Change {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Reads first: of many addresses one that answers then comes first, and has all of the time to itself. */
function readExplain({ client }: Session): Promise<unknown> {
  return client.call({
    method: "GET",
    path: "/v1/explain",
    happensOnce: true,
  });
}

/** A refusal that names what would be lost says it line by line. */
function lossHints(error: unknown): string[] {
  if (!(error instanceof ApiFailure)) return [];
  const missing = error.problem.body["missing"];
  const rules = rulesAt(error.problem.body);
  return [
    ...(Array.isArray(missing) && missing.length > 0
      ? [`Not sealed: node ${missing.join(", node ")}`]
      : []),
    ...rules.map((rule) => `Would be given up: ${rule}`),
  ];
}

/** How the change went, from its record in the history. */
function changeLines(answer: Shape): string[] {
  const record = shape(answer["record"]);
  const phases = shownPhases(record);
  const why = textAt(record, "why") ?? "";
  const gaveUp = record["gave_up"];
  return [
    `Node ${numberAt(answer, "primary")} is the primary in epoch ${
      numberAt(answer, "epoch")
    }`,
    ...(phases === "" ? [] : [`Took ${phases}`]),
    ...(why === "" ? [] : [`Chosen because: ${why}`]),
    ...(Array.isArray(gaveUp) ? gaveUp.map((rule) => `Gave up: ${rule}`) : []),
  ];
}

async function changePrimary(
  session: Session,
  { path, body }: Change,
): Promise<number> {
  try {
    const answer = shape(
      await session.client.call({
        method: "POST",
        path,
        body,
        happensOnce: false,
        isLong: true,
        lookWith: HISTORY,
      }),
    );
    await confirm(
      session,
      answer,
      changeLines(answer).map(oneLine).join("\n"),
    );
    return EXIT.ok;
  } catch (error) {
    const hints = lossHints(error);
    if (!(error instanceof ApiFailure) || hints.length === 0) throw error;
    throw error.with(hints);
  }
}

/** What a person should know before a failover. */
function warnings(explained: Shape, allowDataLoss: boolean): string[] {
  const away = shapesAt(explained, "members").filter((one) =>
    UNSEALABLE.has(textAt(one, "code") ?? "")
  );
  return [
    "All sessions of the primary are ended, and another node takes over.",
    ...away.map((one) => textAt(one, "text") ?? ""),
    ...(allowDataLoss
      ? [
        "Acknowledged commits may be lost for good: of these rules, those are given up that no",
        "node which can be reached covers, and data which followed them is barred until it is",
        "rewound or cloned:",
        ...rulesAt(explained).map((rule) => `  ${rule}`),
      ]
      : []),
  ];
}

/** What `/v1/explain` says of members that can't be sealed. */
const UNSEALABLE: ReadonlySet<string> = new Set([
  "agent_lost",
  "no_report",
  "no_data",
  "not_entered",
  "not_sealed",
]);

/** `pgraft ctl switchover`. */
export const SWITCHOVER: Command = ctlCommand({
  path: "ctl switchover",
  aliases: ["ctl cluster switchover"],
  summary: "Change the primary in order, without losing a commit",
  about: [
    "The target is checked first: it must stream, be close behind, and not be tagged nofailover. " +
    "Sessions of the old primary are ended; it comes back as a standby. Returns once the new " +
    "primary is open. If the target can't take over, the old primary goes on. A node waits a " +
    "minute for the end.",
  ],
  examples: [
    { line: "pgraft ctl switchover", does: "Let the best standby take over" },
    { line: "pgraft ctl switchover 2", does: "Let node 2 take over" },
  ],
  options: { timeout: TIMEOUT },
  args: {
    target: optional(
      TARGET_TYPE,
      "The node that is to be the primary; else the best is chosen",
    ),
  },
  run: async ({ args: { target } }, session) => {
    await readExplain(session);
    const body = target === null ? {} : { target };
    return await changePrimary(session, { path: "/v1/switchover", body });
  },
});

/** `pgraft ctl failover`. */
export const FAILOVER: Command = ctlCommand({
  path: "ctl failover",
  aliases: ["ctl cluster failover"],
  summary: "Have another node take over, whatever becomes of the primary",
  about: [
    "For a primary that does not do its work though pgraft takes it for alive, or a cluster that " +
    "does not become writable by itself. Where acknowledged commits could be lost it is refused, " +
    "and the nodes and rules are named; --allow-data-loss gives those rules up and records it in " +
    "the history. Try pgraft ctl switchover first.",
  ],
  examples: [
    { line: "pgraft ctl failover", does: "Let the best standby take over" },
    {
      line: "pgraft ctl failover 2 --yes",
      does: "Let node 2 take over, without a question",
    },
    {
      line: "pgraft ctl failover 3 --allow-data-loss",
      does:
        "Go on with node 3 alone, though the others may hold commits that it lacks",
    },
  ],
  options: {
    allowDataLoss: flag({
      help:
        "Give up commits that no node which can be reached is known to hold",
    }),
    yes: YES,
    timeout: TIMEOUT,
  },
  args: {
    target: optional(
      TARGET_TYPE,
      "The node that is to be the primary; else the best is chosen",
    ),
  },
  run: async ({ options, args: { target } }, session) => {
    const { allowDataLoss, yes } = options;
    const explained = shape(await readExplain(session));
    await askFirst(session, { lines: warnings(explained, allowDataLoss), yes });
    const body = {
      ...(target === null ? {} : { target }),
      ...(allowDataLoss ? { allow_data_loss: true } : {}),
    };
    return await changePrimary(session, { path: "/v1/failover", body });
  },
});
