import { assertEquals } from "@std/assert";
import { until } from "./instance_test_kit.ts";
import { createOccupants } from "./occupants.ts";

interface Sleeper extends AsyncDisposable {
  hasEnded(): boolean;
}

function sleepIn(directory: string): Sleeper {
  const child = new Deno.Command("sleep", {
    args: ["600"],
    cwd: directory,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let hasEnded = false;
  const ended = child.status.then(() => {
    hasEnded = true;
  });
  return {
    hasEnded: () => hasEnded,
    [Symbol.asyncDispose]: async () => {
      try {
        child.kill("SIGKILL");
      } catch {
        // It was ended.
      }
      await ended;
    },
  };
}

Deno.test("occupants are seen, killed, and newcomers with them once those have gone (R23)", async () => {
  const root = await Deno.makeTempDir({ prefix: "pgraft-occupants-" });
  try {
    const occupants = createOccupants(root);
    assertEquals(occupants.isAny(), false);
    await using first = sleepIn(root);
    assertEquals(occupants.isAny(), true);
    await using second = sleepIn(root);
    assertEquals(occupants.kill(), true);
    await until("both have gone", () => first.hasEnded() && second.hasEnded());
    await using third = sleepIn(root);
    await until("nobody is left", () => !occupants.kill());
    await until("the third has gone", third.hasEnded);
    assertEquals(occupants.isAny(), false);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
