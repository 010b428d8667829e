import { assert, assertEquals } from "@std/assert";
import {
  addNode,
  configure,
  coreAt,
  crash,
  deliver,
  type Disk,
  diskOf,
  elapse,
  elect,
  emptyDisk,
  heal,
  input,
  isolate,
  message,
  nodeOf,
  pass,
  persist,
  restart,
  startCluster,
  type TestCluster,
} from "./cluster_test_kit.ts";
import type { Message, VoteRequest } from "./messages.ts";

type Ask = Partial<VoteRequest> & Pick<VoteRequest, "kind" | "term">;

/** A request of member 2 for the vote of member 1, from a log that ends at 9 of term 9. */
function ask(request: Ask): Message {
  const body = {
    kind: request.kind,
    lastIndex: 9,
    lastTerm: 9,
    early: false,
    transfer: false,
  };
  return { ...message(2, 1, request.term, body), ...request } as Message;
}

/** The answers that member 1 has given, in short. */
function answers(cluster: TestCluster): string[] {
  const said: string[] = [];
  for (const each of cluster.sent) {
    if (each.from !== 1) continue;
    if (each.kind !== "vote_response" && each.kind !== "pre_vote_response") {
      continue;
    }
    const removed = each.removedAt > 0 ? ` removed ${each.removedAt}` : "";
    said.push(`${each.granted ? "yes" : "no"} t${each.term}${removed}`);
  }
  return said;
}

/** Member 1 in term 5, its log ending at 4 of term 5, and what it answers to `request`. */
function answerTo(
  request: Ask,
  prepare?: (cluster: TestCluster) => void,
): string {
  const disk: Disk = diskOf(configure("1 2 3"), [1, 2, 5]);
  const cluster = startCluster("1 2 3", {}, { 1: disk });
  prepare?.(cluster);
  pass(cluster, ask(request));
  return answers(cluster).join();
}

/** Member 1 hears from member 3, which leads term 5. */
function hearFrom3(cluster: TestCluster): void {
  const body = { kind: "heartbeat", commit: 1, round: 0, sentAtMs: 0 } as const;
  pass(cluster, message(3, 1, 5, body));
}

Deno.test("a vote depends on term, log, former vote and leader alone", () => {
  const table: [string, Ask, string][] = [
    ["newer term and log", { kind: "vote", term: 6 }, "yes t6"],
    ["its own term, no vote given", { kind: "vote", term: 5 }, "yes t5"],
    ["an old term", { kind: "vote", term: 4 }, "no t5"],
    [
      "equal log",
      { kind: "vote", term: 6, lastIndex: 4, lastTerm: 5 },
      "yes t6",
    ],
    [
      "shorter log",
      { kind: "vote", term: 6, lastIndex: 3, lastTerm: 5 },
      "no t6",
    ],
    [
      "older log",
      { kind: "vote", term: 6, lastIndex: 99, lastTerm: 4 },
      "no t6",
    ],
    ["a pre-vote for the next term", { kind: "pre_vote", term: 6 }, "yes t6"],
    ["a pre-vote for this term", { kind: "pre_vote", term: 5 }, "no t5"],
    ["a pre-vote from the past", { kind: "pre_vote", term: 4 }, "no t5"],
    [
      "a pre-vote, older log",
      { kind: "pre_vote", term: 6, lastTerm: 4 },
      "no t5",
    ],
  ];
  for (const [why, request, expected] of table) {
    assertEquals(answerTo(request), expected, why);
  }
});

Deno.test("while its leader lives a node moves neither term nor vote, unless the leader asks", () => {
  const table: [string, Ask, string][] = [
    ["vote", { kind: "vote", term: 6 }, "no t5"],
    ["pre-vote", { kind: "pre_vote", term: 6 }, "no t5"],
    ["transfer", { kind: "vote", term: 6, transfer: true }, "yes t6"],
    ["the leader itself", {
      kind: "vote",
      term: 6,
      from: 3,
      fromIncarnation: 30,
    }, "yes t6"],
  ];
  for (const [why, request, expected] of table) {
    assertEquals(answerTo(request, hearFrom3), expected, why);
  }
  const later = answerTo({ kind: "vote", term: 6 }, (cluster) => {
    hearFrom3(cluster);
    cluster.nowMs += 1000;
  });
  assertEquals(later, "yes t6", "after an election timeout");
});

