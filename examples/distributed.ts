/**
 * Three nodes in one process lose their leader twice, and agree in the end.
 *
 * `deno task example` keeps their logs in memory, `--files DIR` in files under DIR, `--files` alone in a
 * directory that is removed afterwards. Exits with 1 when the nodes differ or a write was lost.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  createLedger,
  type Ledger,
  verdict,
  write,
} from "./distributed/ledger.ts";
import {
  type Demo,
  type DemoNode,
  idsBut,
  kill,
  leaderAmong,
  pick,
  print,
  restart,
  startDemo,
  stopAll,
  until,
} from "./distributed/nodes.ts";

async function electAndReplicate(demo: Demo, ledger: Ledger): Promise<void> {
  print("1. Three nodes form a group and elect a leader.");
  const leader = await leaderAmong(demo);
  print(`   Node ${leader.id} leads term ${leader.server.status().term}.`);
  print("2. All take writes; those that follow hand them to the leader.");
  await write(demo, ledger, [1, 2, 3], 300);
}

async function killLeader(demo: Demo, ledger: Ledger): Promise<void> {
  const leader = await leaderAmong(demo);
  const survivors = idsBut(demo, leader.id);
  print(`3. The leader, node ${leader.id}, dies in the midst of writes.`);
  const startedAtMs = performance.now();
  const writing = write(demo, ledger, survivors, 300);
  await kill(leader);
  const next = await leaderAmong(demo, survivors);
  print(`   Node ${next.id} leads ${since(startedAtMs)} ms later, without a`);
  print("   timeout: a process that is gone refuses connections.");
  await writing;
  const back = await restart(demo, leader.id);
  await back.server.read(() => null);
  print(`   Node ${leader.id} is back and has caught up from its own log.`);
}

async function cutLeaderOff(demo: Demo, ledger: Ledger): Promise<void> {
  const leader = await leaderAmong(demo);
  const others = idsBut(demo, leader.id);
  print(
    `4. The leader, node ${leader.id}, is cut off; nothing proves it gone.`,
  );
  const startedAtMs = performance.now();
  demo.network.isolate(leader.id, true);
  const next = await leaderAmong(demo, others);
  print(`   Node ${next.id} leads ${since(startedAtMs)} ms later, when the`);
  print("   election timeout has passed.");
  await write(demo, ledger, others, 300);
  await until(
    pick(demo, [leader.id]),
    () => leader.server.status().leaderId === 0,
  );
  print(`   Node ${leader.id} knows that it leads no more. A read there:`);
  print(`   "${await refusalOf(leader)}"`);
  demo.network.isolate(leader.id, false);
  await leader.server.read(() => null);
  print(`   The cut heals, and node ${leader.id} has caught up.`);
}

function since(startedAtMs: number): number {
  return Math.round(performance.now() - startedAtMs);
}

async function refusalOf({ server }: DemoNode): Promise<string> {
  try {
    await server.read(() => null, { timeoutMs: 100 });
    return "It was answered, which must not be";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function play(directory: string | null): Promise<boolean> {
  const demo = await startDemo(directory);
  try {
    const ledger = createLedger();
    await electAndReplicate(demo, ledger);
    await killLeader(demo, ledger);
    await cutLeaderOff(demo, ledger);
    print("5. Every node is read, so that nothing acknowledged is missed.");
    return await verdict(demo, ledger);
  } finally {
    await stopAll(demo);
  }
}

/** Plays in files that are removed afterwards. */
async function playInPassing(): Promise<boolean> {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-demo-" });
  try {
    return await play(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) {
  const { files } = parseArgs(Deno.args, { string: ["files"] });
  const consistent = files === ""
    ? await playInPassing()
    : await play(files ?? null);
  Deno.exitCode = consistent ? 0 : 1;
}
