import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { NOTHING_SAVED } from "../policy/mod.ts";
import { isManaged, ownPassword, readSaved, writeSaved } from "./saved_file.ts";

async function withDirectory(
  run: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-agent-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("what an agent saves comes back, and nothing at first (R12)", async () => {
  await withDirectory(async (directory) => {
    assertEquals(await readSaved(directory), NOTHING_SAVED);
    const saved = {
      ...NOTHING_SAVED,
      pledge: 7,
      incarnation: 99,
      epoch: 6,
      upstream: { id: 2, epoch: 6 },
    };
    await writeSaved(directory, saved);
    assertEquals(await readSaved(directory), saved);
  });
});

Deno.test("a file of an earlier version is read with what it lacks at its beginning", async () => {
  await withDirectory(async (directory) => {
    await Deno.writeTextFile(join(directory, "agent.json"), '{"pledge":3}');
    assertEquals(await readSaved(directory), { ...NOTHING_SAVED, pledge: 3 });
    // It did not tell what is followed from what is held (R12).
    await Deno.writeTextFile(join(directory, "agent.json"), '{"epoch":5}');
    const { epoch, followed } = await readSaved(directory);
    assertEquals([epoch, followed], [5, 5]);
  });
});

Deno.test("a directory is pgraft's own once an agent has pledged, founded or cloned there", async () => {
  const cases = [
    [{}, false],
    [{ pledge: 1 }, true],
    [{ incarnation: 5 }, true],
    [{ founding: 1 }, true],
  ] as const;
  for (const [patch, expected] of cases) {
    await withDirectory(async (directory) => {
      await writeSaved(directory, { ...NOTHING_SAVED, ...patch });
      assertEquals(await isManaged(directory), expected);
    });
  }
});

Deno.test("a node proposes one password, in a file that only it can read", async () => {
  await withDirectory(async (directory) => {
    const password = await ownPassword(directory);
    assert(password.length >= 32);
    assertEquals(await ownPassword(directory), password);
    const { mode } = await Deno.stat(join(directory, "replication_password"));
    assertEquals((mode ?? 0) & 0o777, 0o600);
  });
});
