import { assertCoreOptions, type CoreOptions } from "./limits.ts";
import { type Core, resetElectionDeadline } from "./state.ts";

/**
 * Goes on with other bounds and times. Shorter times count at once; what was promised by the former ones
 * stays promised.
 */
export function retune(core: Core, options: CoreOptions): void {
  assertCoreOptions(options);
  core.options = options;
  const { leader } = core;
  if (!leader) {
    resetElectionDeadline(core);
    return;
  }
  const dueMs = core.nowMs + options.heartbeatIntervalMs;
  leader.heartbeatDueMs = Math.min(leader.heartbeatDueMs, dueMs);
  leader.dueMs = Math.min(leader.dueMs, leader.heartbeatDueMs);
}
