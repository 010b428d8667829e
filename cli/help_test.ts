import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "./commands.ts";
import { fullHelp, HELP_WIDTH, shortHelp } from "./help.ts";
import { longName } from "./options.ts";
import { runMain } from "./test_support.ts";
import { findNode, growTree, listNodes, wordsOf } from "./tree.ts";

const ROOT = growTree(COMMANDS);

for (const node of listNodes(ROOT)) {
  const name = `pgraft ${node.row.path}`.trim();

  Deno.test(`${name} --help fits ${HELP_WIDTH} columns and shows examples first`, () => {
    const text = fullHelp(node, false);
    for (
      const line of [...text.split("\n"), ...shortHelp(node, false).split("\n")]
    ) {
      // A command line to copy is not broken, so it must be short enough.
      assert(line.length <= HELP_WIDTH, line);
      assertEquals(line, line.trimEnd());
    }
    const examples = text.indexOf("Examples:");
    assert(examples > 0 && examples < text.indexOf("Usage:"), text);
    assert(!text.includes("undefined") && !text.includes("null"), text);
  });

  Deno.test(`${name} --help names all of its options and arguments`, () => {
    const text = fullHelp(node, false);
    for (const key of Object.keys(node.row.options)) {
      assertStringIncludes(text, longName(key));
    }
    if (node.row.kind === "group") return;
    for (const { placeholder } of Object.values(node.row.args)) {
      assertStringIncludes(text, placeholder);
    }
  });
}

Deno.test("--help goes to standard output and ends well at every level", async () => {
  for (const { row } of listNodes(ROOT)) {
    const { code, out, err } = await runMain([...wordsOf(row.path), "--help"]);

    assertEquals([code, err], [0, ""]);
    assertStringIncludes(out, row.summary.split(" ")[0] ?? "");
  }
});

Deno.test("help COMMAND prints what COMMAND --help prints", async () => {
  const one = await runMain(["help", "ctl", "kv", "put"]);
  const other = await runMain(["ctl", "kv", "put", "--help"]);

  assertEquals(one, other);
});

Deno.test("help names the nearest of what there is not", async () => {
  const { code, out, err } = await runMain(["help", "ctl", "kv", "putt"]);

  assertEquals([code, out], [2, ""]);
  assertStringIncludes(err, "did you mean ctl kv put");
});

Deno.test("ctl --help tells the exit codes", async () => {
  const { out } = await runMain(["ctl", "--help"]);

  assertStringIncludes(out, "3    There is no leader or no quorum");
});

Deno.test("a group without a command prints short help", async () => {
  const { code, out, err } = await runMain(["ctl", "nodes"]);

  assertEquals([code, err], [0, ""]);
  assertStringIncludes(out, "promote");
  assertStringIncludes(out, "More: pgraft ctl nodes --help");
});

Deno.test("a group of other names lists what they stand for", () => {
  const node = findNode(ROOT, ["ctl", "show"]);
  const text = node === null ? "" : shortHelp(node, false);

  assertStringIncludes(text, "The same as pgraft ctl nodes list");
});

Deno.test("a wrong command line says what to read, on standard error", async () => {
  const { code, out, err } = await runMain(["ctl", "nodes", "lst"]);

  assertEquals([code, out], [2, ""]);
  assertStringIncludes(err, "did you mean list");
  assertStringIncludes(err, "pgraft ctl nodes --help");
});

Deno.test("a wrong command line cannot upset the terminal", async () => {
  const { err } = await runMain(["ctl\x1b[2J\x9b"]);

  assertEquals(err.includes("\x1b") || err.includes("\x9b"), false);
});
