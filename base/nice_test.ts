import { assertEquals, assertMatch } from "@std/assert";
import { getPriority } from "node:os";
import { asOrdinary, becomeOrdinary, setNice } from "./nice.ts";

/** How nice a process is that this thread starts. */
function niceOfChild(): number {
  const { stdout } = new Deno.Command("nice").outputSync();
  return Number(new TextDecoder().decode(stdout));
}

Deno.test("what asOrdinary() starts has no claim before others, and its starter keeps it", () => {
  const refused = setNice(-3);
  if (refused !== null) {
    // Whoever may not claim anything is told so, and is as before.
    assertMatch(refused, /EACCES|EPERM|permi/i);
    assertEquals(asOrdinary(niceOfChild), getPriority(0));
    return;
  }
  try {
    assertEquals(niceOfChild(), -3);
    assertEquals(asOrdinary(niceOfChild), 0);
    assertEquals(getPriority(0), -3);
  } finally {
    becomeOrdinary();
  }
  assertEquals(getPriority(0), 0);
});

Deno.test("setNice() says why not, of a thread that is not there", () => {
  assertMatch(setNice(5, 0x3fffffff) ?? "", /ESRCH|no such process/i);
});
