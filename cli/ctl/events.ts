import type { StreamEvent } from "../../base/mod.ts";
import { EVENT_KINDS, MAX_EVENTS } from "../../server/events/mod.ts";
import type { Command } from "../command.ts";
import { flag, list, valueOr } from "../options.ts";
import { oneLine } from "../style.ts";
import { wholeNumberType, wordType } from "../text_types.ts";
import { follow } from "./follow.ts";
import { queryOf } from "./query.ts";
import { ctlCommand, note, type Session } from "./session.ts";
import { numberAt, type Shape, shape, shown, textAt } from "./shape.ts";

const DEFAULT_LAST = 10;
/** The longest kind has so many letters. */
const KIND_WIDTH = Math.max(...EVENT_KINDS.map((kind) => kind.length));

function dataOf({ data }: StreamEvent): Shape {
  try {
    return shape(JSON.parse(data));
  } catch {
    return {};
  }
}

/** A line for a person. */
function lineOf({ event }: StreamEvent, data: Shape): string {
  const atMs = numberAt(data, "at_ms");
  const time = atMs === null ? "-" : new Date(atMs).toISOString();
  return oneLine(
    `${time}  node ${shown(data, "node")}  ${event.padEnd(KIND_WIDTH)}  ${
      textAt(data, "text") ?? ""
    }`,
  );
}

/** What is no event but about them. */
function noteOf(event: string, data: Shape): string | null {
  switch (event) {
    case "now":
      return `Following node ${shown(data, "node")}, which is ${
        shown(data, "stage")
      }: leader ${shown(data, "leader_id")} in term ${
        shown(data, "term")
      }, primary ${shown(data, "primary")}`;
    case "lost":
    case "end":
      return textAt(data, "detail") ?? event;
    default:
      return null;
  }
}

async function print(session: Session, event: StreamEvent): Promise<void> {
  const { io, json } = session;
  const data = dataOf(event);
  if (json) {
    const line = { event: event.event, id: event.id, ...data };
    return await io.out(`${JSON.stringify(line)}\n`);
  }
  const said = noteOf(event.event, data);
  if (said === null) await io.out(`${lineOf(event, data)}\n`);
  else await note(session, oneLine(said));
}

/** `pgraft ctl events`. */
export const EVENTS: Command = ctlCommand({
  path: "ctl events",
  summary: "Follow what happens on a node and in its cluster",
  about: [
    "Each node tells what it learns itself, when it learns of it. When the stream breaks it is " +
    "opened again behind the last event; what another node does not know of is said to be lost. " +
    "With --json: a line of JSON for each event.",
    `Kinds: ${EVENT_KINDS.join(", ")}.`,
  ],
  examples: [
    { line: "pgraft ctl events", does: "Print the last 10, then each new one" },
    {
      line: "pgraft ctl events --kind leader --kind primary --json",
      does: "Follow changes of leader and primary, for a program",
    },
    {
      line: "pgraft ctl events --last 1000 --once",
      does: "Print what the node remembers, and end",
    },
  ],
  options: {
    last: valueOr(wholeNumberType("N", 0, MAX_EVENTS), DEFAULT_LAST, {
      short: "n",
      help: "How many that have happened come first",
      fallback: `default ${DEFAULT_LAST}`,
    }),
    kind: list(wordType("KIND", EVENT_KINDS), {
      help: "Only events of this kind; may be given more than once",
      fallback: "default all",
    }),
    once: flag({ help: "End after what has happened already" }),
  },
  args: {},
  run: ({ options: { last, kind, once } }, session) => {
    let place: string | null = null;
    const query = queryOf({
      last: String(last),
      kinds: kind.length === 0 ? null : kind.join(","),
      once: once ? "true" : null,
    });
    return follow(session, {
      path: () => `/v1/events${query}`,
      place: () => place,
      once,
      onEvent: async (event) => {
        await print(session, event);
        place = event.id ?? place;
        return null;
      },
    });
  },
});
