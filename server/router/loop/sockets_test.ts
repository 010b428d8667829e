import { assertEquals } from "@std/assert";
import { decodeAddress, encodeAddress } from "./sockets.ts";

const CASES: readonly (readonly [string, string])[] = [
  ["127.0.0.1", "127.0.0.1"],
  ["0.0.0.0", "0.0.0.0"],
  ["::", "0:0:0:0:0:0:0:0"],
  ["::1", "0:0:0:0:0:0:0:1"],
  ["2001:db8::7:1", "2001:db8:0:0:0:0:7:1"],
  ["fe80::1%eth0", "fe80:0:0:0:0:0:0:1"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ["::ffff:10.1.2.3", "10.1.2.3"],
];

for (const [host, read] of CASES) {
  Deno.test(`encodeAddress() writes ${host} as the kernel reads it`, () => {
    const bytes = encodeAddress({ host, port: 7432 });
    assertEquals(bytes && decodeAddress(bytes), { host: read, port: 7432 });
  });
}

Deno.test("encodeAddress() takes no name", () => {
  assertEquals(encodeAddress({ host: "db.example", port: 1 }), null);
});
