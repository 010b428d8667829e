import { assertEquals } from "@std/assert";
import {
  configure,
  coreAt,
  deliver,
  elapse,
  elect,
  heal,
  input,
  isolate,
  message,
  nodeOf,
  obey,
  pass,
  propose,
  startCluster,
  takeSnapshot,
} from "./cluster_test_kit.ts";
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
