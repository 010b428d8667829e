/**
 * Checks that what the doors of the house export is documented.
 *
 * @module
 */
import { judgeDocumentation } from "./doc_lint.ts";

/** Where the shipped code is; stand-ins and tests are nobody's interface. */
const FOLDERS = ["base", "raft", "pg", "server", "cli", "sim"];

async function findDoors(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await findDoors(`${folder}/${name}`));
    if (name === "mod.ts") found.push(`${folder}/${name}`);
  }
  return found.sort();
}

async function presentFolders(): Promise<string[]> {
  const there = await Array.fromAsync(Deno.readDir("."));
  return FOLDERS.filter((folder) => there.some(({ name }) => name === folder));
}

/** All doors at once, so that a type which one exports is known to the others. */
async function lintDoors(doors: readonly string[]): Promise<string[]> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", ...doors],
    env: { NO_COLOR: "1" },
    stdout: "null",
  }).output();
  return judgeDocumentation(new TextDecoder().decode(stderr), success);
}

if (import.meta.main) {
  const folders = await presentFolders();
  const doors = (await Promise.all(folders.map(findDoors))).flat();
  const problems = await lintDoors(doors);
  const lines = problems.length > 0
    ? problems
    : [`Documented: ${doors.join(", ")}`];
  await new Blob([`${lines.join("\n")}\n`]).stream().pipeTo(
    Deno.stdout.writable,
    { preventClose: true },
  );
  Deno.exitCode = problems.length > 0 ? 1 : 0;
}
