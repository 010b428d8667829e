import { assertEquals } from "@std/assert";
import { type HeadSeen, readHead } from "./head.ts";

function seenOf(text: string): HeadSeen {
  return readHead(new TextEncoder().encode(text));
}

const PLAIN = "GET /stream/main HTTP/1.1\r\nHost: a:1\r\nX-Who:  b \r\n\r\n";

Deno.test("readHead() reads a plain GET, and says where the next begins", () => {
  const seen = seenOf(`${PLAIN}GET /next`);
  if (seen.kind !== "whole") throw new Error(`It is ${seen.kind}`);
  const { head: { target, headers }, endsAt } = seen;
  assertEquals(target, "/stream/main");
  assertEquals([...headers], [["host", "a:1"], ["x-who", "b"]]);
  assertEquals(endsAt, PLAIN.length);
});

Deno.test("readHead() reads a plain GET of the older version that wants the connection kept", () => {
  const text = "GET /a HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n";
  assertEquals(seenOf(text).kind, "whole");
});

Deno.test("readHead() waits for the rest, wherever a head is cut", () => {
  for (let end = 0; end < PLAIN.length; end++) {
    assertEquals(seenOf(PLAIN.slice(0, end)).kind, "part", `after ${end}`);
  }
});

/** What is left to a server that knows all of HTTP. */
const OTHERS: readonly [what: string, text: string][] = [
  ["another method", "POST /a HTTP/1.1\r\nhost: a\r\n\r\n"],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["a TLS greeting", "\x16\x03\x01"],
  ["an older version", "GET /a HTTP/1.0\r\nhost: a\r\n\r\n"],
  ["a whole URL", "GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n"],
  ["a space in the path", "GET /a b HTTP/1.1\r\nhost: a\r\n\r\n"],
  ["no host", "GET /a HTTP/1.1\r\n\r\n"],
  ["a body", "GET /a HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx"],
  [
    "a body in pieces",
    "GET /a HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  ["another protocol", "GET /a HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\n\r\n"],
  ["a folded header", "GET /a HTTP/1.1\r\nhost: a\r\n more\r\n\r\n"],
  ["a header without a name", "GET /a HTTP/1.1\r\nhost: a\r\n: x\r\n\r\n"],
  ["a space before the colon", "GET /a HTTP/1.1\r\nhost : a\r\n\r\n"],
  ["a lone line feed", "GET /a HTTP/1.1\nhost: a\r\n\r\n"],
  ["a control character", "GET /a HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n"],
  ["a byte beyond ASCII", "GET /a HTTP/1.1\r\nhost: a\r\nx: \u00e9\r\n\r\n"],
  ["8 KiB without an end", `GET /${"a".repeat(8192)}`],
];

for (const [what, text] of OTHERS) {
  Deno.test(`readHead() leaves alone ${what}`, () => {
    assertEquals(seenOf(text).kind, "other");
  });
}
