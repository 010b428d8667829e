import * as std from "@std/assert";

// Pins the signatures: this file type-checks against the stand-ins and the published package alike.
type AnyError<E extends Error> = abstract new (...args: never[]) => E;
type Comparison = <T>(actual: T, expected: T, msg?: string) => void;
type StringCheck<E> = (actual: string, expected: E, msg?: string) => void;
type ListCheck = <T>(
  actual: ArrayLike<T> & object,
  expected: ArrayLike<T> & object,
  msg?: string,
) => void;

interface Throws {
  (fn: () => unknown, msg?: string): unknown;
  <E extends Error = Error>(
    fn: () => unknown,
    errorClass: AnyError<E>,
    msgIncludes?: string,
    msg?: string,
  ): E;
}

interface Rejects {
  (fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
  <E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    errorClass: AnyError<E>,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
}

const assert: (expr: unknown, msg?: string) => asserts expr = std.assert;
const assertExists: <T>(
  actual: T,
  msg?: string,
) => asserts actual is NonNullable<T> = std.assertExists;
const assertStrictEquals: <T>(
  actual: unknown,
  expected: T,
  msg?: string,
) => asserts actual is T = std.assertStrictEquals;
const assertInstanceOf: <E extends Error>(
  actual: unknown,
  expected: AnyError<E>,
  msg?: string,
) => asserts actual is E = std.assertInstanceOf;
const assertThrows: Throws = std.assertThrows;
const assertRejects: Rejects = std.assertRejects;
const assertEquals: Comparison = std.assertEquals;
const fail: (msg?: string) => never = std.fail;
const unreachable: (msg?: string) => never = std.unreachable;
const comparisons: Comparison[] = [
  std.assertNotEquals,
  std.assertGreater,
  std.assertGreaterOrEqual,
  std.assertLess,
  std.assertLessOrEqual,
];
const assertMatch: StringCheck<RegExp> = std.assertMatch;
const assertStringIncludes: StringCheck<string> = std.assertStringIncludes;
const assertArrayIncludes: ListCheck = std.assertArrayIncludes;
const equal: (a: unknown, b: unknown) => boolean = std.equal;
const error: Error = new std.AssertionError("Late", { cause: 1 });

Deno.test("the assertions narrow what they check", async () => {
  const text: unknown = "a".concat("b");
  assert(typeof text === "string");
  assertMatch(text, /^ab$/);
  assertStringIncludes(text, "b");

  const found: number | undefined = [1, 2].find((n) => n === 2);
  assertExists(found);
  assertEquals(found.toFixed(), "2");

  const same: unknown = found;
  assertStrictEquals(same, 2);
  assertEquals(same.toFixed(), "2");

  const thrown: unknown = error;
  assertInstanceOf(thrown, std.AssertionError);
  assertEquals(thrown.cause, 1);

  const range: RangeError = assertThrows(() => new Array(-1), RangeError);
  const type: TypeError = await assertRejects(
    () => Promise.reject(new TypeError("No")),
    TypeError,
  );
  assert(!equal(range.name, type.name));
});

Deno.test("every pinned name is there", () => {
  assertEquals(comparisons.length, 5);
  for (
    const pinned of [...comparisons, fail, unreachable, assertArrayIncludes]
  ) {
    assertEquals(typeof pinned, "function");
  }
});
