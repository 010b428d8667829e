import { input } from "../driver/mod.ts";
import { RaftError } from "../errors.ts";
import { coreOptionsOf } from "./config.ts";
import { runningDriver, type ServerNode } from "./node.ts";
import type { RaftTuning } from "./types.ts";

/** Has a node go on with other times and bounds. */
export function tune(node: ServerNode, tuning: RaftTuning): void {
  const driver = runningDriver(node);
  // The core takes its own in a turn of its own.
  const now = node.coreOptions;
  const {
    heartbeatIntervalMs = now.heartbeatIntervalMs,
    electionTimeoutMs = now.electionTimeoutMs,
    snapshotDistance = driver.policy.distanceEntries,
    maxAppendEntries = now.maxAppendEntries,
  } = tuning;
  if (!(Number.isSafeInteger(maxAppendEntries) && maxAppendEntries > 0)) {
    const text = `maxAppendEntries ${maxAppendEntries} must be 1 or more`;
    throw new RaftError("bad_call", text);
  }
  const options = {
    ...coreOptionsOf({
      ...node.options.cluster,
      heartbeatIntervalMs,
      electionTimeoutMs,
      snapshotDistance,
    }),
    maxAppendEntries,
  };
  driver.policy = { ...driver.policy, distanceEntries: snapshotDistance };
  node.coreOptions = options;
  input(driver, { kind: "retune", options });
}
