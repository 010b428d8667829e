import { type Command, type Group, group } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { flag, optional, required, value, valueOr } from "../options.ts";
import { oneLine } from "../style.ts";
import { type TextType, textType, wholeNumberType } from "../text_types.ts";
import {
  FILE_OPTION,
  FROM_BASE64,
  payloadField,
  printPayload,
  readPayload,
  shownPayload,
  STALE,
  TO_BASE64,
} from "./payload.ts";
import { queryOf } from "./query.ts";
import {
  confirm,
  ctlCommand,
  note,
  printAnswer,
  type Session,
} from "./session.ts";
import { type Shape, shape, shapesAt, shown, textAt } from "./shape.ts";
import { type Cell, tableLines } from "./table.ts";

const DEFAULT_LIMIT = 100;

const KEY_TYPE: TextType<string> = {
  ...textType("KEY"),
  allowed: "a text that is not empty",
  parse: (text) => text === "" ? null : text,
};

const REVISION_TYPE = wholeNumberType("N", 0);

function pathOf(
  key: string,
  query: Readonly<Record<string, string | null>> = {},
): string {
  return `/v1/kv/${encodeURIComponent(key)}${queryOf(query)}`;
}

const GET: Command = ctlCommand({
  path: "ctl kv get",
  summary: "Print the value of a key",
  about: [
    "To a program the value goes byte for byte, with nothing added; a terminal gets a line feed " +
    "and no control characters. Exits 1 where there is no such key.",
  ],
  examples: [
    { line: "pgraft ctl kv get greeting", does: "Print a value" },
    {
      line: "pgraft ctl kv get greeting --json",
      does: "Print it with its revisions",
    },
  ],
  options: { stale: STALE, base64: TO_BASE64 },
  args: { key: required(KEY_TYPE, "The key") },
  run: async ({ options, args }, session) => {
    const answer = shape(
      await session.client.call({
        method: "GET",
        path: pathOf(args.key, { stale: options.stale ? "true" : null }),
        happensOnce: true,
      }),
    );
    if (session.json) await printAnswer(session, answer, "");
    else await printPayload(session, answer, "value", options.base64);
    return EXIT.ok;
  },
});

async function put(
  session: Session,
  key: string,
  body: Readonly<Record<string, unknown>>,
): Promise<number> {
  const answer = shape(
    await session.client.call({
      method: "PUT",
      path: pathOf(key),
      body,
      happensOnce: true,
    }),
  );
  const what = answer["created"] === true ? "Created" : "Changed";
  await confirm(
    session,
    answer,
    `${what} at revision ${shown(answer, "revision")}`,
  );
  return EXIT.ok;
}

const PUT: Command = ctlCommand({
  path: "ctl kv put",
  aliases: ["ctl kv set"],
  summary: "Store a value under a key",
  examples: [
    { line: "pgraft ctl kv put greeting hello", does: "Store a text" },
    {
      line: "pgraft ctl kv put app/config --file config.json",
      does: "Store a file",
    },
    {
      line: "date | pgraft ctl kv put now -",
      does: "Store what comes from standard input",
    },
    {
      line: "pgraft ctl kv put lock me --if-revision 0",
      does: "Only if there is no such key yet",
    },
    {
      line: "pgraft ctl kv put -- -key -value",
      does: "What follows -- is no option",
    },
  ],
  options: {
    file: FILE_OPTION,
    base64: FROM_BASE64,
    ifRevision: value(REVISION_TYPE, {
      help:
        "Only if the key's mod_revision is this; 0: if there is no such key",
    }),
  },
  args: {
    key: required(KEY_TYPE, "The key"),
    value: optional(textType("VALUE"), "The value; - for standard input"),
  },
  run: async ({ options, args }, session) => {
    const { file, base64, ifRevision } = options;
    const payload = await readPayload(session, {
      text: args.value,
      file,
      base64,
      name: "VALUE",
    });
    return await put(session, args.key, {
      ...payloadField(payload, "value"),
      ...(ifRevision === null ? {} : { if_revision: ifRevision }),
    });
  },
});

const CAS: Command = ctlCommand({
  path: "ctl kv cas",
  summary:
    "Change the value of a key if it is what is expected (compare and set)",
  about: [
    "Exits 1 and tells what there is where the value is another. To compare revisions, see " +
    "--if-revision of pgraft ctl kv put.",
  ],
  examples: [{
    line: "pgraft ctl kv cas greeting hello goodbye",
    does: "Change hello to goodbye, and nothing else",
  }],
  options: { file: FILE_OPTION },
  args: {
    key: required(KEY_TYPE, "The key"),
    expected: required(textType("EXPECTED"), "The value that it must have"),
    value: optional(textType("VALUE"), "The new value; - for standard input"),
  },
  run: async ({ options, args }, session) => {
    const payload = await readPayload(session, {
      text: args.value,
      file: options.file,
      base64: false,
      name: "VALUE",
    });
    return await put(session, args.key, {
      ...payloadField(payload, "value"),
      if_value: args.expected,
    });
  },
});

