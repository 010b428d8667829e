import { assertEquals } from "@std/assert";
import { type Opening, readOpening } from "./startup.ts";

function packet(
  size: number,
  code: number,
  rest: readonly number[] = [],
): Uint8Array {
  const bytes = new Uint8Array(8 + rest.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size);
  view.setUint32(4, code);
  bytes.set(rest, 8);
  return bytes;
}

const TEXT = [...new TextEncoder().encode("user\0u\0\0")];
const SESSION = packet(8 + TEXT.length, 196_608, TEXT);
const CANCEL = packet(16, 80_877_102, [0, 0, 1, 2, 0xab, 0xcd, 0, 1]);

const CASES: readonly (readonly [string, Uint8Array, Opening["kind"]])[] = [
  ["nothing", new Uint8Array(), "partial"],
  ["three bytes of a length", SESSION.subarray(0, 3), "partial"],
  ["half a startup packet", SESSION.subarray(0, 12), "partial"],
  ["a startup packet", SESSION, "session"],
  ["a startup packet and more", new Uint8Array([...SESSION, 1]), "session"],
  ["protocol 3.2", packet(8 + TEXT.length, 196_610, TEXT), "session"],
  ["protocol 2", packet(8 + TEXT.length, 131_072, TEXT), "session"],
  ["protocol 4", packet(8 + TEXT.length, 262_144, TEXT), "bad"],
  ["a request for TLS", packet(8, 80_877_103), "encryption"],
  ["a request for GSS", packet(8, 80_877_104), "encryption"],
  ["a request for TLS with more", packet(9, 80_877_103, [0]), "bad"],
  ["TLS from the first byte", Uint8Array.of(0x16, 3, 1), "tls"],
  ["HTTP", new TextEncoder().encode("GET / HTTP/1.1\r\n"), "bad"],
  ["two bytes of HTTP", new TextEncoder().encode("GE"), "bad"],
  ["a length of 4", packet(4, 196_608), "bad"],
  ["a length beyond all packets", packet(10_001, 196_608), "bad"],
  ["half a cancel request", CANCEL.subarray(0, 12), "partial"],
  [
    "a cancel request without a key",
    packet(12, 80_877_102, [0, 0, 0, 1]),
    "bad",
  ],
];

for (const [what, bytes, kind] of CASES) {
  Deno.test(`readOpening() takes ${what} for ${kind}`, () => {
    assertEquals(readOpening(bytes).kind, kind);
  });
}

Deno.test("readOpening() reads whom a cancel request aims at", () => {
  assertEquals(readOpening(CANCEL), {
    kind: "cancel",
    pid: 258,
    key: "abcd0001",
  });
});
