import { join } from "node:path";

const MAIN = join(import.meta.dirname ?? ".", "..", "main.ts");
const LIBRARY =
  `/usr/lib/${Deno.build.arch}-linux-gnu/faketime/libfaketimeMT.so.1`;

/** Whether the machine has what sets the clock of single processes (Debian's package libfaketime). */
export async function canSetClocks(): Promise<boolean> {
  return await Deno.stat(LIBRARY).then(() => true, () => false);
}

/** A clock of its own for each node and all that it starts. */
export interface Clocks {
  /** The program and its first arguments, up to and without `serve`. */
  readonly command: readonly string[];
  /** A directory of PostgreSQL's programs, whose servers have their nodes' clocks as well. */
  readonly binDir: string;
  /** Sets the clock of a node: `+1d` and `-1d` are off from this machine's, `+0` is that. */
  set(id: number, by: string): Promise<void>;
}

/** Finds its own node's clock by the words that come behind, and becomes the program. */
const SCRIPT = `
for word; do case $word in --node-id=*) id=\${word#*=};; esac; done
LD_PRELOAD=${LIBRARY} FAKETIME_TIMESTAMP_FILE="$0/clock$id" exec "$@"
`;

/** The same for a server, which is given an environment of its own: its data directory says whose it is. */
function serverScript(directory: string, server: string): string {
  return `#!/bin/sh
for word; do case $word in */node[0-9]*) id=\${word##*/node}; id=\${id%%/*};; esac; done
FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 LD_PRELOAD=${LIBRARY} \\
FAKETIME_TIMESTAMP_FILE=${directory}/clock$id exec ${server} "$@"
`;
}

/** Makes a directory with all programs of PostgreSQL, and a server with a clock. */
async function makeBinDir(directory: string, from: string): Promise<string> {
  const binDir = join(directory, "bin");
  await Deno.mkdir(binDir);
  for await (const { name } of Deno.readDir(from)) {
    const path = join(binDir, name);
    if (name !== "postgres") await Deno.symlink(join(from, name), path);
    else {
      const text = serverScript(directory, join(from, name));
      await Deno.writeTextFile(path, text, { mode: 0o755 });
    }
  }
  return binDir;
}

/**
 * Runs something with clocks that can be set. What counts time monotonically is left alone, as by a real
 * change of a machine's clock.
 *
 * @param ids The nodes.
 * @param postgres Where PostgreSQL's programs are; null where none are needed.
 * @param run What to run.
 */
export async function withClocks(
  ids: readonly number[],
  postgres: string | null,
  run: (clocks: Clocks) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-clocks-" });
  const set = async (id: number, by: string): Promise<void> => {
    const path = join(directory, `clock${id}`);
    // Read anew for every look at the time: a jump is whole or not at all.
    await Deno.writeTextFile(`${path}.new`, `${by}\n`, { mode: 0o644 });
    await Deno.rename(`${path}.new`, path);
  };
  try {
    // PostgreSQL's user reads it too.
    await Deno.chmod(directory, 0o755);
    for (const id of ids) await set(id, "+0");
    const command = [
      ...["env", "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"],
      ...["sh", "-c", SCRIPT, directory],
      ...[Deno.execPath(), "run", "-A", MAIN],
    ];
    const binDir = postgres === null
      ? ""
      : await makeBinDir(directory, postgres);
    await run({ command, binDir, set });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
