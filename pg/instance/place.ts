import { basename, dirname, join } from "node:path";
import type { Clock } from "../../base/mod.ts";
import { systemClock } from "../../base/mod.ts";
import type { Connections } from "./connection.ts";
import { createConnections } from "./connection.ts";
import { InstanceError } from "./errors.ts";
import { checkReachable, exists, makePrivate } from "./files.ts";
import { createOccupants, type Occupants } from "./occupants.ts";
import { ownUserName } from "./os_user.ts";
import { writeTlsFiles } from "./tls.ts";
import type { InstanceOptions, Postmaster } from "./types.ts";

/** The kernel's bound on a socket's path is 108 with its closing zero. */
const MAX_SOCKET_PATH_BYTES = 106;
const LONGEST_SOCKET_NAME = ".s.PGSQL.65535.lock";
const PUBLIC_SOCKET_DIR = "/var/run/postgresql";

/** An instance whose directories are known by their real paths. */
export interface Place {
  readonly options: InstanceOptions;
  readonly clock: Clock;
  /** As /proc shows it. */
  readonly dataDir: string;
  readonly runDir: string;
  /** Every socket directory, ours first. */
  readonly socketDirs: readonly string[];
  readonly passFile: string;
  readonly serverLog: string;
  /** Ends when the log's last turn has. */
  readonly logTurn: { last: Promise<unknown> };
  /** How the kernel calls the user of this process. */
  readonly ownUser: string;
  readonly connections: Connections;
  /** The users' parameters in force. */
  readonly parameters: { current: ReadonlyMap<string, string> };
  /** What was last rendered, for R27. */
  readonly rendered: { settings: ReadonlyMap<string, string> };
  readonly occupants: Occupants;
  /** The postmaster that was found last, once it listens. */
  readonly postmaster: { last: Postmaster | null };
  /** Settings of nobody in the server, so that it can show them. */
  readonly placeholders: { settings: ReadonlyMap<string, string> };
}

async function realPath(path: string): Promise<string> {
  if (await exists(path)) return await Deno.realPath(path);
  await Deno.mkdir(dirname(path), { recursive: true });
  return join(await Deno.realPath(dirname(path)), basename(path));
}

async function fallbackSocketDir(
  runDir: string,
  options: InstanceOptions,
): Promise<string> {
  const bytes = new TextEncoder().encode(runDir);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const path = `/tmp/pgraft-${hash.slice(0, 8).toHex()}`;
  const uid = options.osUser?.uid ?? Deno.uid();
  if (await exists(path)) {
    // Anybody may make files there: what is not ours is somebody's trap.
    const stat = await Deno.lstat(path);
    if (!stat.isDirectory || stat.uid !== uid) {
      throw new InstanceError(
        "bad_directory",
        `"${path}", needed since "${runDir}" is too long for a socket, belongs to another user: remove it, or choose a shorter directory`,
      );
    }
  }
  await makePrivate(path, options.osUser);
  return path;
}

async function socketDirOf(
  runDir: string,
  options: InstanceOptions,
): Promise<string> {
  const path = join(runDir, LONGEST_SOCKET_NAME);
  const bytes = new TextEncoder().encode(path).length;
  return bytes <= MAX_SOCKET_PATH_BYTES
    ? runDir
    : await fallbackSocketDir(runDir, options);
}

async function publicSocketDirs(options: InstanceOptions): Promise<string[]> {
  try {
    const { mode, uid, gid } = await Deno.stat(PUBLIC_SOCKET_DIR);
    const user = options.osUser ?? { uid: Deno.uid(), gid: Deno.gid() };
    const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
    return ((mode ?? 0) >> shift & 3) === 3 ? [PUBLIC_SOCKET_DIR] : [];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Makes the run directory and finds the real paths. */
export async function prepare(
  options: InstanceOptions,
  onConnectionLost: () => void,
): Promise<Place> {
  const { osUser } = options;
  const clock = options.clock ?? systemClock();
  const dataDir = await realPath(options.dataDir);
  await makePrivate(options.runDir, osUser);
  const runDir = await Deno.realPath(options.runDir);
  await checkReachable(runDir, osUser);
  await writeTlsFiles(options);
  await checkReachable(dataDir, osUser);
  const socketDir = await socketDirOf(runDir, options);
  return {
    options,
    clock,
    dataDir,
    runDir,
    socketDirs: [socketDir, ...await publicSocketDirs(options)],
    passFile: join(runDir, "passfile"),
    serverLog: join(runDir, "server.log"),
    logTurn: { last: Promise.resolve() },
    ownUser: await ownUserName(),
    connections: createConnections({
      clock,
      socketPath: join(socketDir, `.s.PGSQL.${options.listen.port}`),
      user: options.superuser,
      onLost: onConnectionLost,
    }),
    parameters: { current: options.parameters },
    rendered: { settings: new Map() },
    occupants: createOccupants(dataDir),
    postmaster: { last: null },
    placeholders: { settings: new Map() },
  };
}
