import { type Lsn, parseLsn } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import type { Place } from "./place.ts";
import { OWNED_NAMES } from "./settings.ts";
import type {
  Drift,
  ReceiverView,
  ReplicationView,
  ServerView,
} from "./types.ts";

/** Everything in one query, so that it is one moment and one round trip. */
const OBSERVE = `
select json_build_object(
  'inRecovery', pg_is_in_recovery(),
  'timeline', case when pg_is_in_recovery() then greatest(
      (select timeline_id from pg_control_checkpoint()),
      (select min_recovery_end_timeline from pg_control_recovery()),
      (select received_tli from pg_stat_wal_receiver))
    else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end,
  'receiveLsn', pg_last_wal_receive_lsn()::text,
  'replayLsn', pg_last_wal_replay_lsn()::text,
  'flushLsn', case when pg_is_in_recovery() then null else pg_current_wal_flush_lsn()::text end,
  'replayPaused', case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end,
  'receiver', (select json_build_object(
      'status', status, 'lastMessageAt', last_msg_receipt_time::text,
      'heardAgoMs', 1000 * extract(epoch from clock_timestamp() - last_msg_receipt_time), 'receivedTli', received_tli,
      'senderHost', sender_host, 'senderPort', sender_port, 'latestEndLsn', latest_end_lsn::text)
    from pg_stat_wal_receiver where pid is not null),
  'replication', (select coalesce(json_agg(json_build_object(
      'name', application_name, 'state', state, 'flushLsn', flush_lsn::text,
      'replayLsn', replay_lsn::text, 'pid', pid)), '[]') from pg_stat_replication),
  'activity', (select json_build_object(
      'sessions', count(*) filter (
        where backend_type = 'client backend' and application_name is distinct from $1),
      'syncWaiters', count(*) filter (where wait_event = 'SyncRep'),
      'startupWaits', coalesce(bool_or(backend_type = 'startup'
        and wait_event in ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval')), false))
    from pg_stat_activity),
  'settings', (select coalesce(json_object_agg(name, current_setting(name, true)), '{}')
    from unnest(string_to_array($2, ',')) as name),
  'systemId', (select system_identifier::text from pg_control_system()),
  'startedAt', pg_postmaster_start_time()::text,
  'loadedAt', pg_conf_load_time()::text)::text as view`;

interface RawReplication
  extends Omit<ReplicationView, "flushLsn" | "replayLsn"> {
  readonly flushLsn: string | null;
  readonly replayLsn: string | null;
}

interface RawReceiver extends Omit<ReceiverView, "latestEndLsn"> {
  readonly latestEndLsn: string | null;
}

interface RawView extends
  Pick<
    ServerView,
    | "inRecovery"
    | "timeline"
    | "replayPaused"
    | "systemId"
    | "startedAt"
    | "loadedAt"
  > {
  readonly receiveLsn: string | null;
  readonly replayLsn: string | null;
  readonly flushLsn: string | null;
  readonly receiver: RawReceiver | null;
  readonly replication: readonly RawReplication[];
  readonly activity: Pick<
    ServerView,
    "sessions" | "syncWaiters" | "startupWaits"
  >;
  readonly settings: Readonly<Record<string, string | null>>;
}

function lsnOf(text: string | null): Lsn | null {
  return text === null ? null : parseLsn(text);
}

/** R27: compares as PostgreSQL shows values, which is how they are rendered. */
function driftOf(
  rendered: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
): Drift[] {
  return [...rendered].flatMap(([name, expected]) => {
    const actual = found.get(name);
    return actual === undefined || actual === expected
      ? []
      : [{ name, expected, actual }];
  });
}

/** One look at the running server. */
export async function observe(
  place: Place,
  options: { readonly timeoutMs: number },
): Promise<ServerView> {
  const rendered = place.rendered.settings;
  const names = new Set([...OWNED_NAMES, ...rendered.keys()]);
  const rows = await place.connections.run<{ view: string }>(
    "control",
    OBSERVE,
    [place.connections.applicationName, [...names].join(",")],
    options.timeoutMs,
  );
  const text = rows[0]?.view;
  if (text === undefined) {
    throw new InstanceError(
      "query_failed",
      "PostgreSQL gave no view of itself: see its log",
    );
  }
  const { activity, ...raw }: RawView = JSON.parse(text);
  const settings = new Map(
    Object.entries(raw.settings).flatMap(([name, value]): [string, string][] =>
      value === null ? [] : [[name, value]]
    ),
  );
  return {
    ...raw,
    ...activity,
    receiveLsn: lsnOf(raw.receiveLsn),
    replayLsn: lsnOf(raw.replayLsn),
    flushLsn: lsnOf(raw.flushLsn),
    receiver: raw.receiver === null
      ? null
      : { ...raw.receiver, latestEndLsn: lsnOf(raw.receiver.latestEndLsn) },
    replication: raw.replication.map((each) => ({
      ...each,
      flushLsn: lsnOf(each.flushLsn),
      replayLsn: lsnOf(each.replayLsn),
    })),
    settings,
    drift: driftOf(rendered, settings),
  };
}
