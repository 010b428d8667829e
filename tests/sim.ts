/**
 * `deno task sim`: the simulator, or with `--planted` the proof of its worth.
 *
 * @module
 */
import { runSimulator } from "../sim/mod.ts";
import { runPlanted } from "./planted/mod.ts";

if (import.meta.main) {
  const planted = Deno.args.includes("--planted");
  Deno.exitCode = planted
    ? await runPlanted(Deno.args)
    : runSimulator(Deno.args);
}
