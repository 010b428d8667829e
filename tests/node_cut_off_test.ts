import { assert } from "@std/assert";
import { canMakeNetworks, runInOwnNetwork } from "./nodes/mod.ts";
import { join } from "node:path";

const STORY = join(import.meta.dirname ?? ".", "cut_off_story.ts");

Deno.test({
  name:
    "what clients see is linearizable while nodes are cut off, one way and both (needs root, iproute2 and nftables)",
  ignore: !canMakeNetworks(),
  fn: async () => {
    const { success, output } = await runInOwnNetwork(STORY);
    assert(success, output);
  },
});
