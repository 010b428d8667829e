import { join } from "node:path";
import { type ClusterNode, until } from "../nodes/mod.ts";
import {
  freezeAllIn,
  postmasterIn,
  processesIn,
  processesNaming,
  signalTo,
} from "./processes.ts";
import { connectPostgres, type Result, type WireConnection } from "./wire.ts";

/** Where a node's PostgreSQL is. */
export interface PgPlace {
  /** Its port on loopback. */
  readonly port: number;
  /** Its data directory. */
  readonly dataDir: string;
  /** The ports of its router. */
  readonly router: { readonly readWrite: number; readonly readOnly: number };
}

/** A node with PostgreSQL, and everything that can befall it; each fault tells when it began. */
export interface PgNode extends PgPlace {
  /** Its number. */
  readonly id: number;
  /** Its agent. */
  readonly agent: ClusterNode;
  /** The id of its postmaster; null when there is none. */
  postmaster(): number | null;
  /** The ids of all processes of its server. */
  processes(): number[];
  /** Ends the postmaster with SIGKILL; its children see that and end. */
  killPostmaster(): number;
  /** Ends the agent with SIGKILL. */
  killAgent(): Promise<void>;
  /** Ends agent, guard and every process of the server at once, as a loss of power does. */
  kill(): Promise<number>;
  /** Freezes postmaster and children; the agent goes on. */
  freezePostgres(): number;
  /** Freezes agent, postmaster and children: no connection breaks, nothing is answered. */
  freeze(): number;
  /** Lets everything that is frozen go on. */
  thaw(): void;
  /** Starts the agent again. */
  restart(): void;
  /** Runs statements as a client does. */
  query(sql: string, timeoutMs?: number): Promise<Result>;
  /** Runs statements over the agent's own socket, where it is closed too. */
  queryLocally(sql: string, timeoutMs?: number): Promise<Result>;
  /** Opens a client's connection, to `postgres` unless told otherwise. */
  connect(database?: string): Promise<WireConnection>;
  /** Waits until the server has ended with all processes. */
  stopped(): Promise<void>;
  /** The end of what its server wrote. */
  serverLog(): string;
}

const HOST = "127.0.0.1";
const LOG_CHARS = 6000;
/** What a server writes many times a second while it starts or has nobody to follow. */
const EVERYDAY =
  /starting up$|not yet accepting|Consistent recovery state has not|waiting for WAL to become|^\t|received SIGHUP|" changed to "/;

/** Adds to a node what it takes to break its PostgreSQL. */
export function createPgNode(agent: ClusterNode, place: PgPlace): PgNode {
  const { port, dataDir } = place;
  const runDir = join(agent.directory, "run");
  const processes = (): number[] => processesIn(dataDir);
  const signalAll = (signal: Deno.Signal): void => {
    for (const pid of processes()) signalTo(pid, signal);
  };
  return {
    ...place,
    id: agent.id,
    agent,
    postmaster: () => postmasterIn(dataDir),
    processes,
    killPostmaster: () => {
      const pid = postmasterIn(dataDir);
      if (pid === null) throw new Error(`Node ${agent.id} has no postmaster`);
      const nowMs = performance.now();
      signalTo(pid, "SIGKILL");
      return nowMs;
    },
    killAgent: () => agent.kill(),
    kill: async () => {
      const guards = processesNaming(dataDir);
      const all = [agent.process().pid, ...guards, ...processes()];
      const nowMs = performance.now();
      for (const pid of new Set(all)) signalTo(pid, "SIGKILL");
      await agent.kill();
      await until(() => {
        signalAll("SIGKILL");
        return processes().length === 0 || null;
      }, { what: `the processes of node ${agent.id} are gone` });
      return nowMs;
    },
    freezePostgres: () => freezeAllIn(dataDir),
    freeze: () => {
      agent.freeze();
      return freezeAllIn(dataDir);
    },
    thaw: () => {
      signalAll("SIGCONT");
      if (agent.process().status() === null) agent.thaw();
    },
    restart: () => agent.restart(),
    query: async (sql, timeoutMs) => {
      using connection = await connectPostgres({ place: { host: HOST, port } });
      return await connection.query(sql, timeoutMs);
    },
    queryLocally: async (sql, timeoutMs) => {
      const socket = join(runDir, `.s.PGSQL.${port}`);
      using connection = await connectPostgres({ place: { socket } });
      return await connection.query(sql, timeoutMs);
    },
    connect: (database = "postgres") =>
      connectPostgres({ place: { host: HOST, port }, database }),
    stopped: async () => {
      const what = `the server of node ${agent.id} has ended`;
      await until(() => processes().length === 0 || null, { what });
    },
    serverLog: () => {
      try {
        const text = Deno.readTextFileSync(join(runDir, "server.log"));
        return text.split("\n").filter((line) => !EVERYDAY.test(line))
          .join("\n").slice(-LOG_CHARS);
      } catch {
        return "(no log)";
      }
    },
  };
}
