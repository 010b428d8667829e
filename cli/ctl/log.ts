import { formatDuration } from "../../base/mod.ts";
import { type Command, type Group, group } from "../command.ts";
import { CommandFailure, EXIT } from "../exit_codes.ts";
import { flag, optional, required, valueOr } from "../options.ts";
import { type TextType, textType, wholeNumberType } from "../text_types.ts";
import { printEntries } from "./log_entries.ts";
import { tailLog } from "./log_follow.ts";
import { awaitEntry } from "./log_wait.ts";
import {
  FILE_OPTION,
  FROM_BASE64,
  payloadField,
  printPayload,
  readPayload,
  STALE,
  TO_BASE64,
} from "./payload.ts";
import { queryOf } from "./query.ts";
import { confirm, ctlCommand, printAnswer, type Session } from "./session.ts";
import { shape, shapesAt, shown } from "./shape.ts";

const DEFAULT_LIMIT = 100;
const DEFAULT_TAIL = 10;
const INDEX_TYPE: TextType<number> = wholeNumberType("INDEX", 1);

const APPEND: Command = ctlCommand({
  path: "ctl log append",
  summary:
    "Append an entry to the log, and print its index once it is committed",
  examples: [
    { line: "pgraft ctl log append 'order 1 paid'", does: "Append a text" },
    {
      line: "pgraft ctl log append --file event.bin",
      does: "Append a file",
    },
    {
      line:
        "index=$(pgraft ctl log append hello) && pgraft ctl log wait $index",
      does: "Append, then wait until the node that is asked has it",
    },
  ],
  options: { file: FILE_OPTION, base64: FROM_BASE64 },
  args: { data: optional(textType("DATA"), "The data; - for standard input") },
  run: async ({ options, args }, session) => {
    const { file, base64 } = options;
    const payload = await readPayload(session, {
      text: args.data,
      file,
      base64,
      name: "DATA",
    });
    const answer = shape(
      await session.client.call({
        method: "POST",
        path: "/v1/log",
        body: payloadField(payload, "data"),
        happensOnce: true,
      }),
    );
    await printAnswer(session, answer, shown(answer, "index"));
    return EXIT.ok;
  },
});

async function readEntry(
  session: Session,
  index: number,
  options: { readonly stale: boolean; readonly base64: boolean },
): Promise<number> {
  const query = queryOf({ stale: options.stale ? "true" : null });
  const answer = shape(
    await session.client.call({
      method: "GET",
      path: `/v1/log/${index}${query}`,
      happensOnce: true,
    }),
  );
  if (session.json) await printAnswer(session, answer, "");
  else await printPayload(session, answer, "data", options.base64);
  return EXIT.ok;
}

const READ: Command = ctlCommand({
  path: "ctl log read",
  summary: "Print an entry of the log, or many",
  about: [
    "One entry goes to a program byte for byte; many are lines of index and data, with control " +
    "characters escaped.",
  ],
  examples: [
    { line: "pgraft ctl log read 7", does: "Print the data of entry 7" },
    {
      line: "pgraft ctl log read --from 100 --limit 50",
      does: "Print entries 100 to 149",
    },
  ],
  options: {
    from: valueOr(INDEX_TYPE, 1, {
      help: "The first entry, where none is named",
      fallback: "default 1",
    }),
    limit: valueOr(wholeNumberType("N", 1), DEFAULT_LIMIT, {
      short: "n",
      help: "The most entries, where none is named",
      fallback: `default ${DEFAULT_LIMIT}`,
    }),
    stale: STALE,
    base64: TO_BASE64,
  },
  args: { index: optional(INDEX_TYPE, "The entry; else many are printed") },
  run: async ({ options, args }, session) => {
    const { from, limit, stale, base64 } = options;
    if (args.index !== null) {
      return await readEntry(session, args.index, { stale, base64 });
    }
    const query = queryOf({
      from: String(from),
      limit: String(limit),
      stale: stale ? "true" : null,
    });
    const answer = shape(
      await session.client.call({
        method: "GET",
        path: `/v1/log${query}`,
        happensOnce: true,
      }),
    );
    if (session.json) await printAnswer(session, answer, "");
    else await printEntries(session, shapesAt(answer, "entries"), base64);
    return EXIT.ok;
  },
});

const TAIL: Command = ctlCommand({
  path: "ctl log tail",
  summary: "Print the last entries of the log, and on request those to come",
  about: ["With --json: a line of JSON for each entry."],
  examples: [
    { line: "pgraft ctl log tail", does: "Print the last 10" },
    {
      line: "pgraft ctl log tail -n 1 --follow",
      does: "Print the last, then each new one until Ctrl-C",
    },
  ],
  options: {
    lines: valueOr(wholeNumberType("N", 0), DEFAULT_TAIL, {
      short: "n",
      help: "How many of the last entries",
      fallback: `default ${DEFAULT_TAIL}`,
    }),
    follow: flag({ short: "f", help: "Go on with what is appended" }),
    base64: TO_BASE64,
  },
  args: {},
  run: ({ options }, session) => tailLog(session, options),
});

const WAIT: Command = ctlCommand({
  path: "ctl log wait",
  summary:
    "Wait until an entry is committed and applied on the node that is asked",
  about: ["Exits 4 where that is not so within --timeout."],
  examples: [{
    line: "pgraft ctl log wait 42 --timeout 1min",
    does: "Wait for entry 42 for up to a minute",
  }],
  options: {},
  args: { index: required(INDEX_TYPE, "The entry") },
  run: async ({ args }, session) => {
    const { client, timeoutMs } = session;
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const leftMs = deadlineMs - performance.now();
      const there = leftMs <= 0
        ? null
        : await awaitEntry(client, args.index, leftMs);
      if (there !== null) {
        await confirm(session, there.body, `Entry ${args.index} is applied`);
        return EXIT.ok;
      }
      if (performance.now() < deadlineMs) continue;
      throw new CommandFailure(
        `Entry ${args.index} was not applied within ${
          formatDuration(timeoutMs)
        }`,
        EXIT.unknown,
        ["Allow more with --timeout"],
      );
    }
  },
});

/** `pgraft ctl log`. */
export const LOG: readonly (Command | Group)[] = [
  group({
    path: "ctl log",
    summary: "Append to and read the replicated log",
    examples: [
      { line: "pgraft ctl log append hello", does: "Append an entry" },
      { line: "pgraft ctl log tail --follow", does: "Follow the log" },
    ],
    options: {},
  }),
  APPEND,
  READ,
  TAIL,
  WAIT,
];
