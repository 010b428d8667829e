import type { LocalPostgres } from "../ha/mod.ts";

/** How long PostgreSQL may take to say whether a session waits. */
const LOOK_TIMEOUT_MS = 500;

/**
 * Whether a session of this node's own PostgreSQL waits for standbys to hold its commit.
 *
 * @param local This node's PostgreSQL; null where it has none.
 * @param pid The session's process.
 */
export async function isAwaitingSync(
  local: LocalPostgres | null,
  pid: number,
): Promise<boolean> {
  if (!local) return false;
  const rows = await local.instance.query<{ waits: boolean }>(
    "select wait_event is not distinct from 'SyncRep' as waits from pg_stat_activity where pid = $1",
    [pid],
    { timeoutMs: LOOK_TIMEOUT_MS },
  );
  return rows[0]?.waits ?? false;
}
