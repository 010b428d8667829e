import { backup } from "./backup_source.ts";
import { present } from "../../base/mod.ts";
import { adopt } from "./adopt.ts";
import { barrier, seenWaiting } from "./barrier.ts";
import { clone, dropOld, moveAside } from "./clone.ts";
import {
  checkParameters,
  configure,
  settingsShort,
  settingsToLower,
  viewConfiguration,
} from "./configure.ts";
import { DEFAULT_QUERY_TIMEOUT_MS } from "./connection.ts";
import { diskFreeBytes } from "./disk.ts";
import { untilEnded } from "./end_watch.ts";
import { countGivenUp } from "./given_up.ts";
import { startGuard } from "./guard.ts";
import { initialize } from "./initialize.ts";
import { inspect } from "./inspect.ts";
import { observe } from "./observe.ts";
import { mayReceive } from "./receiving.ts";
import { type Place, prepare } from "./place.ts";
import { findPostmaster } from "./postmaster.ts";
import { probe } from "./probe.ts";
import { promote } from "./promote.ts";
import { promoteLowered } from "./promote_lowered.ts";
import { reload } from "./reload.ts";
import { keepClosed, render, setPlaceholders } from "./render.ts";
import { ensureReplicationRole } from "./replication_role.ts";
import { rewind } from "./rewind.ts";
import { rotateLog } from "./server_log.ts";
import { endSessions, endWalSenders, setSlots } from "./sessions.ts";
import { readMark, writeMark } from "./mark.ts";
import { start } from "./start.ts";
import { endOrphans, stop } from "./stop.ts";
import { brokenStream, logBytes } from "./stream_log.ts";
import {
  history,
  layFillers,
  newestOf,
  removeFillers,
  timelineAt,
} from "./timelines.ts";
import type { Instance, InstanceOptions } from "./types.ts";

/**
 * Gives access to one local PostgreSQL. Nothing happens before the first call; an earlier agent's running
 * postmaster is found and adopted as it is.
 *
 * @param options What the instance is made of.
 * @returns The instance.
 */
export function createInstance(options: InstanceOptions): Instance {
  const lost: { listener: () => void } = { listener: () => {} };
  const place = createPlace(options, () => lost.listener());
  /** Hands each function the place, once there is one. */
  const at = <A extends unknown[], R>(
    run: (place: Place, ...args: A) => R | Promise<R>,
  ): (...args: A) => Promise<R> =>
  async (...args) => await run(await place(), ...args);
  return {
    inspect: at(inspect),
    initialize: at(initialize),
    adopt: at(adopt),
    newestTimeline: at(newestOf),
    render: at(render),
    keepClosed: at(keepClosed),
    start: at(start),
    stop: at(stop),
    reload: at(reload),
    postmaster: at(findPostmaster),
    untilEnded,
    endOrphans: at(endOrphans),
    isOccupied: at(({ occupants }) => occupants.isAny()),
    mayReceive: at(mayReceive),
    observe: at(observe),
    query: async (text, params = [], how = {}) =>
      await query(await place(), text, params, how),
    probe: at(probe),
    barrier: at(barrier),
    seenWaiting: at(seenWaiting),
    promote: at(promote),
    promoteLowered: at(promoteLowered),
    settingsToLower: at(settingsToLower),
    endSessions: at(endSessions),
    endWalSenders: at(endWalSenders),
    configure: at(configure),
    checkParameters: at(checkParameters),
    viewConfiguration: at(viewConfiguration),
    settingsShort: at(settingsShort),
    checkpoint: at(checkpoint),
    ensureCheckpoint: at(ensureCheckpoint),
    setSlots: at(setSlots),
    ensureReplicationRole: at(ensureReplicationRole),
    layFillers: at(layFillers),
    removeFillers: at(removeFillers),
    timelineAt: at(timelineAt),
    history: at(history),
    clone: at(clone),
    backup: at(backup),
    dropOld: at(dropOld),
    rewind: at(rewind),
    countGivenUp: at(countGivenUp),
    moveAside: at(moveAside),
    startGuard: at(startGuard),
    writeMark: at(writeMark),
    readMark: at(readMark),
    rotateLog: at(rotateLog),
    logBytes: at(logBytes),
    brokenStream: at(brokenStream),
    onConnectionLost(listener): void {
      lost.listener = listener;
    },
    diskFreeBytes: at(diskFreeBytes),
    socketDir: at(({ socketDirs }) => present(socketDirs[0], "a socket")),
    setPlaceholders: at(setPlaceholders),
    open: at((here, how) => here.connections.open(how)),
    close: at((here) => here.connections.drop()),
  };
}

/** Prepares the place once; where that fails, the next call tries again. */
function createPlace(
  options: InstanceOptions,
  onLost: () => void,
): () => Promise<Place> {
  let prepared: Promise<Place> | null = null;
  return async () => {
    prepared ??= prepare(options, onLost);
    try {
      return await prepared;
    } catch (error) {
      prepared = null;
      throw error;
    }
  };
}

async function query<T>(
  place: Place,
  text: string,
  params: readonly unknown[],
  how: {
    readonly timeoutMs?: number;
    readonly connection?: "control" | "probe";
  },
): Promise<T[]> {
  return await place.connections.run<T>(
    how.connection ?? "control",
    text,
    params,
    how.timeoutMs ?? DEFAULT_QUERY_TIMEOUT_MS,
  );
}

const ON_OWN_TIMELINE = `
select from pg_control_checkpoint()
where lpad(upper(to_hex(timeline_id)), 8, '0') = substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)`;

async function ensureCheckpoint(
  place: Place,
  options: { readonly timeoutMs: number },
): Promise<void> {
  const found = await query(place, ON_OWN_TIMELINE, [], {});
  if (found.length === 0) await checkpoint(place, options);
}

/** On a connection of its own, since it may take minutes. */
async function checkpoint(
  place: Place,
  options: { readonly timeoutMs: number },
): Promise<void> {
  const connection = await place.connections.open(options);
  try {
    await connection.run("checkpoint", [], options.timeoutMs);
  } finally {
    await connection.end();
  }
}
