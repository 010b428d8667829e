import { assertEquals } from "@std/assert";
import { draw } from "../../base/mod.ts";
import { countVotes, majority, majorityValue } from "./quorum.ts";

Deno.test("majority() is the smallest number of which two sets always meet", () => {
  for (let voters = 1; voters <= 31; voters++) {
    const needed = majority(voters);
    assertEquals([2 * needed > voters, 2 * (needed - 1) > voters], [
      true,
      false,
    ], `${voters} voters`);
  }
});

Deno.test("majorityValue() is the highest value that a majority has reached", () => {
  const random = { state: 1 };
  for (let run = 0; run < 2000; run++) {
    const length = 1 + run % 7;
    const values = Array.from({ length }, () => Math.floor(draw(random) * 5));
    const reached = (value: number): boolean =>
      values.filter((each) => each >= value).length >= majority(length);
    const expected = Math.max(...values.filter(reached));
    assertEquals(majorityValue([...values]), expected, `of ${values}`);
  }
  assertEquals(majorityValue([]), -Infinity);
});

Deno.test("countVotes() agrees with counting by hand for every ballot of up to five voters", () => {
  for (let size = 0; size <= 5; size++) {
    const voters = Array.from({ length: size }, (_, i) => i + 1);
    for (let ballot = 0; ballot < 3 ** size; ballot++) {
      const votes = new Map<number, boolean>([[99, true], [98, false]]);
      let yes = 0;
      let no = 0;
      for (const voter of voters) {
        const cast = Math.floor(ballot / 3 ** (voter - 1)) % 3;
        if (cast === 0) continue;
        votes.set(voter, cast === 1);
        if (cast === 1) yes++;
        else no++;
      }
      const needed = Math.floor(size / 2) + 1;
      const open = size - no < needed ? "lost" : "pending";
      const expected = size > 0 && yes >= needed ? "won" : open;
      assertEquals(countVotes(voters, votes), expected, `${size}: ${ballot}`);
    }
  }
});
