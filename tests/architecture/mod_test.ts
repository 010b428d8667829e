import { checkArchitecture, describe } from "./mod.ts";
import { assertEquals } from "@std/assert";

interface Case {
  name: string;
  files: Record<string, string>;
  want: string[];
}

const long = (lines: number, head: string, tail: string): string =>
  `${head}\n${"  a();\n".repeat(lines - 2)}${tail}\n`;

const cases: Case[] = [
  {
    name: "lets arrows point down",
    files: {
      "main.ts": `import "./cli/mod.ts";`,
      "cli/mod.ts": `import "../server/mod.ts";`,
      "server/mod.ts": `import "../raft/mod.ts"; import "../pg/mod.ts";`,
      "raft/mod.ts":
        `import "../base/mod.ts"; import "node:fs"; import "@std/cli";`,
      "pg/mod.ts": `import "../base/mod.ts";`,
      "base/mod.ts": `export const a = 1;`,
    },
    want: [],
  },
  {
    name: "refuses an arrow that points up",
    files: {
      "raft/a.ts": `import { x } from "../server/mod.ts";`,
      "server/mod.ts": "",
    },
    want: ["raft/a.ts:1: raft may not import server"],
  },
  {
    name: "refuses an arrow across",
    files: {
      "pg/a.ts": `\nimport type { x } from "../raft/mod.ts";`,
      "raft/mod.ts": "",
    },
    want: ["pg/a.ts:2: pg may not import raft"],
  },
  {
    name: "refuses an arrow over several lines",
    files: {
      "base/a.ts": `import {\n  type x,\n  y as z,\n} from "../raft/mod.ts";`,
      "raft/mod.ts": "",
    },
    want: ["base/a.ts:4: base may not import raft"],
  },
  {
    name: "refuses a re-export",
    files: {
      "base/a.ts": `export * as x from "../raft/mod.ts";`,
      "raft/mod.ts": "",
    },
    want: ["base/a.ts:1: base may not import raft"],
  },
  {
    name: "refuses a dynamic import",
    files: {
      "base/a.ts": `const x = await import(\n  "../raft/mod.ts"\n);`,
      "raft/mod.ts": "",
    },
    want: ["base/a.ts:2: base may not import raft"],
  },
  {
    name: "refuses an imported type",
    files: {
      "base/a.ts": `type X = import('../raft/mod.ts').X;`,
      "raft/mod.ts": "",
    },
    want: ["base/a.ts:1: base may not import raft"],
  },
  {
    name: "refuses a worker's module",
    files: {
      "base/a.ts": `new Worker(new URL("../raft/mod.ts", import.meta.url));`,
      "raft/mod.ts": "",
    },
    want: ["base/a.ts:1: base may not import raft"],
  },
  {
    name: "refuses the way back to the root",
    files: { "cli/a.ts": `import "../main.ts";`, "main.ts": "" },
    want: ["cli/a.ts:1: cli may not import main.ts"],
  },
  {
    name: "refuses tests in shipped code",
    files: {
      "raft/a.ts": `import "../tests/mod.ts"; import "../std/assert/mod.ts";`,
      "tests/mod.ts": "",
      "std/assert/mod.ts": "",
    },
    want: [
      "raft/a.ts:1: raft may not import tests",
      "raft/a.ts:1: raft may not import std",
    ],
  },
  {
    name: "refuses a folder that is not in the table",
    files: { "misc/a.ts": `import "./b.ts";`, "misc/b.ts": "" },
    want: ["misc/a.ts:1: misc is no folder of the house"],
  },
  {
    name: "lets the version be read",
    files: {
      "cli/a.ts": `import v from "../deno.json" with { type: "json" };`,
    },
    want: [],
  },
  {
    name: "does not take text for imports",
    files: {
      "base/a.ts":
        '// import "../raft/mod.ts"\n/* import \'../raft/mod.ts\' */\nconst a = `import "../raft/mod.ts" ${\'import "../raft/mod.ts"\'} `;\nconst b = /import "..\\/raft\\/mod.ts"/;\nconst c = \'import "../raft/mod.ts"\';',
      "raft/mod.ts": "",
    },
    want: [],
  },
  {
    name: "finds imports after text that looks unfinished",
    files: {
      "base/a.ts":
        'const a = /[`"]/.test(`\'${`{"`}`);\nimport "../raft/mod.ts";',
      "raft/mod.ts": "",
    },
    want: ["base/a.ts:2: base may not import raft"],
  },

  {
    name: "refuses a reach past a door",
    files: {
      "server/a.ts": `import "../raft/log.ts";`,
      "raft/log.ts": "",
      "raft/mod.ts": "",
    },
    want: ["server/a.ts:1: raft/log.ts is past the door raft/mod.ts"],
  },
  {
    name: "refuses a reach past a nested door",
    files: {
      "raft/a.ts": `import "./core/log.ts";`,
      "raft/core/log.ts": "",
      "raft/core/mod.ts": "",
    },
    want: ["raft/a.ts:1: raft/core/log.ts is past the door raft/core/mod.ts"],
  },
  {
    name: "refuses a reach between nested folders",
    files: {
      "raft/a/x.ts": `import "../b/y.ts"; import "../b/mod.ts";`,
      "raft/a/mod.ts": "",
      "raft/b/y.ts": "",
      "raft/b/mod.ts": "",
    },
    want: ["raft/a/x.ts:1: raft/b/y.ts is past the door raft/b/mod.ts"],
  },
  {
    name: "lets a folder without a door belong to its parent",
    files: {
      "raft/a.ts": `import "./parts/x.ts";`,
      "raft/parts/x.ts": "",
      "raft/mod.ts": "",
    },
    want: [],
  },
  {
    name: "lets a nested folder use its parents' files",
    files: {
      "raft/memory/a.ts": `import "../ports.ts";`,
      "raft/memory/mod.ts": "",
      "raft/ports.ts": "",
      "raft/mod.ts": "",
    },
    want: [],
  },
  {
    name: "lets others use a nested folder's door",
    files: {
      "sim/a.ts": `import "../raft/core/mod.ts";`,
      "raft/core/mod.ts": "",
    },
    want: [],
  },
  {
    name: "refuses a door too deep",
    files: {
      "sim/a.ts": `import "../raft/core/log/mod.ts";`,
      "raft/core/log/mod.ts": "",
    },
    want: ["sim/a.ts:1: raft/core/log/mod.ts is a door inside raft only"],
  },
  {
    name: "lets a test reach into its own folder",
    files: {
      "raft/mod_test.ts": `import "./core/log.ts";`,
      "raft/core/log.ts": "",
      "raft/core/mod.ts": "",
    },
    want: [],
  },
  {
    name: "lets no test reach into another folder",
    files: {
      "raft/http/a_test.ts": `import "../core/log.ts";`,
      "raft/http/mod.ts": "",
      "raft/core/log.ts": "",
      "raft/core/mod.ts": "",
    },
    want: [
      "raft/http/a_test.ts:1: raft/core/log.ts is past the door raft/core/mod.ts",
    ],
  },

  {
    name: "refuses a cycle",
    files: {
      "base/a.ts": `import "./b.ts";`,
      "base/b.ts": `import "./c.ts";`,
      "base/c.ts": `import type { A } from "./b.ts";`,
    },
    want: ["base/c.ts:1: Import cycle: base/b.ts -> base/c.ts -> base/b.ts"],
  },
  {
    name: "refuses a file that imports itself",
    files: { "base/a.ts": `import "./a.ts";` },
    want: ["base/a.ts:1: Import cycle: base/a.ts -> base/a.ts"],
  },
  {
    name: "lets two ways lead to one file",
    files: {
      "base/a.ts": `import "./b.ts"; import "./c.ts";`,
      "base/b.ts": `import "./c.ts";`,
      "base/c.ts": "",
    },
    want: [],
  },

  ...[
    "Date.now()",
    "performance.now()",
    "Math.random()",
    "setTimeout(f)",
    "setInterval(f)",
    "fetch(u)",
    "Deno.env",
    "async () => 1",
    "await x",
    "Promise.resolve()",
    "crypto.subtle",
  ].map((code) => ({
    name: `refuses ${code} in a pure folder only`,
    files: {
      "raft/core/a.ts": `const x = ${code};`,
      "raft/a.ts": `const x = ${code};`,
      "raft/core/a_test.ts": `const x = ${code};`,
    },
    want: [
      `raft/core/a.ts:1: A pure folder may not say ${
        code.match(
          /^(?:Date\.now|Math\.random|fetch\(|(?:performance|Deno|crypto)\.|\w+)/,
        )?.[0]
      }`,
    ],
  })),
  {
    name: "refuses an await at a line's end",
    files: { "pg/policy/a.ts": "const x = await\n  f();" },
    want: ["pg/policy/a.ts:1: A pure folder may not say await"],
  },
  {
    name: "does not take text for impure code",
    files: {
      "pg/cluster/a.ts":
        "// await fetch(x)\nconst a = 'Date.now';\nconst prefetch = (x: number) => x;\nprefetch(1);\nconst awaited = 1;",
    },
    want: [],
  },
  {
    name: "refuses packages in a pure folder",
    files: { "pg/policy/a.ts": `import "node:fs";` },
    want: ["pg/policy/a.ts:1: A pure folder may not import node:fs"],
  },
  {
    name: "refuses impure neighbours in a pure folder",
    files: {
      "pg/policy/a.ts":
        `import "../local/mod.ts"; import "../cluster/mod.ts"; import "../../base/mod.ts";`,
      "pg/local/mod.ts": "",
      "pg/cluster/mod.ts": "",
      "base/mod.ts": "",
    },
    want: ["pg/policy/a.ts:1: A pure folder may not import ../local/mod.ts"],
  },

  {
    name: "lets a function have 70 lines",
    files: { "base/a.ts": long(70, "export function f(): void {", "}") },
    want: [],
  },
  {
    name: "refuses a longer function",
    files: { "base/a.ts": long(71, "export function f(): void {", "}") },
    want: ["base/a.ts:1: 71 lines, more than 70: export function f(): void {"],
  },
  {
    name: "refuses a longer function with parameters on lines of their own",
    files: {
      "base/a.ts": long(
        75,
        "async function f({\n  a,\n}: Options): Promise<void> {",
        "}",
      ),
    },
    want: ["base/a.ts:1: 77 lines, more than 70: async function f({"],
  },
  {
    name: "refuses a longer arrow function",
    files: { "base/a.ts": long(71, "const f = (a: number) => {", "};") },
    want: ["base/a.ts:1: 71 lines, more than 70: const f = (a: number) => {"],
  },
  {
    name: "refuses a longer method",
    files: {
      "base/a.ts": `class A {\n${
        long(80, "  async get(a: string): Promise<void> {", "  }")
      }}`,
    },
    want: [
      "base/a.ts:2: 80 lines, more than 70: async get(a: string): Promise<void> {",
    ],
  },
  {
    name: "refuses a longer method with parameters on lines of their own",
    files: {
      "base/a.ts": `class A {\n${
        long(80, "  get(\n    a: string,\n  ): void {", "  }")
      }}`,
    },
    want: ["base/a.ts:2: 82 lines, more than 70: get("],
  },
  {
    name: "does not take a long call or table for a function",
    files: {
      "base/a.ts": `${long(90, "call(a, {", "});")}${
        long(90, "const table = {", "};")
      }${long(90, "interface A {", "}")}`,
    },
    want: [],
  },
  {
    name: "does not measure tests",
    files: { "base/a_test.ts": long(600, 'Deno.test("x", () => {', "});") },
    want: [],
  },
  {
    name: "does not measure what helps tests",
    files: {
      "base/a_test_kit.ts": long(600, "export function f(): void {", "}"),
    },
    want: [],
  },
  {
    name: "measures a file that is only named like tests",
    files: { "base/test_kit.ts": "a();\n".repeat(501) },
    want: ["base/test_kit.ts:501: 501 lines, more than 500"],
  },
  {
    name: "refuses impure code in what helps the tests of a pure folder",
    files: { "raft/core/a_test_kit.ts": "const x = Date.now();" },
    want: ["raft/core/a_test_kit.ts:1: A pure folder may not say Date.now"],
  },
  {
    name: "lets a file have 500 lines",
    files: { "base/a.ts": "a();\n".repeat(500) },
    want: [],
  },
  {
    name: "refuses a longer file",
    files: { "base/a.ts": "a();\n".repeat(501) },
    want: ["base/a.ts:501: 501 lines, more than 500"],
  },
];

for (const { name, files, want } of cases) {
  Deno.test(`checkArchitecture() ${name}`, () => {
    const found = checkArchitecture(new Map(Object.entries(files)));

    assertEquals(found.map(describe), want);
  });
}
