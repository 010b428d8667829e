import { assertEquals, assertMatch } from "@std/assert";
import { newestConfig } from "./apply_config.ts";
import { decodeState } from "./codec.ts";
import {
  configure,
  found,
  foundedState,
  registered,
} from "./command_test_kit.ts";
import { done, refused } from "./state_test_kit.ts";
import { EMPTY_STATE, MAX_CONFIGS } from "./types.ts";

Deno.test("the configuration changes from the version it was decided on, and from no other", () => {
  assertMatch(refused(EMPTY_STATE, configure(0, "1MB")), /no database/);
  const founded = foundedState();
  assertEquals(newestConfig(founded)?.version, 1);
  const changed = done(founded, configure(1, "2MB"));
  assertEquals(newestConfig(changed), {
    version: 2,
    parameters: { work_mem: "2MB" },
    author: "ann",
    comment: "",
    atMs: 1,
  });
  assertMatch(refused(changed, configure(1, "3MB")), /version 2 by now/);
});

Deno.test("a version says what counts for the cluster, and what it says is in force", () => {
  const found1 = { ...found(1, 1), maximumLagBytes: 500 } as const;
  const appointed = { type: "appoint", founder: 1, after: 0 } as const;
  const founded = done(registered(), appointed, found1);
  assertEquals(newestConfig(founded)?.cluster, {
    synchronousMode: "quorum",
    maximumLagBytes: 500,
  });
  assertEquals(founded.maximumLagBytes, 500);
  const cluster = { synchronousMode: "off", maximumLagBytes: 900 } as const;
  const changed = done(founded, {
    type: "configure",
    after: 1,
    parameters: {},
    cluster,
    author: "ann",
    comment: "",
    atMs: 1,
  });
  assertEquals([changed.mode, changed.maximumLagBytes], ["off", 900]);
  assertEquals(newestConfig(changed)?.cluster, cluster);
});

Deno.test("entries and snapshots from before the cluster's settings had versions come to what they did", () => {
  const founded = foundedState();
  assertEquals(newestConfig(founded)?.cluster, undefined);
  const changed = done(
    founded,
    { type: "mode", mode: "strict" },
    configure(1, "2MB"),
  );
  assertEquals([changed.mode, changed.maximumLagBytes], ["strict", null]);
  assertEquals(newestConfig(changed)?.version, 2);
  assertEquals(newestConfig(changed)?.cluster, undefined);
  const { maximumLagBytes: _, ...old } = {
    ...changed,
    members: [...changed.members.values()],
  };
  const snapshot = new TextEncoder().encode(JSON.stringify(old));
  assertEquals(decodeState(snapshot), changed);
});

Deno.test("versions of the configuration are bounded, and newer ones stay", () => {
  let state = foundedState();
  for (let after = 1; after <= MAX_CONFIGS; after += 1) {
    state = done(state, configure(after, `${after}MB`));
  }
  assertEquals(state.configs.length, MAX_CONFIGS);
  assertEquals(state.configs[0]?.version, 2);
});
