import { assertEquals } from "@std/assert";
import {
  configure,
  input,
  message,
  nodeOf,
  obey,
  pass,
  startCluster,
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
