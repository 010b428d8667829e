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
  heal,
  input,
  isolate,
  message,
  nodeOf,
  obey,
  pass,
  persist,
  propose,
  restart,
  startCluster,
  takeSnapshot,
  type TestCluster,
} from "./cluster_test_kit.ts";
import { lastIndex } from "./log.ts";
import type { Message } from "./messages.ts";

const META = {
  index: 9,
  term: 1,
  configuration: configure("1 2 3"),
  configurationIndex: 1,
  sizeBytes: 8,
};

/** A piece of four bytes of {@linkcode META} for member 2. */
function chunk(from: number, term: number, offset: number): Message {
  const kind = "snapshot_chunk";
  const data = new Uint8Array(4);
  return message(from, 2, term, { kind, snapshot: META, offset, data });
}

Deno.test("a piece written for the last leader's snapshot does not count for the next one's", () => {
  const cluster = startCluster("1 2 3");
  const node = nodeOf(cluster, 2);
  node.autoSnapshot = false;
  pass(cluster, chunk(1, 2, 0));
  obey(cluster, 2);
  pass(cluster, chunk(1, 2, 4));
  pass(cluster, chunk(3, 3, 0));
  input(cluster, 2, { kind: "chunk_written", index: 9, nextOffset: 8 });
  const kinds = node.commands.map(({ kind }) => kind);
  assertEquals(kinds, ["write_chunk", "discard", "write_chunk"]);
});

Deno.test("a snapshot arrives though the leader takes newer ones meanwhile", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 100);
  isolate(cluster, 3);
  propose(cluster, 1, 30);
  deliver(cluster);
  takeSnapshot(cluster, 1, 40);
  heal(cluster);
  nodeOf(cluster, 1).autoSnapshot = false;
  for (let piece = 0; piece < 15; piece++) {
    elapse(cluster, 100);
    propose(cluster, 1);
    deliver(cluster);
    takeSnapshot(cluster, 1, 40);
    obey(cluster, 1);
  }
  elapse(cluster, 200);
  assertEquals(coreAt(cluster, 3).commit, coreAt(cluster, 1).commit);
});

/** A group whose leader has compacted 30 entries that member 3 lacks. */
function clusterWithLaggard(sizeBytes: number): TestCluster {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 100);
  isolate(cluster, 3);
  propose(cluster, 1, 30);
  deliver(cluster);
  takeSnapshot(cluster, 1, sizeBytes);
  heal(cluster);
  return cluster;
}

/** The snapshot pieces that member 3 was sent, by offset. */
function offsets(cluster: TestCluster): number[] {
  const sent: number[] = [];
  for (const each of cluster.sent) {
    if (each.kind === "snapshot_chunk") sent.push(each.offset);
  }
  return sent;
}

Deno.test("a member whose entries are compacted gets a snapshot in pieces, then entries", () => {
  for (const [size, expected] of [[10, [0, 4, 8]], [8, [0, 4]], [0, [0]]]) {
    const cluster = clusterWithLaggard(Number(size));
    elapse(cluster, 300);
    assertEquals(offsets(cluster), expected);
    propose(cluster, 1, 3);
    elapse(cluster, 200);
    assertEquals(coreAt(cluster, 3).commit, coreAt(cluster, 1).commit);
    assertEquals(coreAt(cluster, 3).log.baseIndex, 32);
    assertEquals(nodeOf(cluster, 3).disk.snapshot?.index, 32);
    restart(cluster, 3);
    assertEquals(coreAt(cluster, 3).commit >= 32, true);
  }
});

Deno.test("a lost piece is sent again, a repeated answer asks for nothing new", () => {
  const cluster = clusterWithLaggard(12);
  let lost = 0;
  cluster.lose = ({ kind }) => kind === "snapshot_chunk" && lost++ === 1;
  elapse(cluster, 2500);
  assertEquals(offsets(cluster), [0, 4, 4, 8]);
  assertEquals(coreAt(cluster, 3).commit, 32);
  const twice = clusterWithLaggard(12);
  twice.lose = (each) => {
    if (each.kind === "snapshot_response") {
      input(twice, 1, { kind: "message", message: each });
    }
    return false;
  };
  elapse(twice, 500);
  assertEquals(coreAt(twice, 3).commit, 32);
  assertEquals(offsets(twice).length <= 4, true, `${offsets(twice)}`);
});

Deno.test("a receiver that restarts begins anew, a leader that restarts is served anew", () => {
  for (const id of [1, 3]) {
    const cluster = clusterWithLaggard(40);
    cluster.lose = ({ kind, to }) =>
      kind === "snapshot_chunk" && to === 3 && offsets(cluster).length > 4;
    elapse(cluster, 200);
    crash(cluster, id);
    restart(cluster, id);
    heal(cluster);
    elapse(cluster, 6000);
    const commits = [1, 2, 3].map((each) => coreAt(cluster, each).commit);
    assertEquals(new Set(commits).size, 1, `${commits} after ${id} restarted`);
  }
});

Deno.test("a snapshot that is not ahead of the commit index is answered, not installed", () => {
  const founding = configure("1 2 3");
  const disk = diskOf(founding, [1, 1, 1, 1, 1, 1, 1, 1, 1]);
  disk.hardState = { term: 1, votedFor: 0, commit: 9 };
  const cluster = startCluster(founding, {}, { 2: disk });
  pass(cluster, chunk(1, 2, 0));
  const answers = cluster.sent.filter(({ kind }) =>
    kind === "snapshot_response"
  );
  assertEquals(
    answers.map((each) => each.kind === "snapshot_response" && each.done),
    [true],
  );
  assertEquals(nodeOf(cluster, 2).disk.snapshot, null);
});

