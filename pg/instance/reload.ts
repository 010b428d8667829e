import { present } from "../../base/mod.ts";
import { findBadLines, takeOut } from "./bad_lines.ts";
import { InstanceError } from "./errors.ts";
import type { Place } from "./place.ts";
import { findPostmaster } from "./postmaster.ts";
import { sendSignal } from "./processes.ts";
import { waitFor } from "./wait.ts";

const DEFAULT_RELOAD_TIMEOUT_MS = 5_000;
/** A server that has not taken its files for so long is asked what is wrong with them. */
const ASK_AFTER_MS = 100;

/** A rule for TLS where there is none is read like all others, and only matches nobody. */
const NO_FAULT = "%record cannot match because%";

interface Loaded {
  readonly loaded: boolean;
  readonly fault: string | null;
}

/** A reload that was ordered. */
interface Ordered {
  /** When, by the server's clock. */
  readonly since: string;
  readonly atMs: number;
  readonly pid: number;
  readonly timeoutMs: number;
}

/** A new session has what the postmaster had loaded when it was forked. */
async function lookAtNewSession(
  place: Place,
  { since, atMs, pid, timeoutMs }: Ordered,
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
    const [seen] = rows;
    if (seen?.loaded) return seen;
    if (place.clock.nowMs() - atMs < ASK_AFTER_MS) return null;
    const bad = await findBadLines(connection, timeoutMs);
    await takeOut(place, bad);
    if (bad.length > 0) sendSignal(pid, "SIGHUP");
    return null;
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
  const { pid } = postmaster;
  const { now: since } = present(before, "answer");
  sendSignal(pid, "SIGHUP");
  const ordered = { since, atMs: place.clock.nowMs(), pid, timeoutMs };
  const after = await waitFor(
    place.clock,
    { timeoutMs },
    () => lookAtNewSession(place, ordered),
  );
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
