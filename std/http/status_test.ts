import { STATUS_CODES } from "node:http";
import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  isClientErrorStatus,
  isErrorStatus,
  isInformationalStatus,
  isRedirectStatus,
  isServerErrorStatus,
  isStatus,
  isSuccessfulStatus,
  STATUS_CODE,
  STATUS_TEXT,
} from "./status.ts";

/** Where `node:http` says it otherwise, or has a code that is registered no more. */
const ELSEWHERE: ReadonlyMap<number, string | null> = new Map([
  [203, "Non Authoritative Info"],
  [407, "Proxy Auth Required"],
  [413, "Content Too Large"],
  [418, "I'm a teapot"],
  [509, null],
]);

function alike(text: string | null | undefined): string | undefined {
  return text?.toLowerCase().replace("-", " ");
}

Deno.test("STATUS_TEXT says what the platform says", () => {
  for (const [code, text] of Object.entries(STATUS_CODES)) {
    const status = Number(code);
    const expected = ELSEWHERE.has(status) ? ELSEWHERE.get(status) : text;
    const found = isStatus(status) ? STATUS_TEXT[status] : null;
    assertEquals(alike(found), alike(expected), code);
  }
});

Deno.test("every status code has a text", () => {
  const codes = Object.values(STATUS_CODE);
  assertEquals(Object.keys(STATUS_TEXT).map(Number), codes);
});

Deno.test("each guard knows its class and no code that is not registered", () => {
  const guards = [
    isInformationalStatus,
    isSuccessfulStatus,
    isRedirectStatus,
    isClientErrorStatus,
    isServerErrorStatus,
  ];
  for (let status = 0; status < 700; status++) {
    const of = Math.trunc(status / 100);
    for (const [i, guard] of guards.entries()) {
      const expected = isStatus(status) && of === i + 1;
      assertStrictEquals(guard(status), expected, `${guard.name} ${status}`);
    }
    const isError = isStatus(status) && of >= 4;
    assertStrictEquals(isErrorStatus(status), isError, `${status}`);
  }
});

Deno.test("isStatus() takes numbers only as they are registered", () => {
  for (const status of [0, 99, 299, 404.5, 600, -200, NaN, Infinity]) {
    assertEquals(isStatus(status), false, `${status}`);
  }
});
