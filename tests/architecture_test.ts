import { assertEquals, assertGreater } from "@std/assert";
import { join } from "node:path";
import { checkArchitecture, describe } from "./architecture/mod.ts";

const ROOT = join(import.meta.dirname ?? ".", "..");
const NOT_SOURCES = new Set(["node_modules", "dist", "coverage"]);

async function readSources(folder = ""): Promise<Array<[string, string]>> {
  const found: Array<[string, string]> = [];
  for await (const entry of Deno.readDir(join(ROOT, folder))) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.name.startsWith(".") || NOT_SOURCES.has(entry.name)) continue;
    if (entry.isDirectory) found.push(...await readSources(path));
    if (!entry.isFile || !entry.name.endsWith(".ts")) continue;
    found.push([path, await Deno.readTextFile(join(ROOT, path))]);
  }
  return found.sort();
}

Deno.test("the house keeps its own rules", async () => {
  const files = new Map(await readSources());

  assertGreater(files.size, 20);
  assertEquals(checkArchitecture(files).map(describe), []);
});
