import { parseArgs, type ParseOptions } from "./mod.ts";
import { assertEquals } from "@std/assert";

interface Case {
  name: string;
  args: string[];
  options?: ParseOptions;
  want: Record<string, unknown>;
}

const cases: Case[] = [
  {
    name: "leaves what is no flag in order",
    args: ["a", "-", "b"],
    want: { _: ["a", "-", "b"] },
  },
  {
    name: "makes numbers of what looks like one",
    args: ["7", "0x10", "1.5e3", "1a"],
    want: { _: [7, 16, 1500, "1a"] },
  },
  {
    name: "keeps positional strings when told",
    args: ["7"],
    options: { string: "_" },
    want: { _: ["7"] },
  },
  {
    name: "takes the next argument as a value",
    args: ["--port", "7400", "x"],
    want: { port: 7400, _: ["x"] },
  },
  {
    name: "does not take a flag as a value",
    args: ["--quiet", "--port=1"],
    want: { quiet: true, port: 1, _: [] },
  },
  {
    name: "keeps a string flag's value a string",
    args: ["--id", "007"],
    options: { string: ["id"] },
    want: { id: "007", _: [] },
  },
  {
    name: "gives a string flag without a value the empty string",
    args: ["--id"],
    options: { string: "id" },
    want: { id: "", _: [] },
  },
  {
    name: "leaves an absent string flag out",
    args: [],
    options: { string: "id" },
    want: { _: [] },
  },
  {
    name: "takes an equals sign inside a value",
    args: ["--tag=a=b"],
    want: { tag: "a=b", _: [] },
  },
  {
    name: "takes an empty value after an equals sign",
    args: ["--id="],
    options: { string: "id" },
    want: { id: "", _: [] },
  },
  {
    name: "makes an absent boolean false",
    args: [],
    options: { boolean: ["yes"] },
    want: { yes: false, _: [] },
  },
  {
    name: "does not give a boolean the next argument",
    args: ["--yes", "x"],
    options: { boolean: ["yes"] },
    want: { yes: true, _: ["x"] },
  },
  {
    name: "lets a boolean be said",
    args: ["--a=false", "--b", "false", "--c=true"],
    options: { boolean: ["a", "b", "c"] },
    want: { a: false, b: false, c: true, _: [] },
  },
  {
    name: "makes all long flags boolean when told",
    args: ["--a", "x", "-b", "y"],
    options: { boolean: true },
    want: { a: true, b: "y", _: ["x"] },
  },
  {
    name: "negates what can be negated",
    args: ["--no-color", "--no-wait"],
    options: { boolean: "color", negatable: "color" },
    want: { color: false, "no-wait": true, _: [] },
  },
  {
    name: "collects",
    args: ["--peer", "a", "--peer=b"],
    options: { string: "peer", collect: "peer" },
    want: { peer: ["a", "b"], _: [] },
  },
  {
    name: "collects nothing into an empty list",
    args: [],
    options: { string: "peer", collect: "peer" },
    want: { peer: [], _: [] },
  },
  {
    name: "keeps the last of what is not collected",
    args: ["--a=1", "--a=2"],
    want: { a: 2, _: [] },
  },
  {
    name: "fills defaults in",
    args: ["--a=1"],
    options: { default: { a: 5, b: 6 } },
    want: { a: 1, b: 6, _: [] },
  },
  {
    name: "sets every name of a flag",
    args: ["-h"],
    options: { boolean: "help", alias: { help: ["h", "?"] } },
    want: { help: true, h: true, "?": true, _: [] },
  },
  {
    name: "makes a default known under every name",
    args: [],
    options: {
      string: "config",
      alias: { config: "c" },
      default: { config: "f" },
    },
    want: { config: "f", c: "f", _: [] },
  },
  {
    name: "collects under every name",
    args: ["-p", "a", "--peer", "b"],
    options: { string: "peer", collect: "peer", alias: { peer: "p" } },
    want: { peer: ["a", "b"], p: ["a", "b"], _: [] },
  },
  {
    name: "reads clusters of letters",
    args: ["-vqn5", "-o=x"],
    want: { v: true, q: true, n: 5, o: "x", _: [] },
  },
  {
    name: "gives a cluster's last letter the next argument",
    args: ["-vc", "file"],
    options: { boolean: "v", string: "c" },
    want: { v: true, c: "file", _: [] },
  },
  {
    name: "takes a path glued to a letter",
    args: ["-c/etc/x"],
    want: { c: "/etc/x", _: [] },
  },
  {
    name: "gives a letter a lone hyphen",
    args: ["-f", "-"],
    options: { string: "f" },
    want: { f: "-", _: [] },
  },
  {
    name: "reads no flag after the dashes",
    args: ["a", "--", "--b", "7"],
    want: { _: ["a", "--b", "7"] },
  },
  {
    name: "keeps apart what follows the dashes when told",
    args: ["a", "--", "--b"],
    options: { "--": true },
    want: { _: ["a"], "--": ["--b"] },
  },
  {
    name: "stops at the first argument that is no flag when told",
    args: ["-v", "--", "x"],
    options: { boolean: "v", stopEarly: true },
    want: { v: true, _: ["x"] },
  },
  {
    name: "leaves flags after a command to the command when told",
    args: ["-v", "ctl", "--json"],
    options: { boolean: "v", stopEarly: true },
    want: { v: true, _: ["ctl", "--json"] },
  },
];

for (const { name, args, options, want } of cases) {
  Deno.test(`parseArgs() ${name}`, () => {
    assertEquals(parseArgs(args, options), want);
  });
}

Deno.test("parseArgs() hands undeclared arguments to unknown() and drops what it refuses", () => {
  const seen: unknown[][] = [];
  const args = parseArgs(["--yes", "--oops=1", "stray", "-x"], {
    boolean: ["yes"],
    unknown: (...call) => {
      seen.push(call);
      return false;
    },
  });

  assertEquals(args, { yes: true, _: [] });
  assertEquals(seen, [
    ["--oops=1", "oops", "1"],
    ["stray"],
    ["-x", "x", true],
  ]);
});

Deno.test("parseArgs() takes a collected flag for declared", () => {
  const args = parseArgs(["--tag=a"], { collect: "tag", unknown: () => false });

  assertEquals(args, { tag: ["a"], _: [] });
});

Deno.test("parseArgs() takes __proto__ as a mere name", () => {
  const args = parseArgs(["--__proto__=x"]);

  assertEquals(Object.getPrototypeOf(args), Object.prototype);
  assertEquals(Object.hasOwn(args, "__proto__"), true);
});
