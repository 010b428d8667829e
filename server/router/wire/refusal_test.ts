import { assertEquals } from "@std/assert";
import { encodeRefusal } from "./refusal.ts";

Deno.test("encodeRefusal() writes an error as PostgreSQL does", () => {
  const bytes = encodeRefusal({ code: "57P03", message: "no", hint: "wait" });
  const view = new DataView(bytes.buffer);
  assertEquals(
    [bytes[0], view.getUint32(1)],
    ["E".charCodeAt(0), bytes.length - 1],
  );
  assertEquals(
    new TextDecoder().decode(bytes.subarray(5)).split("\0"),
    ["SFATAL", "VFATAL", "C57P03", "Mno", "Hwait", "", ""],
  );
});
