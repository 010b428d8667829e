import { join } from "node:path";
import { until } from "./nodes/mod.ts";
import type { PgNode } from "./postgres/mod.ts";
import type { Blow } from "./pg_test_kit.ts";

const BIN_DIRS = ["/usr/lib/postgresql/15/bin", "/usr/local/pgsql/bin"];

/**
 * Kills the primary after it has committed transactions that no standby has: both are dead meanwhile, since
 * frozen ones would still find them in their sockets. They are rows of writer 0, whom no ledger knows.
 */
export async function leaveTail(
  { cluster, reign: { primary } }: Blow,
  count: number,
  sql = "insert into ledger values (0, 0)",
): Promise<void> {
  const standbys = await cluster.standbys();
  await Promise.all(standbys.map((standby) => standby.kill()));
  for (let left = count; left > 0; left--) {
    await primary.queryLocally(
      `set synchronous_commit = local; ${sql}`,
      60_000,
    );
  }
  await primary.kill();
  for (const standby of standbys) standby.restart();
}

/** Runs one of PostgreSQL's programs as the owner of a node's data directory. */
export async function runAsOwner(
  { dataDir }: PgNode,
  program: string,
  words: readonly string[],
): Promise<void> {
  const { uid, gid } = await Deno.stat(dataDir);
  const { success, stdout, stderr } = await new Deno.Command(
    await findProgram(program),
    {
      args: ["-D", dataDir, ...words],
      cwd: "/",
      stdin: "null",
      ...Deno.uid() === 0 ? { uid: uid ?? 0, gid: gid ?? 0 } : {},
    },
  ).output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(
    `${program} failed: ${decoder.decode(stdout)}${decoder.decode(stderr)}`,
  );
}

/** Starts a dead node's server as an operator would; returns its socket's directory. */
export async function startByHand(node: PgNode): Promise<string> {
  const { dataDir, port } = node;
  // PostgreSQL minds neither once the number of the dead one is free, which init may leave to a zombie.
  await Deno.remove(`${dataDir}/postmaster.pid`);
  const log = `${dataDir}/by_hand.log`;
  const options = `-p ${port} -h 127.0.0.1 -k ${dataDir}`;
  try {
    await runAsOwner(node, "pg_ctl", ["start", "-o", options, "-l", log]);
  } catch (cause) {
    throw new Error(await Deno.readTextFile(log), { cause });
  }
  return dataDir;
}

/** Finds one of PostgreSQL's programs. */
export async function findProgram(name: string): Promise<string> {
  const path = (Deno.env.get("PATH") ?? "").split(":");
  for (const directory of [...BIN_DIRS, ...path]) {
    const file = `${directory}/${name}`;
    try {
      if ((await Deno.stat(file)).isFile) return file;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`There is no ${name}: install PostgreSQL`);
}

/** Waits until a node has written something since its agent was last started. */
export async function untilSaid(node: PgNode, pattern: RegExp): Promise<void> {
  await until(() => pattern.test(node.agent.process().output()) || null, {
    what: `node ${node.id} writes ${pattern}`,
  });
}

/** A user's numbers, for who may run processes as others; null for everyone else. */
export async function ownerOf(
  name: string,
): Promise<{ uid: number; gid: number } | null> {
  if (Deno.uid() !== 0) return null;
  const text = await Deno.readTextFile("/etc/passwd");
  const fields = text.split("\n").map((line) => line.split(":"))
    .find(([first]) => first === name);
  return fields ? { uid: Number(fields[2]), gid: Number(fields[3]) } : null;
}

/** What is in a directory, with the time of each file's last change. */
export async function listing(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(directory)) {
    const path = join(directory, entry.name);
    const { mtime } = await Deno.lstat(path);
    found.push(`${path} ${mtime?.toISOString()}`);
    if (entry.isDirectory) found.push(...await listing(path));
  }
  return found.sort();
}
