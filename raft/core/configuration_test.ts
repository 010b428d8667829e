import { assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../base/mod.ts";
import { configure } from "./cluster_test_kit.ts";
import {
  changeConfiguration,
  compactConfigurations,
  type ConfigurationAt,
  configurationAt,
  type ConfigurationChange,
  type ConfigurationHistory,
  decodeConfiguration,
  encodeConfiguration,
  latestConfiguration,
  MAX_MEMBERS,
  truncateConfigurations,
  votersOf,
} from "./configuration.ts";
import { describeConfiguration } from "./describe.ts";
import type { Configuration, Member } from "./types.ts";

Deno.test("changeConfiguration() moves one member at a time or says why not", () => {
  const add = { kind: "add", incarnation: 7, address: "a", promoteTo: null };
  const table: [string, ConfigurationChange, string][] = [
    ["1 3", { ...add, kind: "add", id: 2, promoteTo: null }, "[1 2l 3]"],
    [
      "1 2",
      { ...add, kind: "add", id: 2, promoteTo: null },
      "duplicate_member",
    ],
    ["1 2w 3l", { kind: "remove", id: 2 }, "[1 3l]"],
    ["1 3l", { kind: "remove", id: 3 }, "[1]"],
    ["1 3l", { kind: "remove", id: 1 }, "last_voter"],
    ["1 3l", { kind: "remove", id: 9 }, "unknown_member"],
    ["1 3l", { kind: "promote", id: 3, role: "voter" }, "[1 3]"],
    ["1 3l", { kind: "promote", id: 3, role: "witness" }, "[1 3w]"],
    ["1 3", { kind: "promote", id: 3, role: "witness" }, "not_a_learner"],
    ["1 3", { kind: "promote", id: 4, role: "voter" }, "unknown_member"],
    ["1 3", { kind: "move", id: 3, address: "b" }, "[1 3]"],
    ["1 3", { kind: "lease_reads", enabled: true }, "[1 3] leases"],
  ];
  for (const [before, change, expected] of table) {
    const configuration = configure(before);
    const copy = structuredClone(configuration);
    const next = changeConfiguration(configuration, change);
    const outcome = typeof next === "string"
      ? next
      : describeConfiguration(next);
    assertEquals(outcome, expected, `${before}: ${JSON.stringify(change)}`);
    assertEquals(configuration, copy, "the configuration in force was changed");
  }
});

Deno.test("a member too many is refused instead of ending the leader", () => {
  const ids = Array.from({ length: MAX_MEMBERS }, (_, at) => at + 1);
  const fields = { incarnation: 7, address: "a", promoteTo: null };
  const add = { kind: "add", id: 1000, ...fields } as const;

  const full = changeConfiguration(configure(ids.join(" ")), add);
  assertEquals(full, "too_many_members");

  const roomy = changeConfiguration(configure(ids.slice(1).join(" ")), add);
  assertEquals(typeof roomy, "object");
});

Deno.test("a promoted member no longer waits for its promotion", () => {
  const change = { kind: "promote", id: 2, role: "voter" } as const;
  const next = changeConfiguration(configure("1 2l>voter"), change);
  const members = typeof next === "string" ? [] : next.members;
  assertEquals(members.map((member) => member.promoteTo), [null, null]);
});

Deno.test("voters and witnesses vote, learners do not", () => {
  assertEquals(votersOf(configure("1 2w 3l 4")), [1, 2, 4]);
});

Deno.test("a configuration survives its entry", () => {
  const configuration = configure("1 2w 3l>voter", true);
  const decoded = decodeConfiguration(encodeConfiguration(configuration));
  assertEquals(decoded, configuration);
});

function history(): ConfigurationHistory {
  return [2, 5, 9].map((index): ConfigurationAt => {
    return { index, configuration: configure(`${index}`) };
  });
}

Deno.test("each index is under the newest configuration made at or before it", () => {
  const table: [number, number][] = [[0, 2], [2, 2], [4, 2], [5, 5], [99, 9]];
  for (const [index, expected] of table) {
    assertEquals(configurationAt(history(), index).index, expected);
  }
});

Deno.test("truncation brings the former configuration back, compaction forgets what is before", () => {
  for (const [index, latest] of [[10, 9], [9, 5], [6, 5], [5, 2], [3, 2]]) {
    const kept = history();
    truncateConfigurations(kept, index ?? 0);
    assertEquals(latestConfiguration(kept).index, latest);
  }
  assertThrows(() => truncateConfigurations(history(), 2), InvariantError);
  const table: [number, number[]][] = [
    [1, [2, 5, 9]],
    [5, [5, 9]],
    [8, [5, 9]],
    [99, [9]],
  ];
  for (const [index, expected] of table) {
    const kept = history();
    compactConfigurations(kept, index);
    assertEquals(kept.map((at) => at.index), expected);
  }
});

Deno.test("changeConfiguration() refuses a member too many instead of ending the leader", () => {
  const add = {
    kind: "add",
    id: 1000,
    incarnation: 1,
    address: "",
    promoteTo: null,
  } as const;

  const full = changeConfiguration(configurationOfSize(MAX_MEMBERS), add);
  assertEquals(full, "too_many_members");

  const roomy = changeConfiguration(configurationOfSize(MAX_MEMBERS - 1), add);
  assertEquals(typeof roomy, "object");
});

function configurationOfSize(size: number): Configuration {
  const members = Array.from({ length: size }, (_, at): Member => ({
    id: at + 1,
    incarnation: 1,
    role: "voter",
    promoteTo: null,
    address: "",
  }));
  return { members, leaseReads: false };
}
