import { oneLine, type Style } from "../style.ts";

/** What stands in a table: text, or text that stands out. */
export type Cell = string | { readonly text: string; readonly style: Style };

const GAP = "  ";

function textOf(cell: Cell): string {
  return oneLine(typeof cell === "string" ? cell : cell.text);
}

/** Characters, not UTF-16 units: names may hold any. */
function lengthOf(text: string): number {
  return [...text].length;
}

/**
 * Aligns a table for people.
 *
 * @param header The columns' names.
 * @param rows The rows.
 * @param paint Colours text, or leaves it.
 * @returns The lines; control characters are escaped.
 */
export function tableLines(
  header: readonly string[],
  rows: readonly (readonly Cell[])[],
  paint: (style: Style, text: string) => string,
): string[] {
  const widths = header.map((name, column) =>
    Math.max(
      lengthOf(name),
      ...rows.map((row) => lengthOf(textOf(row[column] ?? ""))),
    )
  );
  const headerCells = header.map((text): Cell => ({ text, style: "bold" }));
  return [headerCells, ...rows].map((row) =>
    row.map((cell, column) => {
      const text = textOf(cell);
      const isLast = column === row.length - 1;
      const padding = isLast
        ? ""
        : " ".repeat((widths[column] ?? 0) - lengthOf(text));
      return (typeof cell === "string" ? text : paint(cell.style, text)) +
        padding;
    }).join(GAP).trimEnd()
  );
}
