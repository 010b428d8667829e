import { statOf } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import type { Place } from "./place.ts";
import { findPostmaster } from "./postmaster.ts";
import { cwdOf, pidsIn, sendSignal, titleOf } from "./processes.ts";
import { POLL_MS, waitFor } from "./wait.ts";

const WAL_SENDERS_TIMEOUT_MS = 5_000;

/** pgraft's slots; those of others are never dropped. */
const SLOT_PREFIX = "pgraft_";

/** Children of the postmaster that pg_stat_activity does not list. */
const UNLISTED_HELPERS =
  /^postgres: (?:.*: )?(?:logger|stats collector|archiver.*)\s*$/;

interface Listed {
  readonly pid: number;
  readonly isSession: boolean;
}

async function listActivity(
  place: Place,
  timeoutMs: number,
): Promise<Listed[]> {
  return await place.connections.run<Listed>(
    "work",
    `select pid, backend_type = 'client backend' and application_name is distinct from $1 as "isSession"
       from pg_stat_activity`,
    [place.connections.applicationName],
    timeoutMs,
  );
}

async function childrenAmong(
  place: Place,
  pids: readonly number[],
): Promise<number[]> {
  const postmaster = await findPostmaster(place);
  if (postmaster === null) return [];
  return pids.filter((pid) => statOf(pid)?.parent === postmaster.pid);
}

/**
 * Those who are still proving who they are. They came under the rules of before, are in no list of sessions yet,
 * and would be inside when they are done.
 */
async function listArrivals(
  place: Place,
  timeoutMs: number,
): Promise<number[]> {
  const before = await childrenAmong(place, pidsIn(place.dataDir));
  const listed = new Set(
    (await listActivity(place, timeoutMs)).map(({ pid }) => pid),
  );
  return before.filter((pid) =>
    !listed.has(pid) && !UNLISTED_HELPERS.test(titleOf(pid))
  );
}

/**
 * R22: ends every session but ours and walsenders, by SIGTERM (R26), until none is left. Prepared
 * transactions and background workers are no sessions.
 *
 * @returns How many are left when the deadline has passed.
 */
export async function endSessions(
  place: Place,
  options: { readonly timeoutMs: number },
): Promise<number> {
  const { timeoutMs } = options;
  const arrivals = await listArrivals(place, timeoutMs);
  let left = 0;
  await waitFor(place.clock, { timeoutMs, everyMs: POLL_MS }, async () => {
    const listed = await listActivity(place, timeoutMs);
    const still = await childrenAmong(place, arrivals);
    const ending = new Set([
      ...listed.filter(({ isSession }) => isSession).map(({ pid }) => pid),
      ...still.filter((pid) => !isOther(listed, pid)),
    ]);
    for (const pid of ending) sendSignal(pid, "SIGTERM");
    left = ending.size;
    return left === 0 ? true : null;
  });
  return left;
}

/** An arrival that turned out to be one of ours, a walsender or a worker. */
function isOther(listed: readonly Listed[], pid: number): boolean {
  return listed.some((each) => each.pid === pid && !each.isSession);
}

/** R18: ends walsenders, which then come back under the rule as it is now, or not at all. */
export async function endWalSenders(
  place: Place,
  names: readonly string[],
): Promise<void> {
  const senders = await place.connections.run<{ pid: number; name: string }>(
    "work",
    "select pid, application_name as name from pg_stat_replication",
    [],
    WAL_SENDERS_TIMEOUT_MS,
  );
  // Never pg_terminate_backend() in a WHERE: the planner may ask it first, of everybody.
  const pids = senders.filter(({ name }) => names.includes(name)).map((
    { pid },
  ) => pid);
  for (const pid of pids) sendSignal(pid, "SIGTERM");
  const ended = await waitFor(
    place.clock,
    { timeoutMs: WAL_SENDERS_TIMEOUT_MS },
    () => pids.some((pid) => cwdOf(pid) === place.dataDir) ? null : true,
  );
  if (ended !== null) return;
  throw new InstanceError(
    "timeout",
    `Walsenders of ${
      names.join(", ")
    } did not end within ${WAL_SENDERS_TIMEOUT_MS} ms: the disk or the machine may be stuck`,
  );
}

/** T23: makes the slots that are missing; drops pgraft's that nobody wants or uses. */
export async function setSlots(
  place: Place,
  wanted: readonly string[],
): Promise<void> {
  const run = <T>(text: string, params: readonly unknown[]): Promise<T[]> =>
    place.connections.run<T>("work", text, params, WAL_SENDERS_TIMEOUT_MS);
  const there = await run<{ name: string; idle: boolean }>(
    `select slot_name as name, not active as idle
       from pg_replication_slots where slot_type = 'physical' and not temporary`,
    [],
  );
  const names = new Set(there.map(({ name }) => name));
  for (const name of wanted) {
    if (names.has(name)) continue;
    await run("select pg_create_physical_replication_slot($1, false)", [name]);
  }
  for (const { name, idle } of there) {
    if (!idle || wanted.includes(name) || !name.startsWith(SLOT_PREFIX)) {
      continue;
    }
    await run(
      "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1 and not active",
      [name],
    );
  }
}
