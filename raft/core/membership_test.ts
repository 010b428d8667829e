import { assertEquals } from "@std/assert";
import {
  addNode,
  configurationEntry,
  configure,
  coreAt,
  crash,
  deliver,
  type Disk,
  diskOf,
  elapse,
  elect,
  heal,
  input,
  isolate,
  restart,
  startCluster,
  type TestCluster,
} from "./cluster_test_kit.ts";
import { configurationAt } from "./configuration.ts";
import { describeConfiguration } from "./describe.ts";
import { lastIndex } from "./log.ts";
import { configurationOf } from "./state.ts";

/** Members 1 to 3, of which 3 was wiped and came back; 2 has slept through that. */
function clusterWithReincarnation(): TestCluster {
  const founding = configure("1 2 3");
  const members = founding.members.map((member) =>
    member.id === 3 ? { ...member, incarnation: 31 } : member
  );
  const informed = (): Disk => {
    const disk = diskOf(founding, [1, 1]);
    disk.entries.push(
      configurationEntry(4, 2, configure("1 2")),
      configurationEntry(5, 2, { ...founding, members }),
    );
    disk.hardState = { term: 2, votedFor: 0, commit: 5 };
    return disk;
  };
  const cluster = startCluster(founding, {}, { 1: informed() });
  addNode(cluster, 3, informed(), 31);
  return cluster;
}

Deno.test("a member that slept through the leader's reincarnation catches up", () => {
  const cluster = clusterWithReincarnation();
  const leader = elect(cluster, 3);
  elapse(cluster, 500);
  assertEquals(lastIndex(coreAt(cluster, 2).log), lastIndex(leader.log));
});

Deno.test("a vote reaches a candidate whose incarnation the voter has not heard of", () => {
  const cluster = clusterWithReincarnation();
  crash(cluster, 1);
  assertEquals(elect(cluster, 3).role, "leader");
});

Deno.test("the configuration at a snapshot's index is known though a newer one is committed", () => {
  const cluster = startCluster("1 2 3");
  const leader = elect(cluster, 1);
  const applied = leader.commit;
  input(cluster, 1, {
    kind: "change",
    requestId: 1,
    change: { kind: "remove", id: 3 },
    expectedIndex: null,
    force: false,
  });
  deliver(cluster);
  const at = configurationAt(leader.configurations, applied);
  assertEquals([leader.commit > applied, at.index], [true, 1]);
  const { configurations } = leader;
  const before = configurations.map(({ index }) => index);
  restart(cluster, 1);
  const after = coreAt(cluster, 1).configurations.map(({ index }) => index);
  assertEquals(after, before);
});

Deno.test("a leader that alone holds its own removal can lead again, and then leaves", () => {
  const cluster = startCluster("1 2");
  elect(cluster, 1);
  elapse(cluster, 200);
  isolate(cluster, 1);
  const change = { kind: "remove", id: 1 } as const;
  input(cluster, 1, {
    kind: "change",
    requestId: 1,
    change,
    expectedIndex: null,
    force: false,
  });
  deliver(cluster);
  crash(cluster, 1);
  restart(cluster, 1);
  heal(cluster);
  elapse(cluster, 5000);
  assertEquals(coreAt(cluster, 2).role, "leader");
  assertEquals(
    describeConfiguration(configurationOf(coreAt(cluster, 2))),
    "[2]",
  );
});
