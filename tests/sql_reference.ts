import { referenceMarkdown } from "../pg/sql/mod.ts";

/** Where the reference stands. */
const PATH = new URL("../docs/sql.md", import.meta.url);
const BEGIN = "<!-- reference begins -->";
const END = "<!-- reference ends -->";

/** The reference as the docs have it. */
export async function documentedReference(): Promise<string> {
  const text = await Deno.readTextFile(PATH);
  return text.slice(text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END));
}

/** A table without what only aligns it. */
export function unaligned(markdown: string): string {
  return markdown.replaceAll(/-{3,}/g, "---").replaceAll(/[ \t]+/g, " ")
    .replaceAll(/\n{2,}/g, "\n\n").trim();
}

if (import.meta.main) {
  const text = await Deno.readTextFile(PATH);
  const before = text.slice(0, text.indexOf(BEGIN) + BEGIN.length);
  const after = text.slice(text.indexOf(END));
  await Deno.writeTextFile(
    PATH,
    `${before}\n\n${referenceMarkdown()}\n\n${after}`,
  );
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "docs/sql.md"] })
    .output();
}
