import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import manifest from "../deno.json" with { type: "json" };
import { freePort } from "../base/mod.ts";
import { standIn } from "./test_support.ts";

const PROGRAM = join(import.meta.dirname ?? ".", "..", "main.ts");

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the program as a process of its own. */
async function pgraft(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM, ...args],
    env: { PGRAFT_API: "", NO_COLOR: "", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("pgraft --version names version, deno and system", async () => {
  const { code, out, err } = await pgraft(["--version"]);

  assertEquals([code, err], [0, ""]);
  assertMatch(out, /^pgraft \S+ \(deno \d+\.\d+\.\d+, \w+ \w+\)\n$/);
  assertStringIncludes(out, manifest.version);
});

Deno.test("pgraft exits 2 for an unknown command and names the nearest", async () => {
  const { code, out, err } = await pgraft(["sevre"]);

  assertEquals([code, out], [2, ""]);
  assertStringIncludes(err, "did you mean serve");
});

Deno.test("pgraft ctl reaches a node from a process of its own", async () => {
  await using node = standIn(() => Response.json({ value: "v" }));
  const { code, out } = await pgraft(["ctl", "kv", "get", "k"], {
    PGRAFT_API: node.api,
  });

  assertEquals([code, out], [0, "v"]);
});

Deno.test("pgraft ctl exits 1 where nobody listens", async () => {
  const { code } = await pgraft(["ctl", "status"], {
    PGRAFT_API: `127.0.0.1:${freePort()}`,
  });

  assertEquals(code, 1);
});

const hasScript = await Deno.stat("/usr/bin/script").then(
  () => true,
  () => false,
);

/** Runs the program on a terminal. */
async function onTerminal(
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const { stdout } = await new Deno.Command("/usr/bin/script", {
    args: ["-qec", `"${Deno.execPath()}" run -A "${PROGRAM}" ctl`, "/dev/null"],
    env: { TERM: "xterm", NO_COLOR: "", ...env },
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name: "pgraft colours a terminal, but not with NO_COLOR or a dumb one",
  ignore: !hasScript,
  fn: async () => {
    assertStringIncludes(await onTerminal({}), "\x1b[1mUsage:");
    assertEquals((await onTerminal({ NO_COLOR: "1" })).includes("\x1b"), false);
    assertEquals((await onTerminal({ TERM: "dumb" })).includes("\x1b"), false);
  },
});

Deno.test("pgraft colours no pipe", async () => {
  const { out } = await pgraft(["ctl"], { TERM: "xterm" });

  assertEquals(out.includes("\x1b"), false);
});

Deno.test("pgraft ends with 130 at Ctrl-C", async () => {
  await using node = standIn(() => Response.json({ nodes: [] }));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM, "ctl", "nodes", "list", "-w0.05"],
    env: { PGRAFT_API: node.api },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let text = "";
  let isTold = false;
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    // The first line shows that it watches, so that it hears the signal.
    if (!isTold && text.includes("\n")) {
      isTold = true;
      child.kill("SIGINT");
    }
  }
  const { code } = await child.status;

  assertEquals(code, 130);
  assertEquals(JSON.parse(text.split("\n")[0] ?? "").nodes, []);
});

Deno.test("pgraft ends when the reader of its output has gone", async () => {
  await using node = standIn(() => Response.json({ nodes: [] }));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM, "ctl", "nodes", "list", "-w0.05"],
    env: { PGRAFT_API: node.api },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await child.stdout.cancel();
  const { code, stderr } = await child.output();

  assertEquals([code, new TextDecoder().decode(stderr)], [141, ""]);
});
