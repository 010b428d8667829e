import { assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "./commands.ts";
import { completionScript, SHELLS } from "./completions.ts";
import { longName } from "./options.ts";
import { runMain } from "./test_support.ts";
import { growTree, listNodes, wordsOf } from "./tree.ts";

const ROOT = growTree(COMMANDS);

for (const shell of SHELLS) {
  Deno.test(`the ${shell} script knows every command, other name and option`, () => {
    const script = completionScript(shell, ROOT);
    for (const { row } of listNodes(ROOT)) {
      for (const path of [row.path, ...row.aliases ?? []]) {
        const place = wordsOf(path).map((word) => `/${word}`).join("");
        assertStringIncludes(script, `'${place}'`);
      }
      for (const key of Object.keys(row.options)) {
        const name = longName(key);
        assertStringIncludes(script, shell === "fish" ? name.slice(2) : name);
      }
    }
  });
}

Deno.test("completions prints the script that was asked for", async () => {
  const { code, out } = await runMain(["completions", "zsh"]);

  assertEquals([code, out], [0, completionScript("zsh", ROOT)]);
});

Deno.test("completions names the shells it knows", async () => {
  const { code, err } = await runMain(["completions", "csh"]);

  assertEquals(code, 2);
  assertStringIncludes(err, "bash, zsh, fish");
});

/** Lets bash complete a line; the last word is what is being typed. */
async function completeInBash(words: readonly string[]): Promise<string[]> {
  const script = `${completionScript("bash", ROOT)}
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _pgraft
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", script, "bash", ...words],
    stdin: "null",
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).trim().split("\n");
}

const cases: Array<[string, string[], string[]]> = [
  ["a command", ["pgraft", "se"], ["serve"]],
  ["a command below", ["pgraft", "ctl", "tr"], ["transfer"]],
  ["past an option's value", ["pgraft", "ctl", "--api", "kv", "tr"], [
    "transfer",
  ]],
  ["below another name", ["pgraft", "ctl", "node", "pro"], ["promote"]],
  ["other names", ["pgraft", "ctl", "show", "no"], ["nodes"]],
  ["an option", ["pgraft", "ctl", "kv", "put", "k", "--if"], ["--if-revision"]],
  ["the words of an option", ["pgraft", "ctl", "nodes", "add", "--role", "w"], [
    "witness",
  ]],
  ["the words of an argument", ["pgraft", "completions", "f"], ["fish"]],
  ["a setting", ["pgraft", "serve", "--raft-el"], ["--raft-election-timeout"]],
];

const hasBash = await Deno.stat("/bin/bash").then(() => true, () => false);

for (const [name, words, want] of cases) {
  Deno.test({
    name: `the bash script completes ${name}`,
    ignore: !hasBash,
    fn: async () => {
      assertEquals(await completeInBash(words), want);
    },
  });
}
