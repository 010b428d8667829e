import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../base/mod.ts";
import {
  configure,
  coreAt,
  crash,
  deliver,
  type Disk,
  diskOf,
  elapse,
  elect,
  entry,
  heal,
  input,
  isolate,
  message,
  nodeOf,
  pass,
  propose,
  startCluster,
  termsOf,
  type TestCluster,
} from "./cluster_test_kit.ts";
import { latestConfiguration } from "./configuration.ts";
import { COMMIT_NEWS_DELAY_MS } from "./limits.ts";
import { lastIndex } from "./log.ts";
import type { Message } from "./messages.ts";
import type { Entry, Term } from "./types.ts";

const FOUNDING = configure("1 2 3");

/** Member 1 whose log holds the founding entry and then entries of these terms. */
function follower(terms: readonly Term[]): TestCluster {
  return startCluster(FOUNDING, {}, { 1: diskOf(FOUNDING, terms) });
}

/** An append of leader 2 in term 9 to member 1. */
function append(
  [prevIndex, prevTerm]: readonly [number, Term],
  terms: readonly Term[],
  commit = 1,
): Message {
  const entries: Entry[] = terms.map((term, i) =>
    entry(prevIndex + 1 + i, term)
  );
  const kind = "append";
  return message(2, 1, 9, { kind, prevIndex, prevTerm, entries, commit });
}

function answersOf(cluster: TestCluster): string[] {
  const said: string[] = [];
  for (const each of cluster.sent) {
    if (each.kind !== "append_response") continue;
    const { ok, index, hintIndex, hintTerm } = each;
    said.push(ok ? `ok ${index}` : `no ${index} hint ${hintIndex}@${hintTerm}`);
  }
  return said;
}

Deno.test("a follower takes what matches, drops what contradicts, and hints where to look", () => {
  const table: [string, Term[], Message, string, Term[], number][] = [
    ["the next", [2, 2], append([3, 2], [9]), "ok 4", [1, 2, 2, 9], 1],
    ["nothing new", [2, 2], append([3, 2], []), "ok 3", [1, 2, 2], 1],
    ["a repetition", [2, 2], append([1, 1], [2]), "ok 2", [1, 2, 2], 1],
    ["a contradiction", [2, 2], append([1, 1], [3]), "ok 2", [1, 3], 1],
    ["half known", [2, 2], append([1, 1], [2, 3, 4]), "ok 4", [1, 2, 3, 4], 1],
    ["a gap", [2, 2], append([7, 3], [9]), "no 7 hint 3@2", [1, 2, 2], 1],
    ["another past", [2, 5, 5], append([4, 3], [9]), "no 4 hint 2@2", [
      1,
      2,
      5,
      5,
    ], 1],
    ["commit beyond the message", [2, 2], append([1, 1], [2], 9), "ok 2", [
      1,
      2,
      2,
    ], 2],
    ["commit within the message", [], append([1, 1], [2, 2], 2), "ok 3", [
      1,
      2,
      2,
    ], 2],
  ];
  for (const [why, held, request, answer, terms, commit] of table) {
    const cluster = follower(held);
    pass(cluster, request);
    const { core } = nodeOf(cluster, 1);
    assertEquals([answersOf(cluster), termsOf(core), core.commit], [
      [answer],
      terms,
      commit,
    ], why);
  }
});

Deno.test("late and repeated appends never cut off what matched", () => {
  const cluster = follower([]);
  const first = append([1, 1], [9]);
  const second = append([2, 9], [9, 9]);
  for (
    const each of [first, second, first, second, append([1, 1], []), first]
  ) {
    pass(cluster, each);
    const length = each === first && answersOf(cluster).length === 1 ? 2 : 4;
    assertEquals(lastIndex(coreAt(cluster, 1).log), length);
  }
});

Deno.test("a committed entry can't be dropped", () => {
  const cluster = follower([2, 2]);
  pass(cluster, append([3, 2], [], 3));
  assertThrows(
    () => pass(cluster, append([1, 1], [3])),
    InvariantError,
    "is committed",
  );
});

Deno.test("a heartbeat commits no more than the log holds", () => {
  const cluster = follower([2]);
  const body = {
    kind: "heartbeat",
    commit: 99,
    round: 0,
    sentAtMs: 0,
  } as const;
  pass(cluster, message(2, 1, 9, body));
  assertEquals(coreAt(cluster, 1).commit, 2);
});

