import { assertEquals } from "@std/assert";
import { referenceMarkdown } from "../pg/sql/mod.ts";
import { documentedReference, unaligned } from "./sql_reference.ts";

Deno.test("docs/sql.md has the reference of every function and view (deno task sql:reference writes it)", async () => {
  assertEquals(
    unaligned(await documentedReference()),
    unaligned(referenceMarkdown()),
  );
});
