import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { exists } from "./files.ts";
import { type Made, withKit } from "./instance_test_kit.ts";

const MAX_BYTES = 64 * 1024;

/** Has the server write numbered lines of 200 bytes. */
async function chatter(made: Made, from: number, to: number): Promise<void> {
  await made.instance.query(
    `do $$ begin for i in ${from}..${to} loop
       raise log 'line % %', i, repeat('x', 200); end loop; end $$`,
  );
}

function numbersIn(text: string): number[] {
  return [...text.matchAll(/LOG: {2}line (\d+) /g)].map(([, n]) => Number(n));
}

Deno.test("the server's log has a bound in size and number, loses no line, and goes on in the same file", () =>
  withKit(async (kit) => {
    const made = await kit.primary("a", {
      serverLog: { maxBytes: MAX_BYTES, files: 3 },
    });
    const log = join(made.options.runDir, "server.log");
    assertEquals(await made.instance.rotateLog(), false);
    for (let round = 0; round < 4; round++) {
      await chatter(made, round * 400, round * 400 + 399);
      const turns = [made.instance.rotateLog(), made.instance.rotateLog()];
      assertEquals(await Promise.all(turns), [true, false]);
      // What the server says by itself meanwhile, of a checkpoint for one, stands in it already.
      assertEquals(numbersIn(await Deno.readTextFile(log)), []);
    }
    await chatter(made, 1600, 1600);
    const texts = await Promise.all(
      [`${log}.2`, `${log}.1`, log].map((path) => Deno.readTextFile(path)),
    );
    const expected = Array.from({ length: 801 }, (_, at) => 800 + at);
    assertEquals(texts.flatMap(numbersIn), expected);
    assertEquals(await exists(`${log}.3`), false);
    assertEquals(((await Deno.stat(`${log}.1`)).mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("why a stream broke is found in a log that was put aside meanwhile", () =>
  withKit(async (kit) => {
    const made = await kit.primary("a", {
      serverLog: { maxBytes: MAX_BYTES, files: 1 },
    });
    await chatter(made, 1, 400);
    const sinceBytes = await made.instance.logBytes();
    assert(await made.instance.rotateLog());
    assertEquals(await made.instance.brokenStream(sinceBytes), null);
    await made.instance.query(
      "do $$ begin raise log 'requested WAL segment 0001 has already been removed'; end $$",
    );
    assertMatch(
      await made.instance.brokenStream(sinceBytes) ?? "",
      /already been removed/,
    );
    assertEquals(
      await exists(join(made.options.runDir, "server.log.1")),
      false,
    );
  }));
