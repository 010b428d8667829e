import { assertEquals } from "@std/assert";
import {
  configure,
  coreAt,
  crash,
  deliver,
  diskOf,
  elapse,
  elect,
  entry,
  input,
  message,
  nodeOf,
  pass,
  persist,
  propose,
  restart,
  startCluster,
  termsOf,
  type TestCluster,
} from "./cluster_test_kit.ts";
import type { Message } from "./messages.ts";
import type { Entry, Term } from "./types.ts";

/** An append of the leader of `term` to member 1. */
function append(
  from: number,
  term: Term,
  [prevIndex, prevTerm]: readonly [number, Term],
  entries: readonly Entry[],
  commit = 1,
): Message {
  const kind = "append";
  return message(from, 1, term, { kind, prevIndex, prevTerm, entries, commit });
}

/** How far member 1 has acknowledged, answer by answer. */
function acknowledged(cluster: TestCluster): string[] {
  const said: string[] = [];
  for (const each of cluster.sent) {
    if (each.kind !== "append_response" || each.from !== 1) continue;
    said.push(`${each.ok ? "ok" : "no"} ${each.index} t${each.term}`);
  }
  return said;
}

Deno.test("entries are acknowledged once they are durable, in the order of their writes", () => {
  const cluster = startCluster("1 2 3");
  nodeOf(cluster, 1).autoPersist = false;
  pass(cluster, append(2, 2, [1, 1], [entry(2, 2)]));
  pass(cluster, append(2, 2, [2, 2], [entry(3, 2)]));
  assertEquals(acknowledged(cluster), []);
  persist(cluster, 1, 1);
  assertEquals(acknowledged(cluster), ["ok 2 t2"]);
  persist(cluster, 1, 1);
  assertEquals(acknowledged(cluster), ["ok 2 t2", "ok 3 t2"]);
});

Deno.test("a repeated append is acknowledged no sooner than the first one", () => {
  const cluster = startCluster("1 2 3");
  nodeOf(cluster, 1).autoPersist = false;
  const first = append(2, 2, [1, 1], [entry(2, 2)]);
  pass(cluster, first);
  pass(cluster, first);
  assertEquals(acknowledged(cluster), []);
  persist(cluster, 1);
  assertEquals(acknowledged(cluster), ["ok 2 t2", "ok 2 t2"]);
});

Deno.test("the write of an entry that was replaced does not make its successor durable (ABA)", () => {
  const cluster = startCluster("1 2 3");
  const { core } = nodeOf(cluster, 1);
  nodeOf(cluster, 1).autoPersist = false;
  pass(cluster, append(2, 2, [1, 1], [entry(2, 2), entry(3, 2)]));
  pass(cluster, append(3, 3, [1, 1], [entry(2, 3), entry(3, 3)]));
  persist(cluster, 1, 1);
  assertEquals(core.log.stableIndex, 1);
  pass(cluster, append(2, 4, [3, 3], [entry(4, 4)]));
  persist(cluster, 1, 1);
  assertEquals(core.log.stableIndex, 3);
  persist(cluster, 1);
  assertEquals([core.log.stableIndex, termsOf(core)], [4, [1, 3, 3, 4]]);
  assertEquals(acknowledged(cluster), ["ok 3 t2", "ok 3 t3", "ok 4 t4"]);
});

Deno.test("a single node commits what is durable, and nothing before", () => {
  const cluster = startCluster("1");
  elect(cluster, 1);
  nodeOf(cluster, 1).autoPersist = false;
  propose(cluster, 1);
  const { core } = nodeOf(cluster, 1);
  assertEquals(core.commit, 2);
  persist(cluster, 1);
  assertEquals(core.commit, 3);
});

Deno.test("a leader's own copy counts once it is durable", () => {
  const cluster = startCluster("1 2 3");
  const leader = elect(cluster, 1);
  nodeOf(cluster, 1).autoPersist = false;
  crash(cluster, 3);
  propose(cluster, 1);
  deliver(cluster);
  assertEquals([leader.commit, coreAt(cluster, 2).log.stableIndex], [2, 3]);
  persist(cluster, 1);
  assertEquals(leader.commit, 3);
});

Deno.test("a leader's followers alone can commit while its disk is slow", () => {
  const cluster = startCluster("1 2 3");
  const leader = elect(cluster, 1);
  nodeOf(cluster, 1).autoPersist = false;
  propose(cluster, 1);
  deliver(cluster);
  assertEquals([leader.commit, leader.log.stableIndex], [3, 2]);
});

Deno.test("a candidate asks for votes, and counts its own, once that is durable", () => {
  const cluster = startCluster("1 2 3");
  nodeOf(cluster, 1).autoPersist = false;
  input(cluster, 1, { kind: "campaign" });
  deliver(cluster);
  const { core } = nodeOf(cluster, 1);
  assertEquals([core.role, core.votes.size], ["candidate", 0]);
  assertEquals(cluster.sent.some(({ kind }) => kind === "vote"), false);
  persist(cluster, 1);
  deliver(cluster);
  assertEquals(core.role, "leader");
});

Deno.test("a vote of its own that comes late does not count for a later election", () => {
  const cluster = startCluster("1 2 3");
  nodeOf(cluster, 1).autoPersist = false;
  input(cluster, 1, { kind: "campaign" });
  deliver(cluster);
  const body = { kind: "heartbeat", commit: 1, round: 0, sentAtMs: 0 } as const;
  pass(cluster, message(2, 1, 2, body));
  persist(cluster, 1);
  const { core } = nodeOf(cluster, 1);
  assertEquals([core.role, core.votes.size, core.votedFor], ["follower", 0, 1]);
});

Deno.test("what a restart finds is what was durable: term, vote, commit and entries", () => {
  const cluster = startCluster("1 2 3");
  pass(cluster, append(2, 2, [1, 1], [entry(2, 2), entry(3, 2)], 3));
  nodeOf(cluster, 1).autoPersist = false;
  pass(cluster, append(2, 3, [3, 2], [entry(4, 3)], 4));
  crash(cluster, 1);
  restart(cluster, 1);
  const { core } = nodeOf(cluster, 1);
  assertEquals([core.term, termsOf(core)], [2, [1, 2, 2]]);
  assertEquals(core.commit <= 3, true);
});

Deno.test("a group that lost power at once keeps everything it had committed", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  for (let round = 0; round < 5; round++) {
    propose(cluster, 1, 3);
    deliver(cluster);
  }
  for (const id of [1, 2, 3]) nodeOf(cluster, id).autoPersist = false;
  propose(cluster, 1, 3);
  deliver(cluster);
  for (const id of [1, 2, 3]) {
    crash(cluster, id);
    restart(cluster, id);
    nodeOf(cluster, id).autoPersist = true;
  }
  elapse(cluster, 4000);
  // The harness compares every commit with what was committed before.
  assertEquals([...cluster.nodes.values()].map(({ core }) => core.commit), [
    18,
    18,
    18,
  ]);
});

Deno.test("a node that held a longer tail before its crash accepts the group's", () => {
  const founding = configure("1 2 3");
  const disks = { 1: diskOf(founding, [2, 2, 2]), 2: diskOf(founding, [3]) };
  const cluster = startCluster(founding, {}, disks);
  elect(cluster, 2);
  elapse(cluster, 300);
  assertEquals(termsOf(coreAt(cluster, 1)), [1, 3, 4]);
});
