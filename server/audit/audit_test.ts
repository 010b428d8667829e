import { assertEquals } from "@std/assert";
import { configureLogging } from "../logging/mod.ts";
import { type AuditedCall, type AuditMode, createAudit } from "./audit.ts";
import { summaryOf } from "./summary.ts";

const CALL: AuditedCall = {
  kind: "control",
  caller: "admin token",
  from: "10.0.0.9",
  call: "POST /v1/switchover",
  request: '{"target":2}',
  outcome: "done",
  tookMs: 12.34567,
  requestId: "c0ffee",
};

/** The lines that calls leave in a log, without their times. */
async function linesOf(
  mode: AuditMode,
  ...calls: Partial<AuditedCall>[]
): Promise<string[]> {
  const written: Uint8Array[] = [];
  const logging = configureLogging({
    level: "info",
    format: "text",
    node: { id: 1, name: "node1" },
    output: {
      write: (bytes: Uint8Array) => {
        written.push(bytes.slice());
        return Promise.resolve(bytes.length);
      },
      writeSync: (bytes: Uint8Array) => bytes.length,
    },
  });
  const audit = createAudit(mode);
  for (const call of calls) audit.tell({ ...CALL, ...call });
  await logging.dispose();
  const text = written.map((one) => new TextDecoder().decode(one)).join("");
  return text.split("\n").filter((line) => line !== "").map((line) =>
    line.slice(line.indexOf(" ") + 1).replace(/ +/g, " ")
  );
}

Deno.test("a changing call is one line that says who, from where, what and what came of it", async () => {
  assertEquals(await linesOf("control", {}), [
    'INFO node1 audit: A changing call was answered caller="admin token" from=10.0.0.9 call="POST /v1/switchover" request="target=2" outcome=done ms=12.346 requestId=c0ffee',
  ]);
});

const DATA = { kind: "data" } as const;
const TURNED_AWAY = { caller: "nobody", outcome: "forbidden" } as const;

const CASES: [AuditMode, string, Partial<AuditedCall>, number][] = [
  ["control", "a change of the cluster", {}, 1],
  ["control", "a change of a key", DATA, 0],
  ["control", "a change of a key that was turned away", {
    ...DATA,
    ...TURNED_AWAY,
  }, 1],
  ["control", "a change of a key that failed", {
    ...DATA,
    outcome: "no_quorum",
  }, 0],
  ["all", "a change of a key", DATA, 1],
  ["off", "a change of the cluster", {}, 0],
  ["off", "a change that was turned away", TURNED_AWAY, 0],
];

for (const [mode, what, call, count] of CASES) {
  Deno.test(`audit = ${mode} writes ${what} ${count} times`, async () => {
    assertEquals((await linesOf(mode, call)).length, count);
  });
}

const SUMMARIES: [unknown, string | null][] = [
  ["", null],
  ["{}", null],
  ["no JSON", null],
  ['{"mode":"strict"}', "mode=strict"],
  ['{"value":"secret","if_revision":3}', "value if_revision=3"],
  ['{"sql":"alter role a password \'x\'"}', "sql"],
  [
    '{"parameters":{"jit":null,"primary_conninfo":"password=x"}}',
    "parameters=(jit,primary_conninfo)",
  ],
  ['{"success":[1,2]}', "success[2]"],
  [{ key: "a", value: "b", node_id: 3 }, "key value node_id=3"],
  [`{"mode":"${"x".repeat(1000)}"}`, `mode=${"x".repeat(100)}`],
];

for (const [request, want] of SUMMARIES) {
  const shown = JSON.stringify(request).slice(0, 60);
  Deno.test(`summaryOf() says of ${shown} no more than may be read`, () => {
    assertEquals(summaryOf(request), want);
  });
}
