import { assertThrows } from "@std/assert";
import { ArgumentsError } from "./arguments.ts";
import { runSimulator } from "./main.ts";
import { runPgSimulator } from "./pg/mod.ts";

const RUNS = { runSimulator, runPgSimulator };
const MISTAKES: readonly [args: string[], says: string][] = [
  [["--seed-from", "30001"], 'There is no "--seed-from"'],
  [["more"], 'There is no "more"'],
  [["--seeds", "many"], '--seeds takes a whole number, not "many"'],
  [["--from=-1"], '--from takes a whole number, not "-1"'],
  [["--seed="], '--seed takes a whole number, not ""'],
];

for (const [name, run] of Object.entries(RUNS)) {
  for (const [args, says] of MISTAKES) {
    Deno.test(`${name}() runs nothing in place of "${args.join(" ")}"`, () => {
      assertThrows(() => run(args), ArgumentsError, says);
    });
  }
}