Deno.test("the log goes on behind a snapshot that it matches, and starts anew otherwise", () => {
  const founding = configure("1 2 3");
  const table: [string, number, boolean, number][] = [
    ["matching", 1, true, 11],
    ["of another term", 2, false, 9],
  ];
  for (const [why, term, keepLog, last] of table) {
    const disk = diskOf(founding, Array.from({ length: 10 }, () => term));
    const cluster = startCluster(founding, {}, { 2: disk });
    pass(cluster, chunk(1, 3, 0));
    pass(cluster, chunk(1, 3, 4));
    const { core } = nodeOf(cluster, 2);
    assertEquals([core.commit, core.log.baseIndex, lastIndex(core.log)], [
      9,
      9,
      last,
    ], why);
    assertEquals(nodeOf(cluster, 2).disk.baseIndex === 9, true);
    assertEquals(core.log.entries.length > 0, keepLog);
  }
});

Deno.test("while a snapshot is installed nothing is appended, committed or campaigned for", () => {
  const cluster = startCluster("1 2 3");
  const node = nodeOf(cluster, 2);
  pass(cluster, chunk(1, 2, 0));
  node.autoSnapshot = false;
  pass(cluster, chunk(1, 2, 4));
  input(cluster, 2, { kind: "chunk_written", index: 9, nextOffset: 8 });
  assertEquals(node.commands.map(({ kind }) => kind), [
    "write_chunk",
    "install",
  ]);
  const entries = [entry(2, 2)];
  pass(
    cluster,
    message(1, 2, 2, {
      kind: "append",
      prevIndex: 1,
      prevTerm: 1,
      entries,
      commit: 2,
    }),
  );
  pass(cluster, message(1, 2, 2, { kind: "timeout_now" }));
  elapse(cluster, 3000, [2]);
  assertEquals([node.core.role, node.core.commit, lastIndex(node.core.log)], [
    "follower",
    1,
    1,
  ]);
  node.commands.shift();
  obey(cluster, 2);
  assertEquals([node.core.commit, lastIndex(node.core.log)], [9, 9]);
});

Deno.test("compaction keeps a few entries, more for a member that is sent a snapshot, but never all", () => {
  const table = [
    { sending: false, more: 10, base: 40 },
    { sending: true, more: 10, base: 32 },
    { sending: true, more: 25, base: 37 },
  ];
  for (const { sending, more, base } of table) {
    const cluster = clusterWithLaggard(40);
    nodeOf(cluster, 1).autoSnapshot = !sending;
    if (sending) deliver(cluster);
    else elapse(cluster, 300);
    elapse(cluster, 200);
    propose(cluster, 1, more);
    deliver(cluster);
    takeSnapshot(cluster, 1);
    assertEquals(
      coreAt(cluster, 1).log.baseIndex,
      base,
      JSON.stringify({ sending, more }),
    );
  }
});

Deno.test("only durable entries are compacted", () => {
  const cluster = startCluster("1 2 3");
  const leader = elect(cluster, 1);
  nodeOf(cluster, 1).autoPersist = false;
  propose(cluster, 1, 10);
  deliver(cluster);
  takeSnapshot(cluster, 1);
  assertEquals([leader.commit, leader.log.stableIndex, leader.log.baseIndex], [
    12,
    2,
    2,
  ]);
});

Deno.test("a receiver asks for the piece it lacks, and begins anew in a new term", () => {
  const cluster = startCluster("1 2 3");
  const wanted = (): number[] =>
    cluster.sent.flatMap((each) =>
      each.kind === "snapshot_response" ? [each.nextOffset] : []
    );
  pass(cluster, chunk(1, 2, 4));
  assertEquals(wanted(), [0]);
  pass(cluster, chunk(1, 2, 0));
  pass(cluster, chunk(1, 2, 0));
  assertEquals(wanted(), [0, 4, 4]);
  nodeOf(cluster, 2).autoSnapshot = false;
  pass(cluster, chunk(1, 3, 0));
  const commands = nodeOf(cluster, 2).commands.map(({ kind }) => kind);
  assertEquals(commands, ["discard", "write_chunk"]);
});

Deno.test("a write from before an installed snapshot makes nothing behind it durable", () => {
  const cluster = startCluster("1 2 3");
  const node = nodeOf(cluster, 2);
  node.autoSnapshot = false;
  node.autoPersist = false;
  const entries = Array.from({ length: 12 }, (_, i) => entry(2 + i, 2));
  const kind = "append";
  pass(
    cluster,
    message(1, 2, 2, { kind, prevIndex: 1, prevTerm: 1, entries, commit: 1 }),
  );
  pass(cluster, chunk(3, 3, 0));
  input(cluster, 2, { kind: "chunk_written", index: 9, nextOffset: 4 });
  pass(cluster, chunk(3, 3, 4));
  input(cluster, 2, { kind: "chunk_written", index: 9, nextOffset: 8 });
  pass(cluster, chunk(1, 4, 0));
  input(cluster, 2, { kind: "installed", snapshot: META });
  const { log } = node.core;
  assertEquals([log.stableIndex, lastIndex(log)], [9, 9]);
  const next = [entry(10, 3), entry(11, 3)];
  pass(
    cluster,
    message(1, 2, 4, {
      kind,
      prevIndex: 9,
      prevTerm: 1,
      entries: next,
      commit: 9,
    }),
  );
  persist(cluster, 2, 1);
  assertEquals([log.stableIndex, lastIndex(log)], [9, 11]);
  const commands = node.commands.map((command) => command.kind);
  assertEquals(commands, ["write_chunk", "write_chunk", "install"]);
});
