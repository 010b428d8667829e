import { assertEquals, assertThrows } from "@std/assert";
import {
  decodePartOperation,
  encodePartOperation,
  markOf,
  type PartOperation,
  PARTS,
} from "./envelope.ts";

const ONCE = {
  key: new Uint8Array(16).fill(1),
  fingerprint: new Uint8Array(16).fill(2),
};

for (const part of PARTS) {
  for (const once of [null, ONCE]) {
    for (const data of [new Uint8Array(), Uint8Array.of(0, 255, 7)]) {
      const operation: PartOperation = { part, once, data };
      Deno.test(`an operation of ${part} with${once ? "" : "out"} a once-key and ${data.length} bytes comes back`, () => {
        assertEquals(
          decodePartOperation(encodePartOperation(operation)),
          operation,
        );
      });
    }
  }
}

Deno.test("encodePartOperation() refuses a once-key of another length", () => {
  const once = { key: new Uint8Array(15), fingerprint: new Uint8Array(16) };
  assertThrows(() =>
    encodePartOperation({ part: "kv", once, data: new Uint8Array() })
  );
});

for (const first of [PARTS.length, 0x7f, 0xff]) {
  Deno.test(`decodePartOperation() refuses part ${first}`, () => {
    assertThrows(() => decodePartOperation(Uint8Array.of(first)));
  });
}

Deno.test("decodePartOperation() refuses no bytes at all", () => {
  assertThrows(() => decodePartOperation(new Uint8Array()));
});

for (const once of [null, ONCE]) {
  Deno.test(`a mark is beside an operation with${once ? "" : "out"} a once-key, and no part of it`, () => {
    const mark = new Uint8Array(25).fill(9);
    const data = Uint8Array.of(5, 6);
    const bytes = encodePartOperation({ part: "sql", once, mark, data });
    assertEquals(decodePartOperation(bytes), { part: "sql", once, data });
    assertEquals(markOf(bytes), mark);
    const plain = encodePartOperation({ part: "sql", once, data });
    assertEquals([markOf(plain), bytes.length - plain.length], [null, 25]);
  });
}
