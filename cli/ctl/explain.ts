import type { Command } from "../command.ts";
import { CommandFailure, EXIT } from "../exit_codes.ts";
import { optional } from "../options.ts";
import { oneLine } from "../style.ts";
import { NODE_TYPE } from "./nodes.ts";
import { rulesAt } from "./postgres.ts";
import { ctlCommand, type Session } from "./session.ts";
import {
  numberAt,
  type Shape,
  shape,
  shapesAt,
  shown,
  textAt,
} from "./shape.ts";
import { show, type View, WATCH } from "./watch.ts";

/** What the phases mean. */
const PHASE_WORDS: ReadonlyMap<string, string> = new Map([
  ["unformed", "there is no database yet"],
  ["founding", "a member makes the database"],
  ["sealing", "all members seal, then one is chosen"],
  ["granted", "the chosen one promotes and proves its first commit"],
  ["open", "a primary serves"],
]);

function phaseLine(answer: Shape): string {
  const phase = shown(answer, "phase");
  const epoch = numberAt(answer, "epoch") ?? 0;
  const words = PHASE_WORDS.get(phase);
  return oneLine([
    `Phase ${phase}`,
    ...(epoch === 0 ? [] : [` of epoch ${epoch}`]),
    ...(words === undefined ? [] : [`: ${words}`]),
    `; mode ${shown(answer, "mode")}`,
    ...(answer["paused"] === true
      ? ["; paused: a primary that is lost is not replaced"]
      : []),
  ].join(""));
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0
    ? []
    : ["", `${title}:`, ...lines.map((line) => `  ${line}`)];
}

/** A finding about a member names it in its text, or not. */
function findingText(finding: Shape): string {
  const text = textAt(finding, "text") ?? "";
  const member = numberAt(finding, "member");
  return oneLine(
    member === null || /^node /i.test(text) ? text : `Node ${member}: ${text}`,
  );
}

function wholeText(answer: Shape): string {
  const next = textAt(answer, "next");
  return [
    phaseLine(answer),
    ...section("Members", shapesAt(answer, "members").map(findingText)),
    ...section("Rules in force", rulesAt(answer).map(oneLine)),
    ...section("Findings", shapesAt(answer, "findings").map(findingText)),
    ...section("Next", next === null ? [] : [next]),
  ].join("\n");
}

function ofNode(answer: Shape, node: number): Shape {
  const isOf = (one: Shape): boolean => numberAt(one, "member") === node;
  const members = shapesAt(answer, "members").filter(isOf);
  if (members.length === 0) {
    throw new CommandFailure(
      `Node ${node} is no member with PostgreSQL`,
      EXIT.failure,
      ["pgraft ctl status shows which members are there"],
    );
  }
  const findings = shapesAt(answer, "findings").filter(isOf);
  return { ...answer, members, findings };
}

async function look({ client }: Session, node: number | null): Promise<View> {
  const answer = shape(
    await client.call({
      method: "GET",
      path: "/v1/explain",
      happensOnce: true,
    }),
  );
  if (node === null) {
    return { body: answer, text: wholeText(answer), exitCode: EXIT.ok };
  }
  const body = ofNode(answer, node);
  const lines = [...shapesAt(body, "members"), ...shapesAt(body, "findings")];
  const text = lines.map(findingText).join("\n");
  return { body, text, exitCode: EXIT.ok };
}

/** `pgraft ctl explain`. */
export const EXPLAIN: Command = ctlCommand({
  path: "ctl explain",
  summary: "Tell why things are as they are, and why a node is not the primary",
  about: [
    "What the node that is asked knows, and what it would do next if it led. With NODE: only what " +
    "concerns that one.",
  ],
  examples: [
    { line: "pgraft ctl explain", does: "Why is there no primary?" },
    { line: "pgraft ctl explain 3", does: "Why is node 3 not the primary?" },
  ],
  options: { watch: WATCH },
  args: { node: optional(NODE_TYPE, "The node that is meant") },
  run: ({ options: { watch }, args: { node } }, session) =>
    show(session, watch, () => look(session, node)),
});
