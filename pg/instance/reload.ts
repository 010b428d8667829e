import { present } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import type { Place } from "./place.ts";
import { findPostmaster } from "./postmaster.ts";
import { sendSignal } from "./processes.ts";
import { waitFor } from "./wait.ts";

const DEFAULT_RELOAD_TIMEOUT_MS = 5_000;

/** A rule for TLS where there is none is read like all others, and only matches nobody. */
const NO_FAULT = "%record cannot match because%";

interface Loaded {
  readonly loaded: boolean;
  readonly fault: string | null;
}

/** A new session has what the postmaster had loaded when it was forked. */
async function lookAtNewSession(
  place: Place,
  since: string,
  timeoutMs: number,
): Promise<Loaded | null> {
  const connection = await place.connections.open({ timeoutMs });
  try {
    const rows = await connection.run<Loaded>(
      `select pg_conf_load_time() > $1::timestamptz as loaded,
         (select format('line %s: %s', line_number, error)
            from pg_hba_file_rules where error is not null and error not like $2 limit 1) as fault`,
      [since, NO_FAULT],
      timeoutMs,
    );
    return rows[0] ?? null;
  } finally {
    await connection.end();
  }
}

/**
 * R22: makes the server read its files again, and resolves when new sessions are under them: the
 * signal alone proves nothing, since the postmaster may be slow to act on it.
 */
export async function reload(
  place: Place,
  options: {
    readonly timeoutMs?: number;
    readonly settle?: boolean;
    readonly of?: "settings";
  } = {},
): Promise<string | null> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_RELOAD_TIMEOUT_MS;
  const postmaster = await findPostmaster(place);
  if (postmaster === null) {
    throw new InstanceError(
      "no_connection",
      `No PostgreSQL runs in "${place.dataDir}": start it`,
    );
  }
  if (options.settle === false) {
    sendSignal(postmaster.pid, "SIGHUP");
    return null;
  }
  const [before] = await place.connections.run<{ now: string }>(
    "control",
    "select clock_timestamp()::text as now",
    [],
    timeoutMs,
  );
  const since = present(before, "answer").now;
  sendSignal(postmaster.pid, "SIGHUP");
  const after = await waitFor(place.clock, { timeoutMs }, async () => {
    const session = await lookAtNewSession(place, since, timeoutMs);
    return session?.loaded === true ? session : null;
  });
  if (after === null) {
    throw new InstanceError(
      "timeout",
      `PostgreSQL did not read its files again within ${timeoutMs} ms: see "${place.serverLog}" for an error in them`,
    );
  }
  if (after.fault === null) return null;
  const fault =
    `PostgreSQL keeps its former pg_hba rules, since the new ones are wrong at ${after.fault}: correct the rule`;
  if (options.of === "settings") return fault;
  throw new InstanceError("bad_setting", fault);
}
