import { InstanceError } from "./errors.ts";
import type { Place } from "./place.ts";
import { writeStandbySignal } from "./render.ts";
import { waitFor } from "./wait.ts";

/** T24: pg_promote's own wait looks ten times a second, which is too slow. */
const PROMOTE_POLL_MS = 2;

/** R19: promotes, and resolves when the server takes writes. */
export async function promote(
  place: Place,
  options: { readonly timeoutMs: number },
): Promise<void> {
  const { timeoutMs } = options;
  // T37: a paused replay never ends, and with it the promotion.
  await place.connections.run(
    "work",
    `select case when pg_is_wal_replay_paused() then pg_wal_replay_resume() end
       from (select 1 where pg_is_in_recovery() offset 0) as standby`,
    [],
    timeoutMs,
  );
  await place.connections.run(
    "work",
    "select case when pg_is_in_recovery() then pg_promote(false) end",
    [],
    timeoutMs,
  );
  await untilPromoted(place, timeoutMs);
}

/** Resolves when the server takes writes; R25 holds again from then on. */
export async function untilPromoted(
  place: Place,
  timeoutMs: number,
): Promise<void> {
  const isPrimary = await waitFor(
    place.clock,
    { timeoutMs, everyMs: PROMOTE_POLL_MS },
    async () => {
      const rows = await place.connections.run<{ standby: boolean }>(
        "work",
        "select pg_is_in_recovery() as standby",
        [],
        timeoutMs,
      );
      return rows[0]?.standby === false ? true : null;
    },
  );
  if (isPrimary === null) {
    throw new InstanceError(
      "timeout",
      `PostgreSQL in "${place.dataDir}" was not promoted within ${timeoutMs} ms: see "${place.serverLog}"`,
    );
  }
  await writeStandbySignal(place, place.dataDir);
}
