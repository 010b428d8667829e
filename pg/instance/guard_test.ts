import { assert, assertEquals } from "@std/assert";
import {
  ALONE,
  type Kit,
  LIMIT_MS,
  type Made,
  until,
  withKit,
} from "./instance_test_kit.ts";
import { titleOf } from "./processes.ts";

const GRACE_MS = 300;

/** An agent that starts a guard, says so, and lives until it is killed. */
const AGENT = `
const { createInstance } = await import(Deno.args[0]);
const options = JSON.parse(Deno.args[1]);
const instance = createInstance({
  ...options, parameters: new Map(), hbaRules: [], log: () => {},
});
await instance.startGuard({ graceMs: ${GRACE_MS} });
Deno.stdout.writeSync(new TextEncoder().encode("guarded"));
setInterval(() => {}, 1000);
`;

async function startAgent(kit: Kit, made: Made): Promise<Deno.ChildProcess> {
  const script = `${kit.root}/agent.ts`;
  await Deno.writeTextFile(script, AGENT);
  const door = new URL("./mod.ts", import.meta.url).href;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const agent = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      `--config=${config}`,
      script,
      door,
      JSON.stringify(made.options),
    ],
    stdout: "piped",
  }).spawn();
  const reader = agent.stdout.getReader();
  const { value } = await reader.read();
  assertEquals(new TextDecoder().decode(value), "guarded");
  await reader.cancel();
  return agent;
}

async function started(kit: Kit): Promise<Made> {
  const made = await kit.initialized("a");
  await made.instance.render(ALONE);
  await made.instance.start();
  return made;
}

function guards(made: Made): number {
  const names = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
    .filter((pid) => pid > 0);
  return names.filter((pid) => {
    const title = titleOf(pid);
    return title.includes("pgraft-guard") && title.includes(made.dataDir);
  }).length;
}

async function kill(agent: Deno.ChildProcess): Promise<void> {
  agent.kill("SIGKILL");
  await agent.status;
}

Deno.test("the guard stops PostgreSQL when the agent was killed (R8)", () =>
  withKit(async (kit) => {
    const made = await started(kit);
    const agent = await startAgent(kit, made);
    assertEquals(guards(made), 1);
    await kill(agent);
    await until(
      "PostgreSQL is stopped",
      async () => !await made.instance.isOccupied(),
    );
    await until("the guard is gone", () => guards(made) === 0);
  }));

Deno.test("the guard kills a postmaster that is frozen (R8, R23)", () =>
  withKit(async (kit) => {
    const made = await started(kit);
    const agent = await startAgent(kit, made);
    const postmaster = await made.instance.postmaster();
    assert(postmaster !== null);
    Deno.kill(postmaster.pid, "SIGSTOP");
    await kill(agent);
    await until(
      "PostgreSQL is stopped",
      async () => !await made.instance.isOccupied(),
    );
    await until("the guard is gone", () => guards(made) === 0);
  }));

Deno.test("a guard that was taken over leaves PostgreSQL alone (R8)", () =>
  withKit(async (kit) => {
    const made = await started(kit);
    const agent = await startAgent(kit, made);
    const guard = await made.instance.startGuard({ graceMs: LIMIT_MS });
    assertEquals(guards(made), 2);
    await kill(agent);
    await until("the former guard is gone", () => guards(made) === 1);
    assert(await made.instance.postmaster() !== null);
    await guard.release();
    assertEquals(guards(made), 0);
    assert(await made.instance.postmaster() !== null);
  }));