const DELETE: Command = ctlCommand({
  path: "ctl kv delete",
  aliases: ["ctl kv del", "ctl kv rm"],
  summary: "Delete a key",
  about: ["Exits 0 also where there was no such key."],
  examples: [
    { line: "pgraft ctl kv delete greeting", does: "Delete it" },
    {
      line: "pgraft ctl kv delete greeting --if-revision 12",
      does: "Only if nobody has changed it since",
    },
  ],
  options: {
    ifRevision: value(REVISION_TYPE, {
      help: "Only if the key's mod_revision is this",
    }),
  },
  args: { key: required(KEY_TYPE, "The key") },
  run: async ({ options, args }, session) => {
    const { ifRevision } = options;
    const answer = shape(
      await session.client.call({
        method: "DELETE",
        path: pathOf(args.key, {
          if_revision: ifRevision === null ? null : String(ifRevision),
        }),
        happensOnce: true,
      }),
    );
    const isGone = answer["deleted"] === false || answer["deleted"] === 0;
    const words = isGone
      ? "There was no such key"
      : `Deleted at revision ${shown(answer, "revision")}`;
    await confirm(session, answer, words);
    return EXIT.ok;
  },
});

const COMPACT: Command = ctlCommand({
  path: "ctl kv compact",
  summary: "Forget all changes up to a revision, on all members",
  about: [
    "Watchers that are not that far yet have to read the keys anew. What the keys hold is not changed.",
  ],
  examples: [{
    line: "pgraft ctl kv compact 1200",
    does: "Forget revision 1200 and all before it",
  }],
  options: {},
  args: { revision: required(wholeNumberType("REVISION", 1), "The revision") },
  run: async ({ args }, session) => {
    const answer = await session.client.call({
      method: "POST",
      path: "/v3/kv/compaction",
      body: { revision: String(args.revision) },
      happensOnce: true,
    });
    const words = `Changes up to revision ${args.revision} are forgotten`;
    await confirm(session, answer, words);
    return EXIT.ok;
  },
});

/** To a program a key goes as it is. */
function keyLine(kv: Shape, { io }: Session): string {
  const key = textAt(kv, "key") ?? "";
  return io.outIsTerminal ? oneLine(key) : key;
}

const LIST: Command = ctlCommand({
  path: "ctl kv list",
  aliases: ["ctl kv ls"],
  summary: "List keys with their values",
  examples: [
    { line: "pgraft ctl kv list", does: "List the first 100" },
    {
      line: "pgraft ctl kv list app/ --limit 1000",
      does: "List those that begin with app/",
    },
    {
      line: "pgraft ctl kv list app/ --keys",
      does: "Print the keys alone, one a line",
    },
  ],
  options: {
    limit: valueOr(wholeNumberType("N", 1), DEFAULT_LIMIT, {
      short: "n",
      help: "The most that are listed",
      fallback: `default ${DEFAULT_LIMIT}`,
    }),
    keys: flag({ help: "Print the keys alone, one a line" }),
    stale: STALE,
    base64: TO_BASE64,
  },
  args: { prefix: optional(textType("PREFIX"), "How the keys begin") },
  run: async ({ options, args }, session) => {
    const { limit, stale, keys, base64 } = options;
    const query = queryOf({
      prefix: args.prefix,
      limit: String(limit),
      stale: stale ? "true" : null,
    });
    const answer = shape(
      await session.client.call({
        method: "GET",
        path: `/v1/kv${query}`,
        happensOnce: true,
      }),
    );
    const kvs = shapesAt(answer, "kvs");
    const rows = kvs.map((kv): Cell[] => [
      textAt(kv, "key") ?? "",
      shown(kv, "mod_revision"),
      shownPayload(kv, "value", base64),
    ]);
    const header = keys ? [] : ["KEY", "MOD_REVISION", "VALUE"];
    const lines = keys
      ? kvs.map((kv) => keyLine(kv, session))
      : tableLines(header, rows, session.paint);
    if (session.json || lines.length > 0) {
      await printAnswer(session, answer, lines.join("\n"));
    }
    if (answer["more"] === true) {
      await note(session, `There are more than ${limit}; raise --limit`);
    }
    return EXIT.ok;
  },
});

/** `pgraft ctl kv`. */
export const KV: readonly (Command | Group)[] = [
  group({
    path: "ctl kv",
    summary: "Read and change the replicated key-value store",
    examples: [
      { line: "pgraft ctl kv put greeting hello", does: "Store a value" },
      { line: "pgraft ctl kv get greeting", does: "Print it" },
    ],
    options: {},
  }),
  GET,
  PUT,
  DELETE,
  LIST,
  CAS,
  COMPACT,
];
