import { judgeDocumentation } from "./doc_lint.ts";
import { assertEquals } from "@std/assert";

function finding(rule: string, message: string, place: string): string {
  return `error[${rule}]: ${message}\n  --> ${place}\n   | \n12 | text\n   |    ^\n\n\n`;
}

const DECLARATION = finding("missing-jsdoc", "missing", "/p/a.ts:12:1");
const MEMBER = finding("missing-jsdoc", "missing", "/p/a.ts:13:12");
const PRIVATE = finding("private-type-ref", "private 'X'", "/p/b.ts:3:5");
const END = "error: Found 3 documentation lint errors.\n";

const cases: Array<[string, string, boolean, string[]]> = [
  ["asks nothing of a good run", "", true, []],
  ["asks for documentation of declarations", DECLARATION + END, false, [
    "/p/a.ts:12: missing (missing-jsdoc)",
  ]],
  ["lets members be", MEMBER + END, false, []],
  ["asks for every other thing everywhere", MEMBER + PRIVATE + END, false, [
    "/p/b.ts:3: private 'X' (private-type-ref)",
  ]],
  ["passes on why there is no result", "error: Module not found\n", false, [
    "error: Module not found",
  ]],
];

for (const [name, output, success, want] of cases) {
  Deno.test(`judgeDocumentation() ${name}`, () => {
    assertEquals(judgeDocumentation(output, success), want);
  });
}