Deno.test("a leader's heartbeat names no commit beyond what the member is known to hold", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  cluster.lose = ({ to, kind }) => to === 3 && kind === "append";
  propose(cluster, 1, 5);
  deliver(cluster);
  elapse(cluster, 300);
  for (const each of cluster.sent) {
    if (each.kind === "heartbeat" && each.to === 3) assert(each.commit <= 2);
  }
  assertEquals(coreAt(cluster, 1).commit, 7);
});

Deno.test("an older term's entry commits with one of the leader's own term only (figure 8)", () => {
  const disks = { 1: diskOf(FOUNDING, [2]), 2: diskOf(FOUNDING, [2]) };
  const cluster = startCluster(FOUNDING, { maxAppendEntries: 1 }, disks);
  crash(cluster, 3);
  cluster.lose = (each) =>
    each.kind === "append" && each.entries.some(({ term }) => term > 2);
  const leader = elect(cluster, 1);
  elapse(cluster, 300);
  const answer = {
    kind: "append_response",
    ok: true,
    index: 2,
    hintIndex: 0,
    hintTerm: 0,
  } as const;
  pass(cluster, message(2, 1, leader.term, answer));
  assertEquals(leader.leader?.progress.get(2)?.match, 2);
  assertEquals(leader.commit, 1);
  heal(cluster);
  elapse(cluster, 300);
  assertEquals(leader.commit, 3);
});

Deno.test("a leader finds where logs part in as many probes as terms differ, not entries", () => {
  const long = (term: Term): Term[] => Array.from({ length: 300 }, () => term);
  const table: [string, Term[], Term[], number][] = [
    [
      "the follower's tail is of an old term",
      [...long(3), ...long(5)],
      long(2),
      4,
    ],
    ["the follower is far behind", long(3), [], 3],
    ["both have tails of their own", [...long(2), ...long(6)], [
      ...long(2),
      ...long(4),
    ], 4],
    ["terms take turns", [2, 4, 6, 8, 10], [2, 3, 5, 7, 9], 7],
  ];
  for (const [why, leading, following, bound] of table) {
    const disks: Record<number, Disk> = {
      1: diskOf(FOUNDING, leading),
      2: diskOf(FOUNDING, following),
    };
    const cluster = startCluster(FOUNDING, {}, disks);
    crash(cluster, 3);
    const leader = elect(cluster, 1);
    elapse(cluster, 50);
    assertEquals(termsOf(coreAt(cluster, 2)), termsOf(leader), why);
    const rejected = answersOf(cluster).filter((each) => each.startsWith("no"));
    assert(rejected.length <= bound, `${why}: ${rejected.length} probes`);
  }
});

Deno.test("a leader sends no more than its window before an answer", () => {
  const table = [
    { maxInflightMessages: 3, maxAppendEntries: 2, expected: 3 },
    {
      maxInflightMessages: 99,
      maxAppendEntries: 1,
      maxInflightBytes: 100,
      expected: 4,
    },
    {
      maxInflightMessages: 99,
      maxAppendEntries: 99,
      maxAppendBytes: 70,
      expected: 10,
    },
  ];
  for (const { expected, ...limits } of table) {
    const cluster = startCluster("1 2 3", limits);
    elect(cluster, 1);
    const before = appendsTo(cluster, 2);
    propose(cluster, 1, 20);
    assertEquals(appendsTo(cluster, 2) - before, expected);
    deliver(cluster);
    elapse(cluster, COMMIT_NEWS_DELAY_MS);
    assertEquals(coreAt(cluster, 2).commit, 22);
  }
});

Deno.test("lost appends, lost answers and a lost commit heal without further proposals", () => {
  for (const kind of ["append", "append_response", "heartbeat"]) {
    const cluster = startCluster("1 2 3", {
      maxInflightMessages: 2,
      maxAppendEntries: 1,
    });
    elect(cluster, 1);
    elapse(cluster, 200);
    cluster.lose = (each) => each.kind === kind;
    propose(cluster, 1, 5);
    deliver(cluster);
    heal(cluster);
    elapse(cluster, 1500);
    const commits = [1, 2, 3].map((id) => coreAt(cluster, id).commit);
    assertEquals(commits, [7, 7, 7], `lost: ${kind}`);
  }
});

