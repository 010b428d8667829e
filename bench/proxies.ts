import { join } from "node:path";
import {
  freePorts,
  type ManagedProcess,
  startProcess,
  until,
} from "../tests/nodes/mod.ts";

/** A way to a primary. */
export interface Way extends AsyncDisposable {
  /** What it is called. */
  readonly name: string;
  /** Where clients connect. */
  readonly port: number;
  /** The process whose CPU time counts; null for none. */
  readonly pid: number | null;
}

const HOST = "127.0.0.1";
const MAX_CLIENTS = 1000;

/** A program that may be there, and what it is started with. */
interface Program {
  readonly name: string;
  readonly command: string;
  readonly configure: (port: number, server: number) => string;
  readonly words: (file: string) => readonly string[];
}

const PROGRAMS: readonly Program[] = [
  {
    name: "haproxy",
    command: "haproxy",
    configure: (port, server) =>
      `global
  maxconn ${MAX_CLIENTS}
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen pg
  bind ${HOST}:${port}
  server primary ${HOST}:${server}
`,
    words: (file) => ["-f", file, "-db"],
  },
  {
    name: "pgbouncer",
    command: "pgbouncer",
    configure: (port, server) =>
      `[databases]
* = host=${HOST} port=${server} user=postgres
[pgbouncer]
listen_addr = ${HOST}
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = session
max_client_conn = ${MAX_CLIENTS}
default_pool_size = ${MAX_CLIENTS}
server_tls_sslmode = disable
`,
    words: (file) => [...Deno.uid() === 0 ? ["-u", "nobody"] : [], "-q", file],
  },
];

/**
 * Starts HAProxy and PgBouncer before a server, those that are on PATH.
 *
 * @param server The server's port on loopback.
 * @param directory Where their configuration goes; removed by the caller.
 * @returns Those that run.
 */
export async function startProxies(
  server: number,
  directory: string,
): Promise<Way[]> {
  await Deno.chmod(directory, 0o755);
  const ways: Way[] = [];
  for (const program of PROGRAMS) {
    const way = await startProxy(program, server, directory);
    if (way !== null) ways.push(way);
  }
  return ways;
}

async function startProxy(
  { name, command, configure, words }: Program,
  server: number,
  directory: string,
): Promise<Way | null> {
  const [port = 0] = freePorts(1);
  const file = join(directory, `${name}.conf`);
  await Deno.writeTextFile(file, configure(port, server));
  let process: ManagedProcess;
  try {
    process = startProcess({ name, command, args: words(file) });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  await until(async () => {
    (await Deno.connect({ hostname: HOST, port })).close();
    return true;
  }, {
    what: `${name} listens`,
    vain: () => process.status() ? new Error(process.output()) : null,
  });
  return {
    name,
    port,
    pid: process.pid,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
