import type { Operation } from "../context.ts";
import { EXECUTE_OPERATIONS } from "./execute.ts";
import { FAILOVER_OPERATIONS } from "./failover.ts";
import { GROUP_VIEWS } from "./group_view.ts";
import { HEALTH_OPERATIONS } from "./health.ts";
import { KV_OPERATIONS } from "./kv.ts";
import { LOG_OPERATIONS } from "./log.ts";
import { MEMBER_OPERATIONS } from "./members.ts";
import { MEMBER_VIEWS } from "./members_view.ts";
import { STATE_OPERATIONS } from "./state.ts";

/** All operations by name. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ...Object.entries(STATE_OPERATIONS),
  ...Object.entries(MEMBER_OPERATIONS),
  ...Object.entries(MEMBER_VIEWS),
  ...Object.entries(GROUP_VIEWS),
  ...Object.entries(LOG_OPERATIONS),
  ...Object.entries(KV_OPERATIONS),
  ...Object.entries(HEALTH_OPERATIONS),
  ...Object.entries(FAILOVER_OPERATIONS),
  ...Object.entries(EXECUTE_OPERATIONS),
]);