Deno.test("one vote a term: it survives restarts and the sight of a leader", () => {
  const cluster = startCluster("1 2 3");
  pass(cluster, ask({ kind: "vote", term: 6 }));
  const other = {
    kind: "vote",
    term: 6,
    from: 3,
    fromIncarnation: 30,
  } as const;
  pass(cluster, ask(other));
  restart(cluster, 1);
  pass(cluster, ask(other));
  pass(cluster, ask({ kind: "vote", term: 6 }));
  const body = { kind: "heartbeat", commit: 1, round: 0, sentAtMs: 0 } as const;
  pass(cluster, message(2, 1, 6, body));
  pass(cluster, ask({ ...other, transfer: true }));
  assertEquals(answers(cluster), [
    "yes t6",
    "no t6",
    "no t6",
    "yes t6",
    "no t6",
  ]);
});

Deno.test("a vote is said once it is durable, and forgotten with the crash before", () => {
  const cluster = startCluster("1 2 3");
  nodeOf(cluster, 1).autoPersist = false;
  pass(cluster, ask({ kind: "vote", term: 6 }));
  assertEquals(answers(cluster), []);
  crash(cluster, 1);
  restart(cluster, 1);
  pass(cluster, ask({ kind: "vote", term: 6, from: 3, fromIncarnation: 30 }));
  persist(cluster, 1);
  assertEquals(answers(cluster), ["yes t6"]);
});

Deno.test("an early vote needs evidence of the voter's own, and no leases", () => {
  const request = { kind: "pre_vote", term: 6, early: true } as const;
  const after =
    (kind: "peer_gone" | "peer_present") => (cluster: TestCluster) => {
      hearFrom3(cluster);
      input(cluster, 1, { kind, peer: 3 });
    };
  assertEquals(answerTo(request, after("peer_gone")), "yes t6");
  assertEquals(
    answerTo(request, after("peer_present")),
    "",
    "held for a probe",
  );
  for (const kind of ["peer_gone", "peer_present"] as const) {
    const cluster = startCluster("1 2 3");
    hearFrom3(cluster);
    pass(cluster, ask(request));
    assertEquals(nodeOf(cluster, 1).probes, [3]);
    input(cluster, 1, { kind, peer: 3 });
    assertEquals(answers(cluster), [kind === "peer_gone" ? "yes t6" : "no t5"]);
  }
  const leases = startCluster(configure("1 2 3", true));
  hearFrom3(leases);
  input(leases, 1, { kind: "peer_gone", peer: 3 });
  pass(leases, ask(request));
  assertEquals(answers(leases), ["no t5"]);
});

Deno.test("a node without a configuration votes for nobody and never stands", () => {
  const cluster = startCluster("2 3");
  addNode(cluster, 1, emptyDisk());
  for (const kind of ["pre_vote", "vote"] as const) {
    pass(cluster, ask({ kind, term: 6 }));
  }
  elapse(cluster, 3000, [1]);
  assertEquals(answers(cluster), ["no t0", "no t0"]);
  assertEquals(coreAt(cluster, 1).role, "follower");
});

Deno.test("what another incarnation says or is told counts for nothing", () => {
  const cluster = startCluster("1 2 3");
  input(cluster, 1, { kind: "campaign" });
  const body = {
    kind: "pre_vote_response",
    granted: true,
    removedAt: 0,
  } as const;
  const grant = message(2, 1, 2, body);
  pass(cluster, { ...grant, fromIncarnation: 21 });
  pass(cluster, { ...grant, toIncarnation: 11 });
  assertEquals(coreAt(cluster, 1).role, "pre_candidate");
  pass(cluster, grant);
  assertEquals(coreAt(cluster, 1).role, "candidate");
});

