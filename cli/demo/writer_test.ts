import { assertEquals } from "@std/assert";
import { type Ledger, verify } from "./writer.ts";

const LEDGER: Ledger = {
  acknowledged: 7,
  last: 9,
  doubtful: [4, 8],
  silentMs: 0,
};

Deno.test("verify() counts what was acknowledged and is not there, and what is there twice", async () => {
  for (
    const [held, twice, verdict] of [
      ["7", "0", { lost: 0, twice: 0 }],
      ["5", "0", { lost: 2, twice: 0 }],
      ["7", "1", { lost: 0, twice: 1 }],
    ] as const
  ) {
    const asked: (readonly string[])[] = [];
    const found = await verify({
      run: (_text, params) => {
        asked.push(params);
        return Promise.resolve([{ held, twice }]);
      },
      close: () => {},
    }, LEDGER);
    assertEquals(found, verdict);
    assertEquals(asked, [["9", "{4,8}"]]);
  }
});
