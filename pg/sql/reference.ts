import { SQL_FUNCTIONS } from "./functions.ts";
import type { SqlField, SqlFunction, SqlTopic } from "./types.ts";
import { SQL_VIEWS } from "./views.ts";

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function fieldText({ name, type, default: fallback }: SqlField): string {
  return `${name} ${type}${fallback === undefined ? "" : ` = ${fallback}`}`;
}

function returnsText({ returns }: SqlFunction): string {
  switch (returns.kind) {
    case "value":
      return `\`${returns.type}\``;
    case "rows":
      return `rows: \`${returns.columns.map(fieldText).join(", ")}\``;
    case "nothing":
      return "`void`";
  }
}

function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join(
    "\n",
  );
}

/** The reference of every function and view, as Markdown: it stands in `docs/sql.md`. */
export function referenceMarkdown(): string {
  const topics = [
    ...new Set<SqlTopic>(SQL_FUNCTIONS.map(({ topic }) => topic)),
  ];
  const functions = topics.map((topic) => {
    const rows = SQL_FUNCTIONS.filter((row) => row.topic === topic).map((
      row,
    ) => [
      `\`${row.name}(${row.arguments.map(fieldText).join(", ")})\``,
      returnsText(row),
      row.access,
      row.doc,
    ]);
    const head = ["function", "returns", "who", "what it does"];
    return `### ${topic}\n\n${table(head, rows)}`;
  });
  const views = table(
    ["view", "columns", "what it shows"],
    SQL_VIEWS.map(({ schema, name, columns, doc }) => [
      `\`${schema}.${name}\``,
      `\`${columns.map(fieldText).join(", ")}\``,
      doc,
    ]),
  );
  return [...functions, `### Views\n\n${views}`].join("\n\n");
}
