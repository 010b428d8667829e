import { assert } from "@std/assert";
import {
  coreAt,
  crash,
  deliver,
  elapse,
  elect,
  input,
  nodeOf,
  persist,
  startCluster,
} from "./cluster_test_kit.ts";

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