Deno.test("messages in any order lead to the same log", () => {
  const cluster = startCluster("1 2 3", { maxAppendEntries: 1 });
  elect(cluster, 1);
  for (let round = 0; round < 20; round++) {
    propose(cluster, 1, 3);
    cluster.wire.reverse();
    cluster.wire.push(...cluster.wire.slice(0, 2));
    deliver(cluster);
  }
  elapse(cluster, 500);
  const commits = [1, 2, 3].map((id) => coreAt(cluster, id).commit);
  assertEquals(commits, [62, 62, 62]);
});

Deno.test("a deposed leader's tail gives way, and its bytes are not counted for ever", () => {
  const cluster = startCluster("1 2 3", { maxUncommittedBytes: 1 << 20 });
  elect(cluster, 1);
  elapse(cluster, 200);
  isolate(cluster, 1);
  propose(cluster, 1, 10, 1000);
  elapse(cluster, 3000);
  heal(cluster);
  elapse(cluster, 3000);
  const leader = [1, 2, 3].map((id) => coreAt(cluster, id)).find((core) =>
    core.role === "leader"
  );
  assertEquals(leader?.leader?.uncommittedBytes, 0);
  assertEquals(termsOf(coreAt(cluster, 1)), leader && termsOf(leader));
});

function appendsTo(cluster: TestCluster, id: number): number {
  const appends = cluster.sent.filter(({ to, kind }) =>
    to === id && kind === "append"
  );
  return appends.length;
}

Deno.test("a leader that compacts beyond a slow stream survives the member's next answer", () => {
  const limits = { maxInflightMessages: 1, maxAppendEntries: 4 };
  const cluster = startCluster("1 2 3", limits);
  const leader = elect(cluster, 1);
  elapse(cluster, 200);
  cluster.lose = ({ to, kind }) => to === 2 && kind === "append";
  propose(cluster, 1, 40);
  deliver(cluster);
  cluster.nowMs += 100;
  const { term, commit: index } = leader;
  const { index: configurationIndex, configuration } = latestConfiguration(
    leader.configurations,
  );
  const meta = { index, term, configuration, configurationIndex };
  input(
    cluster,
    1,
    { kind: "snapshot_taken", snapshot: { ...meta, sizeBytes: 10 } },
    {
      kind: "message",
      message: message(2, 1, term, {
        kind: "heartbeat_response",
        round: 1,
        sentAtMs: 0,
      }),
    },
  );
  cluster.lose = () => false;
  elapse(cluster, 1000);
  assertEquals(coreAt(cluster, 2).commit, leader.commit);
});

Deno.test("frequent reads do not repeat a probe that is still being written", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 200);
  nodeOf(cluster, 2).autoPersist = false;
  const proposals = [{
    id: 1,
    kind: "command" as const,
    data: new Uint8Array(),
  }];
  input(cluster, 1, { kind: "peer_gone", peer: 2 }, {
    kind: "propose",
    proposals,
  });
  deliver(cluster);
  const before = appendsTo(cluster, 2);
  for (let requestId = 1; requestId <= 20; requestId++) {
    input(cluster, 1, { kind: "read", requestId });
    deliver(cluster);
  }
  assertEquals(appendsTo(cluster, 2) - before <= 1, true);
});

Deno.test("what learners hold commits nothing", () => {
  const cluster = startCluster("1 2 3 4l 5l 6l");
  const leader = elect(cluster, 1);
  elapse(cluster, 200);
  crash(cluster, 2);
  crash(cluster, 3);
  propose(cluster, 1);
  elapse(cluster, 200);
  assertEquals([leader.commit, leader.leader?.progress.get(4)?.match], [2, 3]);
});

Deno.test("an append from before the compacted log is answered with what is committed", () => {
  const disk = diskOf(FOUNDING, [2, 2, 2]);
  const compacted: Disk = {
    ...disk,
    hardState: { term: 2, votedFor: 0, commit: 3 },
    entries: disk.entries.slice(2),
    baseIndex: 2,
    baseTerm: 2,
  };
  const cluster = startCluster(FOUNDING, {}, { 1: compacted });
  pass(cluster, append([1, 1], [2, 2]));
  assertEquals(answersOf(cluster), ["ok 3"]);
  pass(cluster, append([2, 2], [2, 2]));
  assertEquals(answersOf(cluster), ["ok 3", "ok 4"]);
});
