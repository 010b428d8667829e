import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";

const ROOT = join(import.meta.dirname ?? ".", "..");

async function runExample(...args: string[]): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", ...args],
    cwd: ROOT,
    stdin: "null",
  });
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stdout) + decoder.decode(stderr));
  return decoder.decode(stdout);
}

Deno.test("examples/counter.ts counts on one node and on three", async () => {
  assertMatch(await runExample("examples/counter.ts"), /: 15\n$/);
  const three = await runExample("examples/counter.ts", "--nodes", "3");
  assertMatch(three, /: 15, 15, 15\n$/);
});

Deno.test("examples/distributed.ts loses two leaders and no write, in memory", async () => {
  const text = await runExample("examples/distributed.ts");
  assertMatch(text, / 0 lost/);
  assertMatch(text, /\nConsistent\.\n$/);
});

Deno.test("examples/distributed.ts does so over files, and again on what it left", async () => {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-test-" });
  try {
    for (let run = 0; run < 2; run++) {
      const args = ["examples/distributed.ts", "--files", directory];
      assertMatch(await runExample(...args), / 0 lost[^]*\nConsistent\.\n$/);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  assertMatch(
    await runExample("examples/distributed.ts", "--files"),
    /\nConsistent\.\n$/,
  );
});
