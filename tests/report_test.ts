import { judge, readReport, type Report } from "./report.ts";
import { assertEquals } from "@std/assert";

const XML = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="4" failures="1" errors="0" time="0.1">
    <testsuite name="./a_test.ts" tests="3" disabled="1" errors="0" failures="1">
        <testcase name="a &amp;lt; b" classname="./a_test.ts" time="0.001" line="1" col="6">
        </testcase>
        <testcase name="bad" classname="./a_test.ts" time="0.002" line="2" col="6">
            <failure message="&lt;skipped/&gt;">&lt;/testcase&gt;</failure>
        </testcase>
        <testcase name="&quot;x&quot; &amp;lt;" classname="./a_test.ts" time="0.000" line="3" col="1">
            <skipped/>
        </testcase>
        <testcase name="short" classname="./a_test.ts" time="0.000"/>
    </testsuite>
</testsuites>`;

const NONE: Report = { passed: 0, failed: 0, skipped: [] };

Deno.test("readReport() counts every kind of result and names what was skipped", () => {
  assertEquals(readReport(XML), {
    passed: 2,
    failed: 1,
    skipped: ['./a_test.ts: "x" &lt;'],
  });
});

Deno.test("readReport() finds nothing in no report", () => {
  assertEquals(readReport(""), NONE);
});

type Case = [string, [Report, number, boolean], string, number];

const cases: readonly Case[] = [
  [
    "passes a good run",
    [{ ...NONE, passed: 3 }, 0, true],
    "3 passed, 0 failed",
    0,
  ],
  [
    "fails a run with a failure",
    [{ ...NONE, passed: 3, failed: 2 }, 1, false],
    "3 passed, 2 failed",
    1,
  ],
  [
    "fails a run with a failure even if deno says 0",
    [{ ...NONE, failed: 2 }, 0, false],
    "0 passed, 2 failed",
    1,
  ],
  [
    "fails a run that broke",
    [{ ...NONE, passed: 3 }, 1, false],
    "3 passed, 1 failed",
    1,
  ],
  ["fails a run of nothing", [NONE, 0, false], "0 passed, 1 failed", 1],
  [
    "fails a run of skipped tests only",
    [{ ...NONE, skipped: ["a"] }, 0, false],
    "0 passed, 1 failed, 1 skipped",
    1,
  ],
  [
    "lets a test be skipped",
    [{ ...NONE, passed: 1, skipped: ["a"] }, 0, false],
    "1 passed, 0 failed, 1 skipped",
    0,
  ],
  [
    "lets no test be skipped where CI is set",
    [{ ...NONE, passed: 1, skipped: ["a"] }, 0, true],
    "1 passed, 0 failed, 1 skipped",
    1,
  ],
];

for (const [name, [report, exitCode, strict], last, code] of cases) {
  Deno.test(`judge() ${name}`, () => {
    const verdict = judge([{ report, exitCode }], strict);

    assertEquals(verdict.lines.at(-1), last);
    assertEquals(verdict.code, code);
  });
}

Deno.test("judge() names what was skipped", () => {
  const report = { passed: 1, failed: 0, skipped: ["f: t"] };
  const { lines } = judge([{ report, exitCode: 0 }], false);

  assertEquals(lines[0], "Skipped: f: t");
});

Deno.test("judge() adds runs up, and fails them all for one that broke", () => {
  const good = { report: { ...NONE, passed: 3 }, exitCode: 0 };
  const bad = { report: { ...NONE, passed: 4, failed: 2 }, exitCode: 1 };
  const broken = { report: { ...NONE, passed: 5 }, exitCode: 1 };

  assertEquals(judge([good, good], true), {
    lines: ["6 passed, 0 failed"],
    code: 0,
  });
  assertEquals(
    judge([good, bad, broken], true).lines.at(-1),
    "12 passed, 3 failed",
  );
  assertEquals(judge([broken, good], true).code, 1);
});
