import { assertEquals, assertStringIncludes } from "@std/assert";
import { painter } from "../style.ts";
import { systemIo } from "../mod.ts";
import { type CheckReport, printReport, reportLines } from "./check.ts";

const REPORT: CheckReport = {
  ok: true,
  problems: [],
  postgresql: "PostgreSQL 18.4 from npm",
  writable_ms: 4231,
  whole_ms: 4300,
  write_gap_ms: 268,
  back_ms: 700,
  total_ms: 8100,
  killed: 3,
  primary: 1,
  epoch: 2,
  rows_acknowledged: 250,
  rows_doubtful: 1,
  rows_lost: 0,
  rows_twice: 0,
};

Deno.test("reportLines() shows every figure and the verdict", () => {
  assertEquals(reportLines(REPORT, painter(false)), [
    "pgraft demo --check, PostgreSQL 18.4 from npm",
    "",
    "WHAT                                        FIGURE",
    "start of three nodes until the first row    4.23 s",
    "start until both standbys streamed          4.30 s",
    "node 3 killed: longest time without writes  0.27 s",
    "node 3 started until it streamed again      0.70 s",
    "all of it                                   8.10 s",
    "rows acknowledged                           250",
    "rows without an answer, there or not        1",
    "acknowledged rows lost                      0",
    "rows there twice                            0",
    "",
    "As promised: node 1 is the primary, in epoch 2",
  ]);
});

Deno.test("a check that found something exits 1, and says what", async () => {
  const problems = ["the primary lacks 2 acknowledged rows"];
  const report = { ...REPORT, ok: false, problems, rows_lost: 2 };
  for (const json of [false, true]) {
    const said: string[] = [];
    const io = {
      ...systemIo(),
      color: false,
      out: (text: string | Uint8Array) =>
        Promise.resolve(void said.push(`${text}`)),
    };
    assertEquals(await printReport(report, json, io), 1);
    assertStringIncludes(said.join(""), problems.join(""));
    if (json) assertEquals(JSON.parse(said.join("")), report);
    assertEquals(await printReport(REPORT, json, io), 0);
  }
});