Deno.test("a removed member that missed its removal is told so and stops asking", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  isolate(cluster, 3);
  const change = { kind: "remove", id: 3 } as const;
  input(cluster, 1, {
    kind: "change",
    requestId: 1,
    change,
    expectedIndex: null,
    force: false,
  });
  elapse(cluster, 2000);
  heal(cluster);
  elapse(cluster, 2000);
  assertEquals([coreAt(cluster, 1).role, coreAt(cluster, 1).term], [
    "leader",
    2,
  ]);
  assertEquals(coreAt(cluster, 3).removedAt, 3);
  const before = cluster.sent.length;
  elapse(cluster, 3000, [3]);
  assertEquals(cluster.sent.slice(before).filter(({ from }) => from === 3), []);
});

Deno.test("a member that comes back after a long time does not depose the leader", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  isolate(cluster, 3);
  elapse(cluster, 5000);
  heal(cluster);
  elapse(cluster, 2000);
  assertEquals([coreAt(cluster, 1).role, coreAt(cluster, 1).term], [
    "leader",
    2,
  ]);
  assertEquals(coreAt(cluster, 3).leaderId, 1);
});

Deno.test("a member of a lower term wins where its log is the best", () => {
  const founding = configure("1 2 3");
  const ahead: Disk = diskOf(founding, [1]);
  ahead.hardState = { term: 9, votedFor: 3, commit: 1 };
  const disks = { 1: diskOf(founding, [1, 2]), 3: ahead };
  const cluster = startCluster(founding, {}, disks);
  crash(cluster, 2);
  elapse(cluster, 6000);
  assertEquals(coreAt(cluster, 1).role, "leader");
});

Deno.test("a data member wins before a witness, and the witness where no data member can", () => {
  const cluster = startCluster("1w 2 3");
  elapse(cluster, 2000);
  assert(coreAt(cluster, 1).role !== "leader");
  const founding = configure("1w 2 3");
  const better = startCluster(founding, {}, { 1: diskOf(founding, [1, 2]) });
  crash(better, 3);
  elapse(better, 6000);
  assertEquals([...better.leaders.values()][0], 1);
  assertEquals(coreAt(better, 2).role, "leader");
});

Deno.test("when the leader's process is gone the others need no timeout to replace it", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 200);
  crash(cluster, 1);
  for (const id of [2, 3]) input(cluster, id, { kind: "peer_gone", peer: 1 });
  elapse(cluster, 50);
  assertEquals(coreAt(cluster, 2).role, "leader");
});

Deno.test("survivors whose votes are split do not wait for the vote of the one that is gone", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 200);
  const { term } = coreAt(cluster, 1);
  crash(cluster, 1);
  for (const id of [2, 3]) input(cluster, id, { kind: "peer_gone", peer: 1 });
  cluster.nowMs += 30;
  for (const id of [2, 3]) input(cluster, id, { kind: "tick" });
  deliver(cluster);
  const votes = [2, 3].map((id) => {
    const { term, votedFor } = coreAt(cluster, id).durableHardState;
    return { term, votedFor };
  });
  assertEquals(votes, [
    { term: term + 1, votedFor: 2 },
    { term: term + 1, votedFor: 3 },
  ]);
  elapse(cluster, 300);
  assert([2, 3].some((id) => coreAt(cluster, id).role === "leader"));
});

Deno.test("a leader without a quorum steps down within T, also after it was frozen", () => {
  const cluster = startCluster("1 2 3");
  const leader = elect(cluster, 1);
  elapse(cluster, 200);
  isolate(cluster, 1);
  elapse(cluster, 1000, [1]);
  assertEquals([leader.role, leader.leaderId], ["follower", 0]);
  const frozen = startCluster("1 2 3");
  const sleeper = elect(frozen, 1);
  elapse(frozen, 200);
  frozen.nowMs += 1000;
  input(frozen, 1, { kind: "read", requestId: 1 });
  assertEquals(sleeper.role, "follower");
  assertEquals(nodeOf(frozen, 1).reads.map(({ kind }) => kind), ["refused"]);
});

