import { assertEquals } from "@std/assert";
import { type AccessRules, checkAccess } from "./access.ts";
import { Problem } from "./problem.ts";
import type { Access } from "./route.ts";

const ADMIN = "admin-token-0123456789";
const READER = "read-token-0123456789";
const RULES: AccessRules = {
  adminToken: ADMIN,
  readToken: READER,
  hosts: new Set(["localhost:8008", "127.0.0.1:8008", "[::1]:8008"]),
};
const NO_TOKENS: AccessRules = { ...RULES, adminToken: null, readToken: null };

interface Case {
  readonly name: string;
  readonly access: Access;
  /** @default {"127.0.0.1"} */
  readonly from?: string;
  /** @default {"GET" to read, else "POST"} */
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly anyContentType?: boolean;
  /** @default {RULES} */
  readonly rules?: AccessRules;
  readonly want: string;
}

const JSON_TYPE = { "content-type": "application/json" };
const bearer = (token: string): Record<string, string> => ({
  authorization: `Bearer ${token}`,
});

const CASES: Case[] = [
  { name: "health from afar", access: "open", from: "10.0.0.9", want: "in" },
  {
    name: "health with a strange token and host",
    access: "open",
    headers: { host: "evil", ...bearer("x") },
    want: "in",
  },
  {
    name: "a read from afar without a token",
    access: "read",
    from: "10.0.0.9",
    want: "unauthorized",
  },
  {
    name: "a change from afar without a token",
    access: "change",
    from: "10.0.0.9",
    headers: JSON_TYPE,
    want: "unauthorized",
  },
  { name: "a read from loopback", access: "read", want: "in" },
  { name: "a read from ::1", access: "read", from: "::1", want: "in" },
  {
    name: "a read from a loopback address in IPv6's clothes",
    access: "read",
    from: "::ffff:127.0.0.1",
    want: "in",
  },
  {
    name: "a read with the node's host",
    access: "read",
    headers: { host: "localhost:8008" },
    want: "in",
  },
  {
    name: "a read with a rebound host",
    access: "read",
    headers: { host: "evil.example:8008" },
    want: "forbidden",
  },
  {
    name: "a read with another port's host",
    access: "read",
    headers: { host: "127.0.0.1:9999" },
    want: "forbidden",
  },
  {
    name: "a change with a rebound host",
    access: "change",
    headers: { host: "evil.example:8008", ...JSON_TYPE },
    want: "forbidden",
  },
  {
    name: "a read with a foreign origin",
    access: "read",
    headers: { origin: "https://evil.example" },
    want: "forbidden",
  },
  {
    name: "a read of a page without an origin",
    access: "read",
    headers: { origin: "null" },
    want: "forbidden",
  },
  {
    name: "a change with the node's own origin",
    access: "change",
    headers: { origin: "http://127.0.0.1:8008", ...JSON_TYPE },
    want: "in",
  },
  {
    name: "a change as JSON",
    access: "change",
    headers: JSON_TYPE,
    want: "in",
  },
  {
    name: "a change as JSON with a charset",
    access: "change",
    headers: { "content-type": "Application/JSON; charset=utf-8" },
    want: "in",
  },
  {
    name: "a change without a content type",
    access: "change",
    want: "unsupported_media_type",
  },
  {
    name: "a change as a form",
    access: "change",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    want: "unsupported_media_type",
  },
  {
    name: "a change as text that only begins like JSON's type",
    access: "change",
    headers: { "content-type": "application/jsonish" },
    want: "unsupported_media_type",
  },
  {
    name: "a deletion, which a page can't send unasked",
    access: "change",
    method: "DELETE",
    want: "in",
  },
  {
    name: "a gateway's change without a content type",
    access: "change",
    anyContentType: true,
    want: "in",
  },
  {
    name: "a gateway's change out of a browser",
    access: "change",
    anyContentType: true,
    headers: { "sec-fetch-site": "cross-site" },
    want: "unsupported_media_type",
  },
  {
    name: "a change with the admin's token from afar",
    access: "change",
    from: "10.0.0.9",
    headers: { host: "db.example", ...bearer(ADMIN) },
    want: "in",
  },
  {
    name: "a read with the reader's token from afar",
    access: "read",
    from: "10.0.0.9",
    headers: bearer(READER),
    want: "in",
  },
  {
    name: "a change with the reader's token",
    access: "change",
    headers: { ...JSON_TYPE, ...bearer(READER) },
    want: "forbidden",
  },
  {
    name: "a wrong token from loopback",
    access: "read",
    headers: bearer("wrong-token-0123456789"),
    want: "unauthorized",
  },
  {
    name: "a token's beginning",
    access: "read",
    headers: bearer(ADMIN.slice(0, -1)),
    want: "unauthorized",
  },
  {
    name: "a token by another scheme",
    access: "read",
    headers: { authorization: `Basic ${ADMIN}` },
    want: "unauthorized",
  },
  {
    name: "an empty token where there are none",
    access: "read",
    headers: { authorization: "Bearer " },
    rules: NO_TOKENS,
    want: "unauthorized",
  },
];

for (const one of CASES) {
  const { name, access, from = "127.0.0.1", headers = {}, want } = one;
  Deno.test(`checkAccess() answers ${name} with "${want}"`, () => {
    const method = one.method ?? (access === "change" ? "POST" : "GET");
    const request = new Request("http://a/", { method, headers });
    const { anyContentType = false, rules = RULES } = one;
    assertEquals(
      verdictOf(() =>
        checkAccess(rules, { access, anyContentType }, request, from)
      ),
      want,
    );
  });
}

function verdictOf(check: () => void): string {
  try {
    check();
    return "in";
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}
