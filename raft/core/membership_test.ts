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
  nodeOf,
  propose,
  restart,
  startCluster,
  type TestCluster,
} from "./cluster_test_kit.ts";
import { configurationAt, type ConfigurationChange } from "./configuration.ts";
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

/** Asks a node for a change and returns what it answered at once. */
function change(
  cluster: TestCluster,
  id: number,
  change: ConfigurationChange,
  options: { expectedIndex?: number; force?: boolean } = {},
): string {
  const { expectedIndex = null, force = false } = options;
  const requestId = nodeOf(cluster, id).changes.length + 1;
  input(cluster, id, {
    kind: "change",
    requestId,
    change,
    expectedIndex,
    force,
  });
  const outcome = nodeOf(cluster, id).changes.at(-1);
  return outcome?.kind === "refused" ? outcome.reason : "appended";
}

function membersAt(cluster: TestCluster, id: number): string {
  return describeConfiguration(configurationOf(coreAt(cluster, id)));
}

const REMOVE_3: ConfigurationChange = { kind: "remove", id: 3 };
const ADD_4: ConfigurationChange = {
  kind: "add",
  id: 4,
  incarnation: 40,
  address: "node4:1",
  promoteTo: "voter",
};

Deno.test("a change needs the leader, a commit of its own term, and no other change", () => {
  const cluster = startCluster("1 2 3");
  assertEquals(change(cluster, 1, REMOVE_3), "not_leader");
  cluster.lose = ({ kind }) => kind === "append_response";
  elect(cluster, 1);
  assertEquals(change(cluster, 1, REMOVE_3), "not_ready");
  heal(cluster);
  elapse(cluster, 300);
  assertEquals(change(cluster, 1, ADD_4), "appended");
  assertEquals(change(cluster, 1, REMOVE_3), "change_pending");
  deliver(cluster);
  assertEquals(change(cluster, 1, REMOVE_3, { expectedIndex: 1 }), "stale");
  assertEquals(change(cluster, 1, REMOVE_3, { expectedIndex: 3 }), "appended");
  deliver(cluster);
  cluster.lose = ({ kind }) => kind === "timeout_now";
  input(cluster, 1, { kind: "transfer", target: 2 });
  assertEquals(change(cluster, 1, ADD_4), "transferring");
});

Deno.test("a change that would leave no living majority is refused unless forced", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 200);
  crash(cluster, 3);
  elapse(cluster, 1500);
  const remove2: ConfigurationChange = { kind: "remove", id: 2 };
  assertEquals(change(cluster, 1, remove2), "would_lose_quorum");
  assertEquals(change(cluster, 1, remove2, { force: true }), "appended");
  const other = startCluster("1 2 3");
  elect(other, 1);
  crash(other, 3);
  elapse(other, 1500);
  assertEquals(change(other, 1, REMOVE_3), "appended");
});

Deno.test("a learner is promoted by itself once it has caught up, and not before", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  propose(cluster, 1, 20);
  deliver(cluster);
  change(cluster, 1, ADD_4);
  elapse(cluster, 300);
  assertEquals(membersAt(cluster, 1), "[1 2 3 4l]", "it does not answer");
  const promote: ConfigurationChange = {
    kind: "promote",
    id: 4,
    role: "voter",
  };
  assertEquals(change(cluster, 1, promote), "not_caught_up");
  addNode(cluster, 4);
  elapse(cluster, 500);
  for (const id of [1, 2, 3, 4]) {
    assertEquals(membersAt(cluster, id), "[1 2 3 4]");
  }
});

Deno.test("a leader that removes itself commits that with the others, then leaves for good", () => {
  const cluster = startCluster("1 2 3");
  const former = elect(cluster, 1);
  elapse(cluster, 200);
  change(cluster, 1, { kind: "remove", id: 1 });
  elapse(cluster, 3000);
  assertEquals([former.role, former.removedAt], ["follower", 3]);
  assertEquals([membersAt(cluster, 2), membersAt(cluster, 3)], [
    "[2 3]",
    "[2 3]",
  ]);
  const leader = [2, 3].find((id) => coreAt(cluster, id).role === "leader");
  propose(cluster, leader ?? 0);
  deliver(cluster);
  assertEquals(coreAt(cluster, 2).commit, lastIndex(coreAt(cluster, 2).log));
});

Deno.test("with a voter less, what the others hold commits at once", () => {
  const cluster = startCluster("1 2");
  const leader = elect(cluster, 1);
  elapse(cluster, 200);
  crash(cluster, 2);
  propose(cluster, 1);
  change(cluster, 1, { kind: "remove", id: 2 });
  assertEquals([membersAt(cluster, 1), leader.commit], ["[1]", 4]);
});

Deno.test("a configuration that is lost with its leader is rolled back everywhere", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 200);
  isolate(cluster, 1);
  change(cluster, 1, REMOVE_3);
  assertEquals(membersAt(cluster, 1), "[1 2]");
  elapse(cluster, 3000);
  heal(cluster);
  elapse(cluster, 3000);
  assertEquals([1, 2, 3].map((id) => membersAt(cluster, id)), [
    "[1 2 3]",
    "[1 2 3]",
    "[1 2 3]",
  ]);
});

Deno.test("a wiped member comes back under a new incarnation after its removal only", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 200);
  addNode(cluster, 3, undefined, 31);
  elapse(cluster, 1500);
  assertEquals(coreAt(cluster, 3).commit, 0, "its former self is a member");
  const add: ConfigurationChange = { ...ADD_4, id: 3, incarnation: 31 };
  assertEquals(change(cluster, 1, add), "duplicate_member");
  assertEquals(change(cluster, 1, REMOVE_3), "appended");
  deliver(cluster);
  assertEquals(change(cluster, 1, add), "appended");
  elapse(cluster, 500);
  assertEquals(membersAt(cluster, 3), "[1 2 3]");
  assertEquals(coreAt(cluster, 3).commit, coreAt(cluster, 1).commit);
});