Deno.test("a leader whose disk hangs gives leadership away", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 200);
  nodeOf(cluster, 1).autoPersist = false;
  input(cluster, 1, {
    kind: "propose",
    proposals: [{ id: 1, kind: "command", data: new Uint8Array() }],
  });
  elapse(cluster, 1900);
  assertEquals(coreAt(cluster, 1).role, "leader");
  elapse(cluster, 300);
  assertEquals(coreAt(cluster, 1).role, "follower");
  assert([2, 3].some((id) => coreAt(cluster, id).role === "leader"));
  deliver(cluster);
});

Deno.test("a fast election is won also where a write takes longer than a heartbeat", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 200);
  crash(cluster, 1);
  for (const id of [2, 3]) {
    nodeOf(cluster, id).autoPersist = false;
    input(cluster, id, { kind: "peer_gone", peer: 1 });
  }
  deliver(cluster);
  for (let writes = 0; writes < 6; writes++) {
    elapse(cluster, 150);
    for (const id of [2, 3]) persist(cluster, id);
    deliver(cluster);
  }
  assert([2, 3].some((id) => coreAt(cluster, id).role === "leader"));
});

Deno.test("a leader hears of no other election while it leads, and of a later term at once", () => {
  const cluster = startCluster("1 2 3");
  const leader = elect(cluster, 1);
  for (const kind of ["pre_vote", "vote"] as const) {
    pass(cluster, ask({ kind, term: 9, early: true }));
  }
  assertEquals(answers(cluster), ["no t2", "no t2"]);
  assertEquals([leader.role, leader.term], ["leader", 2]);
  const heartbeat = message(1, 2, 1, {
    kind: "heartbeat",
    commit: 1,
    round: 1,
    sentAtMs: 0,
  });
  pass(cluster, heartbeat);
  const answer = cluster.sent.at(-1);
  assertEquals([answer?.kind, answer?.term], ["heartbeat_response", 2]);
  pass(
    cluster,
    message(2, 1, 9, { kind: "heartbeat_response", round: 0, sentAtMs: 0 }),
  );
  assertEquals([leader.role, leader.term], ["follower", 9]);
});

Deno.test("neither a pre-vote for another term nor an own vote for a past one counts", () => {
  const cluster = startCluster("1 2 3");
  const { core } = nodeOf(cluster, 1);
  nodeOf(cluster, 1).autoPersist = false;
  const grant = {
    kind: "pre_vote_response",
    granted: true,
    removedAt: 0,
  } as const;
  input(cluster, 1, { kind: "campaign" });
  pass(cluster, message(2, 1, 9, grant));
  assertEquals(core.role, "pre_candidate");
  pass(cluster, message(2, 1, 2, grant));
  input(cluster, 1, { kind: "campaign" });
  pass(cluster, message(2, 1, 3, grant));
  assertEquals([core.role, core.term], ["candidate", 3]);
  persist(cluster, 1, 1);
  assertEquals(core.votes.size, 0);
  persist(cluster, 1);
  assertEquals(core.votes.size, 1);
});

Deno.test("with leases nobody hurries when the leader is gone, without them again somebody does", () => {
  const cluster = startCluster(configure("1 2 3", true));
  cluster.nowMs += 1000;
  elect(cluster, 1);
  elapse(cluster, 200);
  input(cluster, 2, { kind: "peer_gone", peer: 1 });
  elapse(cluster, 50, [2]);
  assertEquals([coreAt(cluster, 2).role, coreAt(cluster, 2).fast], [
    "follower",
    false,
  ]);
  const change = { kind: "lease_reads", enabled: false } as const;
  input(cluster, 1, {
    kind: "change",
    requestId: 1,
    change,
    expectedIndex: null,
    force: false,
  });
  elapse(cluster, 200);
  crash(cluster, 1);
  for (const id of [2, 3]) input(cluster, id, { kind: "peer_gone", peer: 1 });
  elapse(cluster, 50);
  assertEquals(coreAt(cluster, 2).role, "leader");
});
