import { assertEquals } from "@std/assert";
import {
  coreAt,
  deliver,
  elapse,
  elect,
  input,
  message,
  nodeOf,
  propose,
  startCluster,
  type TestCluster,
} from "./cluster_test_kit.ts";
import { latestConfiguration } from "./configuration.ts";

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
