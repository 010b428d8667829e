import { assertEquals } from "@std/assert";
import {
  coreAt,
  deliver,
  elapse,
  elect,
  input,
  message,
  propose,
  startCluster,
} from "./cluster_test_kit.ts";
import { latestConfiguration } from "./configuration.ts";

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
