import { plainSql } from "../../server/extension/mod.ts";
import { type Command, command, type Group, group } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { valueOr } from "../options.ts";
import type { TextType } from "../text_types.ts";
import { confirm, ctlCommand } from "./session.ts";
import { shape, shown } from "./shape.ts";

const DATABASE_TYPE: TextType<string> = {
  placeholder: "DATABASE",
  allowed: "the name of a database",
  offer: "nothing",
  parse: (text) => text === "" ? null : text,
};

const ACTIONS: ReadonlyMap<string, string> = new Map([
  ["created", "was made"],
  ["upgraded", "was upgraded"],
  ["current", "is there already"],
  ["newer", "is there, of a later version than this node's"],
  ["standby", "is made on the primary only; this node is a standby"],
]);

function words(answer: ReturnType<typeof shape>): string {
  const files = shape(answer["files"]);
  const where = shown(files, "directory");
  const action = shown(answer, "action");
  const put = shown(files, "kind") === "not_writable"
    ? `Its files can't be put into ${where}`
    : `Its files are in ${where}`;
  const version = answer["version"] === null
    ? ""
    : ` ${shown(answer, "version")}`;
  const form = answer["form"] === "plain" ? " as plain SQL" : "";
  return `The extension pgraft${version} ${
    ACTIONS.get(action) ?? action
  }${form} in the database ${shown(answer, "database")}\n${put}`;
}

/** Commands about the extension. */
export const EXTENSION: readonly (Command | Group)[] = [
  group({
    path: "ctl extension",
    summary: "The SQL functions of pgraft in a database",
    examples: [{
      line: "pgraft ctl extension install --database app",
      does: "Make them in the database app",
    }],
    options: {},
  }),
  ctlCommand({
    path: "ctl extension install",
    summary: "Put the extension's files in place, and make or upgrade it",
    about: [
      "Ask the node of the primary. A standby puts only the files in place. Where the server's " +
      "extension directory can't be written, the functions are made as plain SQL.",
    ],
    examples: [
      {
        line: "pgraft ctl extension install",
        does: "Make it in the database postgres",
      },
      {
        line: "pgraft ctl extension install --database app",
        does: "Make it in the database app",
      },
    ],
    options: {
      database: valueOr(DATABASE_TYPE, "postgres", {
        help: "Where it is made",
        fallback: "default postgres",
      }),
    },
    args: {},
    run: async ({ options }, session) => {
      const answer = shape(
        await session.client.call({
          method: "POST",
          path: "/v1/extension",
          body: { database: options.database },
          happensOnce: false,
        }),
      );
      await confirm(session, answer, words(answer));
      return EXIT.ok;
    },
  }),
  command({
    path: "ctl extension sql",
    summary: "Print the functions as plain SQL, to be run by a superuser",
    examples: [{
      line: "pgraft ctl extension sql | psql -1 -d app",
      does: "Make them without a node's help",
    }],
    options: {},
    args: {},
    run: async (_call, { io }) => {
      await io.out(plainSql());
      return EXIT.ok;
    },
  }),
];
