import { assertEquals } from "@std/assert";
import { formatAddress, parseAddress } from "./address.ts";

Deno.test("parseAddress() reads names, IPv4 and IPv6, and formatAddress() writes them back", () => {
  for (const text of ["node1:7400", "10.0.0.1:1", "[fe80::1]:65535"]) {
    assertEquals(formatAddress(parseAddress(text)), text);
  }
  assertEquals(parseAddress("[::1]:7400"), { hostname: "::1", port: 7400 });
});

Deno.test("parseAddress() refuses what is not host:port", async (t) => {
  const wrong = ["", "node1", "node1:", ":7400", "::1:7400", "a:0", "a:65536"];
  for (const text of [...wrong, "a b:1", "http://a:1", "[node]:1", "a:1/x"]) {
    await t.step(JSON.stringify(text), () => {
      let error: unknown;
      try {
        parseAddress(text);
      } catch (thrown) {
        error = thrown;
      }
      assertEquals(error instanceof TypeError, true);
    });
  }
});
