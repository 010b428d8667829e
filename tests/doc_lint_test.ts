import { judgeDocumentation } from "./doc_lint.ts";
import { assertEquals } from "@std/assert";

function finding(rule: string, message: string, text: string): string {
  return `error[${rule}]: ${message}\n  --> /p/a.ts:12:14\n   | \n12 | ${text}\n   |    ^\n\n\n`;
}

const DECLARATION = finding("missing-jsdoc", "missing", "export const a = 1;");
const MEMBER = finding("missing-jsdoc", "missing", "  readonly id: number;");
const PRIVATE = finding("private-type-ref", "private 'X'", "  readonly x: X;");
function found(...findings: string[]): string {
  return `${
    findings.join("")
  }error: Found ${findings.length} documentation lint errors.\n`;
}

const cases: Array<[string, string, boolean, string[]]> = [
  ["asks nothing of a good run", "", true, []],
  ["asks for documentation of declarations", found(DECLARATION), false, [
    "/p/a.ts:12: missing (missing-jsdoc)",
  ]],
  ["lets members be", found(MEMBER), false, []],
  ["asks for every other thing everywhere", found(MEMBER, PRIVATE), false, [
    "/p/a.ts:12: private 'X' (private-type-ref)",
  ]],
  ["passes on why there is no result", "error: Module not found\n", false, [
    "error: Module not found",
  ]],
  [
    "passes all on when it cannot read a finding",
    "error[new]: x\n" + found(MEMBER, ""),
    false,
    [("error[new]: x\n" + found(MEMBER, "")).trim()],
  ],
];

for (const [name, output, success, want] of cases) {
  Deno.test(`judgeDocumentation() ${name}`, () => {
    assertEquals(judgeDocumentation(output, success), want);
  });
}
