import { assertEquals, assertThrows } from "@std/assert";
import { Problem } from "../http/mod.ts";
import { parseStatement } from "./statement.ts";

function call(operation: string, values: unknown): string {
  const json = JSON.stringify({ operation, arguments: values });
  return `CALL ${new TextEncoder().encode(json).toHex()}`;
}

const UNDERSTOOD: readonly (readonly [string, unknown])[] = [
  ["", { kind: "empty" }],
  [" ; ", { kind: "empty" }],
  [
    "SELECT pgraft_version()",
    { kind: "select", name: "pgraft_version", arguments: [] },
  ],
  [
    "select * from pgraft.Member_List ;",
    { kind: "select", name: "member_list", arguments: null },
  ],
  [
    "SELECT public.pgraft_kv_put('it''s', NULL)",
    { kind: "select", name: "pgraft_kv_put", arguments: ["it's", null] },
  ],
  [
    "SELECT * FROM pgraft_init(1 , 'h',-5)",
    { kind: "select", name: "pgraft_init", arguments: [1, "h", -5] },
  ],
  [
    "select pgraft_set_debug(TRUE)",
    { kind: "select", name: "pgraft_set_debug", arguments: [true] },
  ],
  [
    "select pgraft_kv_put('a\\', ''');')",
    {
      kind: "select",
      name: "pgraft_kv_put",
      arguments: ["a\\", "');"],
    },
  ],
  [
    "SET client_encoding TO 'LATIN1'",
    { kind: "set_encoding", encoding: "LATIN1" },
  ],
  [call("x", ["ü", null, 1, false]), {
    kind: "call",
    operation: "x",
    arguments: ["ü", null, 1, false],
  }],
];

for (const [text, expected] of UNDERSTOOD) {
  Deno.test(`parseStatement() understands ${JSON.stringify(text)}`, () => {
    assertEquals<unknown>(parseStatement(text), expected);
  });
}

const REFUSED = [
  "SELECT 1",
  "SELECT pgraft_version(); DROP TABLE t",
  "SELECT pgraft_kv_put('a', 'b'",
  "SELECT pgraft_kv_put('a' 'b')",
  "SELECT pgraft_kv_put('a',)",
  "SELECT pgraft_kv_put(a)",
  "SELECT pgraft_kv_put(1.5)",
  "SELECT pgraft_kv_put(1,2,3,4,5,6,7,8,9)",
  "SELECT pgraft_kv_put(pgraft_version())",
  "SELECT * FROM pg_catalog.pg_class",
  "SELECT * FROM member_list WHERE true",
  "UPDATE member_list SET status = 1",
  "SET client_encoding TO 'x'; SELECT 1",
  "CALL 0",
  "CALL 00ff",
  "call 7b7d",
  call("x", ["1", [2]]),
  call("x", [1.5]),
  call("x", new Array(9).fill(0)),
  call("x", "y"),
];

for (const text of REFUSED) {
  Deno.test(`parseStatement() refuses ${JSON.stringify(text).slice(0, 60)}`, () => {
    assertThrows(() => parseStatement(text), Problem);
  });
}
