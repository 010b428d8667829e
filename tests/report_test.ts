import { judge, readReport } from "./report.ts";
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

const NONE = { passed: 0, failed: 0, skipped: [] };

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

const cases: Array<[string, Parameters<typeof judge>, string, number]> = [
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

for (const [name, args, last, code] of cases) {
  Deno.test(`judge() ${name}`, () => {
    const verdict = judge(...args);

    assertEquals(verdict.lines.at(-1), last);
    assertEquals(verdict.code, code);
  });
}

Deno.test("judge() names what was skipped", () => {
  const { lines } = judge(
    { passed: 1, failed: 0, skipped: ["f: t"] },
    0,
    false,
  );

  assertEquals(lines[0], "Skipped: f: t");
});
