import { join } from "node:path";
import { statOf } from "../../base/mod.ts";
import { readIfThere, removeIfThere } from "./files.ts";
import type { Place } from "./place.ts";
import { cwdOf } from "./processes.ts";
import type { Postmaster } from "./types.ts";

function pidFile(place: Place): string {
  return join(place.dataDir, "postmaster.pid");
}

/**
 * The postmaster of the data directory, whoever started it. As long as it lives there is no other, so one that
 * was found is only looked for among the processes.
 */
export async function findPostmaster(place: Place): Promise<Postmaster | null> {
  const { last } = place.postmaster;
  if (last !== null && isStill(place, last)) return last;
  place.postmaster.last = null;
  const text = await readIfThere(pidFile(place));
  const [first = "", , , port = "", socketDir = ""] = (text ?? "").split("\n");
  // A minus stands before the pid of a server in single-user mode.
  const pid = parseInt(first, 10);
  if (!(pid > 0) || cwdOf(pid) !== place.dataDir) return null;
  const stat = statOf(pid);
  if (stat === null) return null;
  const { startTime } = stat;
  const found = {
    pid,
    startTime,
    isForeign: isForeign(place, port, socketDir),
  };
  if (socketDir !== "") place.postmaster.last = found;
  return found;
}

/** Which line of the pid file says how far the server is. */
const STATUS_LINE = 7;

/**
 * How far a server is, by its own words: `starting`, `ready` once it lets sessions in, `standby` where it
 * recovers and will let nobody in. Unlike a session that is refused, a look costs it nothing.
 *
 * @param pid Its postmaster; null is told of any other.
 */
export async function statusOf(
  place: Place,
  pid: number,
): Promise<string | null> {
  const lines = (await readIfThere(pidFile(place)) ?? "").split("\n");
  if (Number(lines[0]) !== pid) return null;
  return lines[STATUS_LINE]?.trim() ?? null;
}

function isStill({ dataDir }: Place, { pid, startTime }: Postmaster): boolean {
  return cwdOf(pid) === dataDir && statOf(pid)?.startTime === startTime;
}

/** Port and first socket directory stand in the pid file once it listens. */
function isForeign(
  { options, socketDirs }: Place,
  port: string,
  socketDir: string,
): boolean {
  if (socketDir === "") return false;
  return Number(port) !== options.listen.port || socketDir !== socketDirs[0];
}

/**
 * R23: removes what a killed server left. The caller has just seen that no process is there; whoever has started
 * one since has a pid file that is not stale.
 */
export async function removeStaleFiles(place: Place): Promise<void> {
  if (await findPostmaster(place) !== null) return;
  await removeIfThere(pidFile(place));
  for (const dir of place.socketDirs) {
    const socket = join(dir, `.s.PGSQL.${place.options.listen.port}`);
    const lock = await readIfThere(`${socket}.lock`);
    // The second line names the data directory: another server's socket is not ours to remove.
    if (lock?.split("\n")[1] !== place.dataDir) continue;
    await removeIfThere(socket);
    await removeIfThere(`${socket}.lock`);
  }
}
