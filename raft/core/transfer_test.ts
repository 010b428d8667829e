import { assert } from "@std/assert";
import {
  deliver,
  elapse,
  elect,
  input,
  nodeOf,
  startCluster,
} from "./cluster_test_kit.ts";

Deno.test("asking again for the same transfer does not put its end off", () => {
  const cluster = startCluster("1 2 3");
  elect(cluster, 1);
  elapse(cluster, 100);
  cluster.lose = ({ kind }) => kind === "timeout_now";
  for (let asked = 0; asked < 8; asked++) {
    input(cluster, 2, { kind: "campaign" });
    deliver(cluster);
    elapse(cluster, 300);
  }
  assert(nodeOf(cluster, 1).transfers.includes("failed"));
});
