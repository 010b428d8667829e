import type { StreamEvent } from "../../base/mod.ts";
import type { Command } from "../command.ts";
import { CommandFailure, EXIT } from "../exit_codes.ts";
import { flag, optional, value } from "../options.ts";
import { oneLine } from "../style.ts";
import { textType, wholeNumberType } from "../text_types.ts";
import { follow } from "./follow.ts";
import { shownPayload, TO_BASE64 } from "./payload.ts";
import { ApiFailure } from "./problem.ts";
import { queryOf } from "./query.ts";
import { ctlCommand, type Session } from "./session.ts";
import { type Shape, shape, shapesAt, shown, textAt } from "./shape.ts";

function parse({ data }: StreamEvent): Shape {
  try {
    return shape(JSON.parse(data));
  } catch {
    return {};
  }
}

function lineOf(change: Shape, base64: boolean): string {
  const type = textAt(change, "type") ?? "";
  const parts = [
    shown(change, "mod_revision"),
    type,
    shownPayload(change, "key", false),
    ...type === "put" ? [shownPayload(change, "value", base64)] : [],
  ];
  return oneLine(parts.join("  "));
}

async function print(
  { io, json }: Session,
  told: Shape,
  base64: boolean,
): Promise<void> {
  if (json) return await io.out(`${JSON.stringify(told)}\n`);
  for (const change of shapesAt(told, "changes")) {
    await io.out(`${lineOf(change, base64)}\n`);
  }
}

/** A gap would be a change that nobody saw: it is an error, not a note. */
function forgotten(detail: string): CommandFailure {
  return new CommandFailure(`${detail} (compacted)`, EXIT.failure, [
    "List the keys with pgraft ctl kv list --json, and watch --from the revision of that answer plus one",
  ]);
}

async function watch(
  session: Session,
  { query, base64 }: {
    readonly query: Readonly<Record<string, string | null>>;
    readonly base64: boolean;
  },
): Promise<number> {
  let place: string | null = null;
  try {
    return await follow(session, {
      path: () => `/v1/watch${queryOf(query)}`,
      place: () => place,
      once: false,
      onEvent: async (event) => {
        const told = parse(event);
        if (event.event === "compacted") {
          throw forgotten(textAt(told, "detail") ?? "Changes are forgotten");
        }
        if (event.event === "change") await print(session, told, base64);
        place = event.id ?? place;
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    if (error.problem.code !== "compacted") throw error;
    throw forgotten(error.problem.detail);
  }
}

/** `pgraft ctl watch`. */
export const WATCH_KEYS: Command = ctlCommand({
  path: "ctl watch",
  aliases: ["ctl kv watch"],
  summary: "Print changes of keys as they come, each once and in order",
  about: [
    "A line is revision, put or delete, key and value; with --json, all that a revision changed is " +
    "a line of JSON. When a node goes away, the next that answers goes on where this one was. " +
    "Exits 1 when changes were missed because nobody remembers them any more.",
  ],
  examples: [
    { line: "pgraft ctl watch", does: "Watch all keys from now on" },
    {
      line: "pgraft ctl --api 10.0.0.1,10.0.0.2,10.0.0.3 watch app/",
      does: "Watch keys that begin with app/, over changes of leader",
    },
    {
      line: "pgraft ctl watch lock --exact --from 1200 --json",
      does: "Watch one key from revision 1200 on, for a program",
    },
  ],
  options: {
    exact: flag({ help: "Only the key of this very name" }),
    from: value(wholeNumberType("N", 1), {
      help: "The first revision; without it, what comes from now on",
    }),
    previous: flag({ help: "With --json: also what there was before" }),
    base64: TO_BASE64,
  },
  args: { prefix: optional(textType("PREFIX"), "How the keys begin") },
  run: ({ options: { exact, from, previous, base64 }, args }, session) => {
    const query = {
      [exact ? "key" : "prefix"]: args.prefix,
      from: from === null ? null : String(from),
      previous: previous ? "true" : null,
    };
    return watch(session, { query, base64 });
  },
});
