import { assert, assertEquals } from "@std/assert";
import { INITDB_OPTIONS_TYPE } from "./initdb_options.ts";
import {
  ADDRESS_TYPE,
  BOOLEAN_TYPE,
  byteSizeType,
  durationType,
  integerType,
  MEMBERS_TYPE,
  NAME_TYPE,
  optionalType,
  PATH_TYPE,
  PEERS_TYPE,
  USER_TYPE,
  type ValueType,
  wordType,
} from "./value_types.ts";

interface Row {
  readonly type: ValueType<unknown>;
  /** Each text with what it is written as again. */
  readonly allowed: Readonly<Record<string, string>>;
  readonly refused: readonly string[];
}

const ROWS: Readonly<Record<string, Row>> = {
  integer: {
    type: integerType({ min: 1, max: 1000 }),
    allowed: { "1": "1", "1000": "1000", "007": "7" },
    refused: ["0", "1001", "", "-1", "1.5", "0x1", "1e2", " 1", "NaN"],
  },
  "negative integer": {
    type: integerType({ min: -20, max: 0 }),
    allowed: { "-20": "-20", "0": "0" },
    refused: ["-21", "1", "-", "--1", "- 1"],
  },
  "options of initdb": {
    type: INITDB_OPTIONS_TYPE,
    allowed: {
      "": "",
      " --wal-segsize=64  --lc-time=C ": "--wal-segsize=64 --lc-time=C",
    },
    refused: [
      "--wal-segsize 64",
      "--wal-segsize=",
      "-D/tmp",
      "--pgdata=/tmp",
      "--waldir=/wal",
      "--no-data-checksums",
      "--auth=trust",
    ],
  },
  boolean: {
    type: BOOLEAN_TYPE,
    allowed: {
      true: "true",
      ON: "true",
      yes: "true",
      "1": "true",
      off: "false",
      No: "false",
    },
    refused: ["", "maybe", "2", "tru"],
  },
  word: {
    type: wordType(["info", "warning"], { warn: "warning" }),
    allowed: { info: "info", INFO: "info", warn: "warning" },
    refused: ["", "toString", "inf"],
  },
  size: {
    type: byteSizeType({ min: 1024, max: 1048576 }),
    allowed: { "1kB": "1kB", "1024": "1kB", "1MB": "1MB", "1025": "1025" },
    refused: ["1023", "1048577", "", "1EB"],
  },
  duration: {
    type: durationType({ min: 100, max: 60000 }, "ms"),
    allowed: { "100": "100ms", "1s": "1s", "1min": "1min" },
    refused: ["99", "61s", "", "1 parsec"],
  },
  "duration in seconds": {
    type: durationType({ min: 1000, max: 60000 }, "s"),
    allowed: { "5": "5s", "2000ms": "2s" },
    refused: ["0", "61"],
  },
  name: {
    type: NAME_TYPE,
    allowed: { node1: "node1", "a.b-c_d": "a.b-c_d" },
    refused: ["", " a", "a b", ".a", "-a", "ä", "a/b", "a".repeat(64)],
  },
  user: {
    type: USER_TYPE,
    allowed: { postgres: "postgres", "my user": "my user", "ä": "ä" },
    refused: ["", "a\nb", "ä".repeat(32)],
  },
  path: {
    type: PATH_TYPE,
    allowed: { "/a/b": "/a/b", "/a/": "/a", "/": "/", "//": "/" },
    refused: ["", "a", "./a", "~/a", "/a\u0000b", "/a\nb"],
  },
  address: {
    type: ADDRESS_TYPE,
    allowed: { "10.0.0.1:7400": "10.0.0.1:7400", "[::1]:7400": "[::1]:7400" },
    refused: ["", "7400", "::1:7400", "a:0"],
  },
  members: {
    type: MEMBERS_TYPE,
    allowed: {
      "": "",
      "1@10.0.0.1:7400": "1@10.0.0.1:7400",
      "2@b:1,1@[::1]:2": "1@[::1]:2, 2@b:1",
      "1000@a:1 ,  1@a:2": "1@a:2, 1000@a:1",
    },
    refused: [
      "0@a:1",
      "1001@a:1",
      "@a:1",
      "a:1",
      "1@a",
      "1@a:1,",
      "1@a:1, 1@b:1",
      "1@a:1, 2@A:1",
      "1@a:1 2@b:1",
      "x@a:1",
    ],
  },
  peers: {
    type: PEERS_TYPE,
    allowed: { "": "", "a:1": "a:1", "2@a:1, b:2": "a:1, b:2" },
    refused: ["a", "x@a:1", "a:1,,b:2", "a:1 b:2"],
  },
  optional: {
    type: optionalType(PATH_TYPE, "none"),
    allowed: { "": "", "/a": "/a" },
    refused: ["a"],
  },
};

for (const [name, { type, allowed, refused }] of Object.entries(ROWS)) {
  Deno.test(`the ${name} type reads what is allowed and refuses the rest`, () => {
    for (const [text, written] of Object.entries(allowed)) {
      const parsed = type.parse(text);
      assert(parsed.ok, `${JSON.stringify(text)} must be allowed`);
      assertEquals(type.format(parsed.value), written);
      assertEquals(type.parse(written), parsed, `${written} must be read back`);
    }
    for (const text of refused) {
      assertEquals(
        type.parse(text).ok,
        false,
        `${JSON.stringify(text)} must be refused`,
      );
    }
  });
}

Deno.test("the members type says which member is wrong", () => {
  const table: readonly (readonly [string, string])[] = [
    ["1@a:1, 2@", '"2@" is no member'],
    ["1@a:1, 1@b:1", "id 1 stands there twice"],
    ["1@a:1, 2@a:1", "a:1 stands there twice"],
  ];
  for (const [text, reason] of table) {
    assertEquals(MEMBERS_TYPE.parse(text), { ok: false, reason });
  }
});
