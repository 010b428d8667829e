import { type Command, type Group, group } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { shownBytes } from "./postgres.ts";
import { confirm, ctlCommand, type Session } from "./session.ts";
import {
  numberAt,
  type Shape,
  shape,
  shapesAt,
  shown,
  textAt,
} from "./shape.ts";
import { tableLines } from "./table.ts";
import { show, type View, WATCH } from "./watch.ts";

const COLUMNS = ["PORT", "NODE", "ROLE", "EPOCH", "SESSIONS"];

function sessionRow(one: Shape): string[] {
  const epoch = numberAt(one, "epoch") ?? 0;
  return [
    shown(one, "port"),
    shown(one, "node"),
    shown(one, "role"),
    epoch === 0 ? "-" : String(epoch),
    shown(one, "count"),
  ];
}

/** What was counted by reason, without what never happened. */
function reasonsText(counts: Shape): string {
  const parts = Object.entries(counts).filter(([, count]) => count !== 0)
    .map(([reason, count]) => `${count} ${reason}`);
  return parts.length === 0 ? "none" : parts.join(", ");
}

function stateText(router: Shape): string {
  if (router["drained"] === true) return "Drained: it takes no new sessions";
  const why = textAt(router, "why_waiting");
  return why === null ? "It takes sessions" : `Writers wait: ${why}`;
}

function routerText(
  router: Shape,
  paint: Session["paint"],
): string {
  const rows = shapesAt(router, "sessions").map(sessionRow);
  const bytes = (key: string): string => shownBytes(numberAt(router, key) ?? 0);
  return [
    stateText(router),
    `Waiting: ${shown(router, "waiting")}, the longest for ${
      shown(router, "longest_wait_ms")
    } ms; opening: ${shown(router, "opening")}; cancel requests: ${
      shown(router, "cancels")
    }`,
    `Since its start: ${shown(router, "accepted")} accepted; refused: ${
      reasonsText(shape(router["refused"]))
    }; ended: ${reasonsText(shape(router["ended"]))}`,
    `Bytes: ${bytes("bytes_from_clients")} from clients, ${
      bytes("bytes_from_servers")
    } from servers`,
    ...rows.length === 0 ? [] : ["", ...tableLines(COLUMNS, rows, paint)],
  ].join("\n");
}

async function look({ client, paint }: Session): Promise<View> {
  const router = shape(
    await client.call({
      method: "GET",
      path: "/v1/router",
      happensOnce: true,
    }),
  );
  return {
    body: router,
    text: routerText(router, paint),
    exitCode: EXIT.ok,
  };
}

async function drain(
  session: Session,
  what: "drain" | "resume",
): Promise<number> {
  const answer = await session.client.call({
    method: "POST",
    path: `/v1/router/${what}`,
    body: {},
    happensOnce: true,
  });
  await confirm(session, answer, stateText(shape(answer)));
  return EXIT.ok;
}

/** Commands about the router of the node that is asked. */
export const ROUTER: readonly (Command | Group)[] = [
  group({
    path: "ctl router",
    summary: "See and drain the router of the node that is asked",
    examples: [
      {
        line: "pgraft ctl router status",
        does: "See where this machine's sessions lead",
      },
      {
        line: "pgraft ctl --api 10.0.0.2:8008 router drain",
        does: "Have the node at 10.0.0.2 take no new sessions",
      },
    ],
    options: {},
  }),
  ctlCommand({
    path: "ctl router status",
    summary: "Show sessions by node and epoch, who waits, and who was refused",
    examples: [{
      line: "pgraft ctl router status --watch",
      does: "Look again and again",
    }],
    options: { watch: WATCH },
    args: {},
    run: ({ options: { watch } }, session) =>
      show(session, watch, () => look(session)),
  }),
  ctlCommand({
    path: "ctl router drain",
    summary: "Take no new sessions on this node; those that stand go on",
    about: [
      "Its ports refuse connections until it is resumed or the node restarts, so that clients and " +
      "balancers go to other nodes.",
    ],
    examples: [{
      line: "pgraft ctl router drain",
      does: "Before this machine is serviced",
    }],
    options: {},
    args: {},
    run: (_call, session) => drain(session, "drain"),
  }),
  ctlCommand({
    path: "ctl router resume",
    summary: "Take sessions on this node again",
    examples: [{
      line: "pgraft ctl router resume",
      does: "When the machine is back",
    }],
    options: {},
    args: {},
    run: (_call, session) => drain(session, "resume"),
  }),
];
