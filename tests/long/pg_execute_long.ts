import {
  assertRunOnce,
  makeRunTable,
  startSubmitting,
} from "../sql_execute_kit.ts";
import { withSqlCluster } from "../sql_test_kit.ts";

const ROUNDS = 12;
const OPERATIONS = 15;

Deno.test("replicated SQL runs once and in order, in the long run, while primaries are killed", () =>
  withSqlCluster({}, async (cluster) => {
    let reign = await cluster.settled();
    await makeRunTable(reign.primary);
    const submitting = startSubmitting(cluster, crypto.randomUUID());
    try {
      for (let round = 0; round < ROUNDS; round++) {
        await submitting.untilTaken(OPERATIONS);
        const { primary, epoch } = reign;
        if (round % 3 === 0) primary.killPostmaster();
        else if (round % 3 === 1) await primary.kill();
        else {
          await primary.agent.client.request("POST", "/v1/switchover", {}, {
            timeoutMs: 60_000,
          });
        }
        reign = await cluster.opened(epoch);
        if (round % 3 === 1) primary.restart();
        reign = await cluster.settled();
      }
    } finally {
      await submitting.stop();
    }
    await assertRunOnce(cluster, submitting);
  }));
