import { assert, assertEquals } from "@std/assert";
import {
  MAX_TEXT_CHARS,
  MAX_VALUES,
  type Plain,
  plainFields,
} from "./plain.ts";

const OBJECTS = { errors: "object", stacks: false } as const;
const TEXTS = { errors: "text", stacks: false } as const;

function plain(value: unknown): Plain | undefined {
  return Object.fromEntries(plainFields({ value }, OBJECTS))["value"];
}

Deno.test("plainFields() makes every kind of value writable as JSON", () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const hostile = {
    get bad(): never {
      throw new Error("No");
    },
  };
  const table: readonly (readonly [unknown, Plain | undefined])[] = [
    [1.5, 1.5],
    [NaN, "NaN"],
    [10n, "10"],
    [null, null],
    [undefined, undefined],
    [true, true],
    [Symbol("s"), "Symbol(s)"],
    [() => 1, "[function]"],
    [new Uint8Array(3), "[3 bytes]"],
    [new Date(0), "1970-01-01T00:00:00.000Z"],
    [new Date(NaN), "null"],
    [new URL("http://a/"), "http://a/"],
    [new Map<unknown, unknown>([[1, { b: 2 }]]), { 1: { b: 2 } }],
    [new Set([1, [2]]), [1, [2]]],
    [[undefined], ["undefined"]],
    [circle, { self: "[circular]" }],
    [{ ok: 1, hostile }, { ok: 1, hostile: "[unreadable]" }],
    [JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}')],
    [[[[[[[1]]]]]], [[[[["[deep]"]]]]]],
  ];
  for (const [value, expected] of table) {
    assertEquals(plain(value), expected, String(typeof value));
  }
});

Deno.test("plainFields() shows the same object twice when it is no circle", () => {
  const shared = { a: 1 };
  assertEquals(plain([shared, shared]), [shared, shared]);
});

Deno.test("plainFields() hides what stands under a secret's name at every depth", () => {
  const hidden = "hunter2";
  const fields = plainFields({
    token: hidden,
    list: [{ userPassword: { inner: hidden } }],
    map: new Map([["secret", hidden]]),
    url: new URL(`http://joe:${hidden}@a/`),
    error: new Error(`password=${hidden}`, { cause: { api_token: hidden } }),
  }, OBJECTS);
  assertEquals(JSON.stringify(fields).includes(hidden), false);
  assertEquals(Object.fromEntries(fields)["token"], "[redacted]");
});

Deno.test("plainFields() shows errors with their causes", () => {
  const error = new TypeError("Outer", { cause: new Error("Inner") });
  assertEquals(plain(error), {
    name: "TypeError",
    message: "Outer",
    cause: { name: "Error", message: "Inner" },
  });
  assertEquals(plainFields({ error }, TEXTS), [
    ["error", "TypeError: Outer; caused by Error: Inner"],
  ]);
  const [[, text] = []] = plainFields({ error }, { ...TEXTS, stacks: true });
  assert(String(text).includes("plain_test.ts"), String(text));
});

Deno.test("plainFields() ends at an error that is its own cause", () => {
  const error = new Error("Round");
  error.cause = error;
  assertEquals(plain(error), {
    name: "Error",
    message: "Round",
    cause: "[circular]",
  });
  const [[, text] = []] = plainFields({ error }, TEXTS);
  assertEquals(String(text).split("Round").length - 1, 5);
});

Deno.test("plainFields() bounds what one event shows", () => {
  const list = plain(Array.from({ length: 10 * MAX_VALUES }, (_, i) => i));
  assert(Array.isArray(list));
  assertEquals(list.length, MAX_VALUES);
  assertEquals(list.at(-1), "[cut]");
  assertEquals(
    plain("x".repeat(MAX_TEXT_CHARS + 5)),
    `${"x".repeat(MAX_TEXT_CHARS)} (5 more)`,
  );
  const wide = Object.fromEntries(
    Array.from({ length: 999 }, (_, i) => [i, i]),
  );
  const shown = plainFields(wide, OBJECTS);
  assertEquals(shown.length, MAX_VALUES + 1);
});
