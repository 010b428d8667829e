import { assertEquals } from "@std/assert";
import { parseIni, quoteIniValue } from "./ini.ts";

const VALUES: readonly (readonly [string, string])[] = [
  ["plain", "plain"],
  ["  spaces around  ", "spaces around"],
  ["", ""],
  ["; only a comment", ""],
  ["# only a comment", ""],
  ["a ; comment", "a"],
  ["a # comment", "a"],
  ["a\t; comment", "a"],
  ["a;b#c", "a;b#c"],
  ['"a ; b"', "a ; b"],
  ["'a # b'", "a # b"],
  ['"a ; b" ; comment', "a ; b"],
  ['"  kept  "', "  kept  "],
  ['"say \\"hi\\" \\\\ there"', 'say "hi" \\ there'],
  ["'it''s'", "it's"],
  ["'back\\slash'", "back\\slash"],
  ["it's ; comment", "it's"],
  ['host all "my ; user" all ; c', 'host all "my ; user" all'],
  ['"$user", public', '"$user", public'],
  ['"a" "b"', '"a" "b"'],
  ["'\"$user\", public'", '"$user", public'],
  ["a = b = c", "a = b = c"],
  ["[::1]:7400", "[::1]:7400"],
  ["E'x'", "E'x'"],
  ['""', ""],
  ["''", ""],
  ["(' ; ')", "(' ; ')"],
];

Deno.test("parseIni() reads values with their comments, quotes and escapes", () => {
  for (const [written, value] of VALUES) {
    const file = parseIni(`[s]\nk = ${written}`);
    assertEquals(file.errors, [], written);
    assertEquals(
      file.entries,
      [{ section: "s", key: "k", value, line: 2 }],
      written,
    );
  }
});

Deno.test("parseIni() keeps line numbers and order, and merges sections of one name", () => {
  const text = [
    "\uFEFFtop = 1",
    "; comment",
    "[a] ; comment",
    "z.x = 1",
    "",
    "[b]",
    "  # indented comment",
    "k=1",
    "[ a ]",
    "a-b = 2",
  ].join("\r\n");
  assertEquals(parseIni(text), {
    entries: [
      { section: "", key: "top", value: "1", line: 1 },
      { section: "a", key: "z.x", value: "1", line: 4 },
      { section: "b", key: "k", value: "1", line: 8 },
      { section: "a", key: "a-b", value: "2", line: 10 },
    ],
    errors: [],
  });
});

Deno.test("parseIni() names both lines of a repeated key, also across merged sections", () => {
  const file = parseIni("[a]\nk = 1\n[b]\nk = 2\n[a]\nk = 3\n[]\n");
  assertEquals(file.errors, [
    { line: 6, message: "k in [a] is already set in line 2; keep one of them" },
    { line: 7, message: "A section is written as [name] on a line of its own" },
  ]);
  assertEquals(file.entries.map((entry) => entry.value), ["1", "2"]);
});

Deno.test("parseIni() reports every line that it cannot read and reads the others", () => {
  const table: readonly (readonly [string, string])[] = [
    ["no equals", "A line is a [section], a key = value or a comment"],
    ["[open", "A section is written as [name] on a line of its own"],
    ["[a] b", "A section is written as [name] on a line of its own"],
    ["= 1", "A key is one word without quotes, brackets, ; and #"],
    ["two words = 1", "A key is one word without quotes, brackets, ; and #"],
    ['k = "open', 'The quote " is never closed'],
    ["k = a 'open ; b", "The quote ' is never closed"],
    [
      'k = "C:\\new"',
      'Only \\" and \\\\ are escapes between double quotes; write \\\\ for a backslash, or use single quotes',
    ],
  ];
  for (const [line, message] of table) {
    const file = parseIni(`[s]\n${line}\nlast = 1`);
    assertEquals(file.errors, [{ line: 2, message }], line);
    assertEquals(file.entries.at(-1)?.key, "last", line);
  }
});

Deno.test("quoteIniValue() writes what parseIni() reads back", () => {
  const values = [
    ...VALUES.map(([, value]) => value),
    'a "quote" ; and \\ more',
    " leading",
    "trailing ",
    "'open",
    '"',
    "\\",
  ];
  for (const value of values) {
    const file = parseIni(`k = ${quoteIniValue(value)}`);
    assertEquals(file.errors, [], value);
    assertEquals(file.entries[0]?.value, value);
  }
  assertEquals(quoteIniValue("plain text"), "plain text");
  assertEquals(quoteIniValue("a ; b"), '"a ; b"');
});
