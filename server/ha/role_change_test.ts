import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { systemClock } from "../../base/mod.ts";
import type { Report, RoleChange } from "../../pg/policy/mod.ts";
import { createRoleHook, type RoleHook, troubleWords } from "./role_change.ts";

const LIMIT_MS = 10_000;

function report(
  role: Report["role"],
  open: boolean | null = null,
): Report {
  const primary = open === null ? null : {
    epoch: 3,
    flushLsn: 1,
    standbys: [],
    absent: [],
    open,
    hasCheckpoint: true,
    handover: 0,
    syncWaiters: 0,
  };
  return {
    id: 1,
    boot: "b",
    sequence: 1,
    pledge: 3,
    incarnation: 10,
    state: "running",
    role,
    sealed: 0,
    position: null,
    timeline: 4,
    replayLsn: 1,
    lost: null,
    lostEpoch: 0,
    lostDetail: "",
    lostMs: 0,
    primary,
    following: null,
    config: { version: 0, pendingRestart: [], fault: null },
    needsClone: false,
    trouble: null,
  };
}

interface Kit {
  readonly directory: string;
  readonly log: string[];
  hook(script: string, timeoutMs?: number): Promise<RoleHook>;
  /** What the script wrote to its file. */
  written(): Promise<string[]>;
}

async function withScript(run: (kit: Kit) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-hook-" });
  const log: string[] = [];
  try {
    await run({
      directory,
      log,
      async hook(script, timeoutMs = LIMIT_MS): Promise<RoleHook> {
        const command = join(directory, "hook");
        await Deno.writeTextFile(
          command,
          `#!/bin/sh\ncd ${directory}\n${script}\n`,
        );
        await Deno.chmod(command, 0o755);
        return createRoleHook({
          command,
          timeoutMs,
          env: { PGRAFT_NODE_ID: "7" },
          clock: systemClock(),
          wallMs: () => 1000,
          log: (level, message) => log.push(`${level}: ${message}`),
        });
      },
      written: async () =>
        (await Deno.readTextFile(join(directory, "out")).catch(() => ""))
          .split("\n").filter((line) => line !== ""),
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function until<T>(
  look: () => Promise<T | null> | T | null,
): Promise<T> {
  const deadlineMs = performance.now() + LIMIT_MS;
  for (;;) {
    const seen = await look();
    if (seen !== null) return seen;
    if (performance.now() > deadlineMs) throw new Error("It did not come true");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function ended(hook: RoleHook, role: string): Promise<RoleChange> {
  return until(() => {
    const last = hook.last();
    return last?.role === role && last.state !== "running" ? last : null;
  });
}

Deno.test("the command is told each role that clients find, once", () =>
  withScript(async (kit) => {
    const hook = await kit.hook(
      'echo "$1 $PGRAFT_FORMER_ROLE $PGRAFT_NODE_ID $PGRAFT_EPOCH $PGRAFT_TIMELINE" >> out',
    );
    const steps: readonly (readonly [Report, string])[] = [
      [report("standby"), "standby"],
      [report("standby"), "standby"],
      // A winner that has not opened is what it was.
      [report("primary", false), "standby"],
      [report("primary", true), "primary"],
      [report("primary", false), "none"],
      [report("none"), "none"],
    ];
    for (const [seen, role] of steps) {
      hook.saw(seen);
      const { state, exitCode } = await ended(hook, role);
      assertEquals([state, exitCode], ["done", 0]);
    }
    await hook.stop(true);
    assertEquals(await kit.written(), [
      "standby  7 0 4",
      "primary standby 7 3 4",
      "none primary 7 3 4",
    ]);
  }));

Deno.test("of roles that change while the command runs only the last is told", () =>
  withScript(async (kit) => {
    const hook = await kit.hook(
      'echo "$1" >> out; while [ ! -e go ]; do sleep 0.02; done',
    );
    hook.saw(report("standby"));
    await until(async () => (await kit.written()).length || null);
    for (const seen of [report("none"), report("primary", true)]) {
      hook.saw(seen);
    }
    hook.saw(report("none"));
    hook.saw(report("primary", true));
    await Deno.writeTextFile(join(kit.directory, "go"), "");
    await ended(hook, "primary");
    await hook.stop(false);
    assertEquals(await kit.written(), ["standby", "primary"]);
  }));

Deno.test("how it ended is kept and said: by itself, at the deadline with its children, or not at all", () =>
  withScript(async (kit) => {
    const failing = await kit.hook("echo no such address >&2; exit 3");
    failing.saw(report("standby"));
    const { exitCode, said, atMs, ...rest } = await ended(failing, "standby");
    assertEquals([exitCode, said, atMs], [3, "no such address", 1000]);
    assertEquals(
      troubleWords({ exitCode, said, atMs, ...rest }),
      "ended with 3",
    );
    assertMatch(kit.log.join("\n"), /warning: on_role_change .* ended with 3/);
    await failing.stop(false);

    const slow = await kit.hook('sleep 3600 & echo "$!" >> out; wait', 200);
    slow.saw(report("standby"));
    const late = await ended(slow, "standby");
    assertEquals([late.state, late.exitCode], ["timed_out", null]);
    const [pid] = await kit.written();
    await until(() =>
      Deno.readTextFile(`/proc/${pid}/stat`).then(
        (stat) => / Z /.test(stat) ? "gone" : null,
        () => "gone",
      )
    );
    await slow.stop(false);

    const missing = await kit.hook("");
    await Deno.remove(join(kit.directory, "hook"));
    missing.saw(report("standby"));
    const none = await ended(missing, "standby");
    assertEquals(none.state, "not_started");
    assertMatch(troubleWords(none), /could not be run/);
    await missing.stop(false);
  }));

Deno.test("a stop ends the command that runs, and tells of PostgreSQL's end where it ends too", () =>
  withScript(async (kit) => {
    const hook = await kit.hook(
      'echo "$1" >> out; [ "$1" = none ] || sleep 3600',
    );
    hook.saw(report("standby"));
    await until(async () => (await kit.written()).length || null);
    await hook.stop(false);
    assertEquals(hook.last()?.exitCode, null);
    const other = await kit.hook('echo "$1" >> out');
    other.saw(report("primary", true));
    await ended(other, "primary");
    await other.stop(true);
    assertEquals((await kit.written()).slice(-2), ["primary", "none"]);
    assert(other.last()?.state === "done");
  }));

Deno.test("without a command nothing is run", async () => {
  const hook = createRoleHook({
    command: null,
    timeoutMs: LIMIT_MS,
    env: {},
    clock: systemClock(),
    wallMs: () => 0,
    log: () => {},
  });
  hook.saw(report("standby"));
  assertEquals(hook.last(), null);
  await hook.stop(true);
});
