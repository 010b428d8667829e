import { assertEquals } from "@std/assert";
import { type ProxyHeader, readProxyHeader } from "./proxy_header.ts";

const SIGNATURE = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];

function header(
  command: number,
  family: number,
  rest: readonly number[],
): Uint8Array {
  return Uint8Array.of(
    ...SIGNATURE,
    command,
    family,
    rest.length >> 8,
    rest.length & 0xff,
    ...rest,
  );
}

const TCP4 = [10, 1, 2, 3, 10, 9, 9, 9, 0x1f, 0x90, 0x1d, 0x08];
const TCP6 = [
  ...[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  ...Array<number>(16).fill(0),
  0,
  80,
  0,
  81,
];

const CASES: readonly (readonly [string, Uint8Array, ProxyHeader])[] = [
  ["nothing", new Uint8Array(), { kind: "partial" }],
  ["half a signature", Uint8Array.from(SIGNATURE.slice(0, 5)), {
    kind: "partial",
  }],
  ["half an address", header(0x21, 0x11, TCP4).subarray(0, 20), {
    kind: "partial",
  }],
  ["a client of IPv4", header(0x21, 0x11, TCP4), {
    kind: "header",
    size: 28,
    from: "10.1.2.3:8080",
  }],
  ["a client of IPv6", header(0x21, 0x21, TCP6), {
    kind: "header",
    size: 52,
    from: "[2001:db8:0:0:0:0:0:1]:80",
  }],
  ["more after the address", header(0x21, 0x11, [...TCP4, 4, 0, 1, 7]), {
    kind: "header",
    size: 32,
    from: "10.1.2.3:8080",
  }],
  ["a balancer of its own", header(0x20, 0, []), {
    kind: "header",
    size: 16,
    from: null,
  }],
  ["a family that is too short", header(0x21, 0x11, [1, 2]), {
    kind: "header",
    size: 18,
    from: null,
  }],
  ["version 1", new TextEncoder().encode("PROXY TCP4"), { kind: "bad" }],
  ["another version", header(0x31, 0x11, TCP4), { kind: "bad" }],
  ["a startup packet", Uint8Array.of(0, 0, 0, 8), { kind: "bad" }],
  ["an endless header", header(0x21, 0x11, Array<number>(3000).fill(0)), {
    kind: "bad",
  }],
];

for (const [what, bytes, expected] of CASES) {
  Deno.test(`readProxyHeader() reads ${what}`, () => {
    assertEquals(readProxyHeader(bytes), expected);
  });
}
