import { type Lsn, parseLsn, present } from "../../base/mod.ts";
import type { OwnConnection } from "./connection.ts";
import type { Place } from "./place.ts";
import { waitFor } from "./wait.ts";

const SYNC_SETTINGS = { synchronous_commit: "on" };
const SYNC_COMMIT = "select pg_logical_emit_message(true, 'pgraft', '')";
const TERMINATE_TIMEOUT_MS = 2_000;

/**
 * R26: by SIGTERM, since a wait that is cancelled by SIGINT reports success (T1). Whether that works is no
 * matter here: the backend waits for nobody any more.
 */
async function terminate(
  place: Place,
  connection: OwnConnection,
): Promise<void> {
  try {
    await place.connections.run(
      "work",
      "select pg_terminate_backend($1::int)",
      [connection.pid],
      TERMINATE_TIMEOUT_MS,
    );
  } catch (error) {
    place.options.log(
      "warning",
      "A waiting commit of pgraft's own could not be ended",
      {
        pid: connection.pid,
        error,
      },
    );
  }
}

/** R20: commits synchronously, and resolves when standbys have confirmed. */
export async function barrier(
  place: Place,
  options: { readonly timeoutMs: number },
): Promise<{ lsn: Lsn }> {
  const { timeoutMs } = options;
  const connection = await place.connections.open({
    timeoutMs,
    settings: SYNC_SETTINGS,
  });
  try {
    await connection.run(SYNC_COMMIT, [], timeoutMs);
    // The message's own position is before its commit; what is flushed now is behind it.
    const rows = await connection.run<{ lsn: string }>(
      "select pg_current_wal_flush_lsn()::text as lsn",
      [],
      timeoutMs,
    );
    return {
      lsn: present(parseLsn(rows[0]?.lsn ?? ""), "position of the barrier"),
    };
  } catch (error) {
    await terminate(place, connection);
    throw error;
  } finally {
    await connection.end();
  }
}

/** T8, R20: whether a synchronous commit waits, as it must under a name that nobody has. */
export async function seenWaiting(
  place: Place,
  options: { readonly timeoutMs: number },
): Promise<boolean> {
  const { timeoutMs } = options;
  const connection = await place.connections.open({
    timeoutMs,
    settings: SYNC_SETTINGS,
  });
  let isOver = false;
  const commit = connection.run(SYNC_COMMIT, [], timeoutMs).catch(() => {})
    .finally(() => {
      isOver = true;
    });
  try {
    return await waitFor(place.clock, { timeoutMs }, async () => {
      const rows = await place.connections.run<{ waits: boolean }>(
        "work",
        "select wait_event is not distinct from 'SyncRep' as waits from pg_stat_activity where pid = $1::int",
        [connection.pid],
        timeoutMs,
      );
      if (rows[0]?.waits === true) return true;
      return isOver ? false : null;
    }) ?? false;
  } finally {
    await terminate(place, connection);
    await connection.end();
    await commit;
  }
}
