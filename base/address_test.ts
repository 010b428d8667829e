import { assertEquals } from "@std/assert";
import {
  formatHostPort,
  isLoopback,
  isUnspecified,
  parseHost,
  parseHostPort,
} from "./address.ts";

Deno.test("parseHostPort() reads names, IPv4 and bracketed IPv6", () => {
  const table: readonly (readonly [string, string | null])[] = [
    ["10.0.0.1:7400", "10.0.0.1:7400"],
    ["localhost:1", "localhost:1"],
    ["Node-1.Example.org:65535", "node-1.example.org:65535"],
    ["my_node:7400", "my_node:7400"],
    ["[::1]:7400", "[::1]:7400"],
    ["[0:0::1]:7400", "[::1]:7400"],
    ["[2001:DB8::5]:7400", "[2001:db8::5]:7400"],
    ["0.0.0.0:7400", "0.0.0.0:7400"],
    ["::1:7400", null],
    ["[::1]", null],
    ["[::1:7400", null],
    ["[zz]:7400", null],
    ["[fe80::1%eth0]:7400", null],
    ["10.0.0.1", null],
    ["10.0.0.256:1", null],
    ["10.0.1:1", null],
    ["01.2.3.4:1", null],
    ["10.0.0.1:0", null],
    ["10.0.0.1:65536", null],
    ["10.0.0.1:", null],
    ["10.0.0.1:+1", null],
    [":7400", null],
    ["*:7400", null],
    ["a..b:7400", null],
    ["a b:7400", null],
    ["-a:7400", null],
    ["", null],
  ];
  for (const [text, expected] of table) {
    const address = parseHostPort(text);
    const written = address === null ? null : formatHostPort(address);
    assertEquals(written, expected, `address ${JSON.stringify(text)}`);
  }
});

Deno.test("parseHost() takes IPv6 with and without brackets", () => {
  assertEquals(parseHost("::1"), "::1");
  assertEquals(parseHost("[::1]"), "::1");
  assertEquals(parseHost(`${"a".repeat(254)}`), null);
});

Deno.test("isLoopback() and isUnspecified() know the special hosts", () => {
  const table: readonly (readonly [string, boolean, boolean])[] = [
    ["localhost", true, false],
    ["127.0.0.1", true, false],
    ["127.8.9.10", true, false],
    ["::1", true, false],
    ["::ffff:127.0.0.1", true, false],
    ["::ffff:10.0.0.1", false, false],
    ["::ffff:localhost", false, false],
    ["0.0.0.0", false, true],
    ["::", false, true],
    ["10.0.0.1", false, false],
    ["127.example.org", false, false],
  ];
  for (const [host, loopback, unspecified] of table) {
    assertEquals(isLoopback(host), loopback, host);
    assertEquals(isUnspecified(host), unspecified, host);
  }
});
