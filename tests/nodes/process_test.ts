import { statOf } from "../../base/mod.ts";
import { type ManagedProcess, startProcess } from "./process.ts";
import { until } from "./until.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";

function startScript(code: string, outputBytes = 1000): ManagedProcess {
  return startProcess({
    name: "script",
    command: Deno.execPath(),
    args: ["eval", code],
    env: { NO_COLOR: "1" },
    outputBytes,
  });
}

const waitForever = "console.log('up'); setInterval(() => {}, 1000);";

Deno.test("startProcess() keeps both outputs and the status", async () => {
  await using process = startScript(
    "console.log('out'); console.error('err'); Deno.exit(3)",
  );

  const { code } = await process.ended;

  assertEquals(code, 3);
  assertEquals(process.status()?.code, 3);
  assertEquals(process.output().split("\n").sort(), ["", "err", "out"]);
});

Deno.test("output() is the end of what was written, within its bound", async () => {
  await using process = startScript(
    "for (let i = 0; i < 1000; i++) console.log(`line ${i}`)",
    100,
  );

  await process.ended;

  const [head = "", ...lines] = process.output().split("\n");
  assertMatch(head, /^\(\d+ bytes before it are not kept\)$/);
  assertEquals(lines.join("\n").length, 100);
  assertEquals(lines.slice(-2), ["line 999", ""]);
});

Deno.test("the end of its scope kills a process, also a frozen one", async () => {
  let process: ManagedProcess;
  {
    await using one = startScript(waitForever);
    process = one;
    await until(() => one.output().includes("up") || null, { what: "it runs" });
    one.signal("SIGSTOP");
    await until(
      () => statOf(one.pid)?.state === "T" || null,
      { what: "it is frozen" },
    );
    assertEquals(one.status(), null);
  }

  assertEquals(process.status()?.signal, "SIGKILL");
  assert(!(await exists(`/proc/${process.pid}`)));
});

Deno.test("signal() leaves an ended process alone", async () => {
  await using process = startScript("");
  await process.ended;

  process.signal("SIGTERM");

  assertEquals(process.status()?.code, 0);
});

Deno.test("startProcess() says so when there is no such program", () => {
  assertThrows(
    () => startProcess({ name: "none", command: "/no/such/thing", args: [] }),
    Deno.errors.NotFound,
  );
});

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
