import { type Command, type Group, group } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { optional } from "../options.ts";
import { wordType } from "../text_types.ts";
import { confirm, ctlCommand, type Session } from "./session.ts";
import { shape, shown } from "./shape.ts";

const LEVEL_TYPE = wordType("LEVEL", [
  "debug",
  "info",
  "warning",
  "error",
  "configured",
]);

async function levelOf(
  session: Session,
  level: string | null,
): Promise<number> {
  const path = "/v1/log-level";
  const answer = shape(
    await session.client.call(
      level === null ? { method: "GET", path, happensOnce: true } : {
        method: "PUT",
        path,
        body: { level: level === "configured" ? null : level },
        happensOnce: true,
      },
    ),
  );
  const words = `The node logs at level ${
    shown(answer, "level")
  }; configured is ${shown(answer, "configured")}`;
  await confirm(session, answer, words);
  return EXIT.ok;
}

/** Commands about the process of the node that is asked. */
export const UPKEEP: readonly (Command | Group)[] = [
  ctlCommand({
    path: "ctl log-level",
    summary: "See or set how much the node that is asked logs",
    about: [
      "A level that is set counts until the node's process ends, whatever the configuration says; " +
      "`configured` goes back to that.",
    ],
    examples: [
      {
        line: "pgraft ctl log-level debug",
        does: "Log what helps to find a fault",
      },
      {
        line: "pgraft ctl log-level configured",
        does: "Log as configured again",
      },
    ],
    options: {},
    args: { level: optional(LEVEL_TYPE, "The level; else it is shown") },
    run: ({ args }, session) => levelOf(session, args.level),
  }),
  group({
    path: "ctl metrics",
    summary: "Measurements of the node that is asked",
    examples: [{
      line: "pgraft ctl metrics reset",
      does: "Count from 0",
    }],
    options: {},
  }),
  ctlCommand({
    path: "ctl metrics reset",
    summary: "Have the node's own counts and histograms begin at 0",
    about: [
      "What shows a state stays as it is, and so does what is counted by others: Raft's indexes, " +
      "the router's sessions, the process.",
    ],
    examples: [{
      line: "pgraft ctl metrics reset",
      does: "Before something is measured",
    }],
    options: {},
    args: {},
    run: async (_call, session) => {
      const answer = await session.client.call({
        method: "POST",
        path: "/v1/metrics/reset",
        body: {},
        happensOnce: true,
      });
      await confirm(session, answer, "The node's counts began at 0");
      return EXIT.ok;
    },
  }),
];
