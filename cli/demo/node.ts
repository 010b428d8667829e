import { join } from "node:path";
import { V8_FLAGS } from "../../base/mod.ts";
import { processesIn, processesOf, signalAll, signalTo } from "./processes.ts";

/** Where a node of the demo listens, on loopback. */
export interface NodePorts {
  readonly raft: number;
  readonly api: number;
  readonly postgres: number;
  readonly readWrite: number;
  readonly readOnly: number;
}

/** How many ports a node needs. */
export const PORTS_PER_NODE = 5;

/** What has been done to a node. */
export type Condition = "running" | "frozen" | "killed" | "ended";

/** A node of the demo: a process of this very program, and its PostgreSQL. */
export interface DemoNode {
  readonly id: number;
  readonly ports: NodePorts;
  /** The socket of its PostgreSQL, over which this process's user comes in. */
  readonly socket: string;
  condition(): Condition;
  /** Starts it, or starts it again. */
  start(): void;
  /** Ends agent, guard and PostgreSQL at once, as a loss of power does. */
  kill(): Promise<void>;
  /** Stops their clocks: no connection breaks, nothing is answered. */
  freeze(): void;
  /** Lets what is frozen go on. */
  thaw(): void;
  /** Ends it in order, PostgreSQL too; resolves when its process has ended. */
  stop(): Promise<void>;
  /** The last lines that it wrote. */
  lastLines(count: number): Promise<string>;
}

/** What a node is made of. */
export interface NodeOptions {
  readonly id: number;
  readonly ports: NodePorts;
  /** Its directory is made in there. */
  readonly root: string;
  /** Its configuration file. */
  readonly config: string;
}

/** A shell puts the log in place, and becomes the node. */
const START_SCRIPT = 'log=$1; shift; exec "$@" </dev/null >>"$log" 2>&1';
/** How long a node may take to stop in order before it is killed. */
const STOP_TIMEOUT_MS = 10_000;

/**
 * Says how this program is started.
 *
 * @returns The program and its first arguments.
 */
export function ownCommand(): string[] {
  return Deno.build.standalone ? [Deno.execPath()] : [
    ...[Deno.execPath(), "run", "-A", V8_FLAGS],
    new URL(Deno.mainModule).pathname,
  ];
}

/** What a person has set for a node of their own is none of the demo's. */
function nodeEnvironment(): Record<string, string> {
  const entries = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !name.startsWith("PGRAFT_")
  );
  return { ...Object.fromEntries(entries), NO_COLOR: "1" };
}

function spawn(log: string, config: string): Deno.ChildProcess {
  return new Deno.Command("/bin/sh", {
    args: [
      "-c",
      START_SCRIPT,
      "sh",
      log,
      ...ownCommand(),
      "serve",
      "--config",
      config,
    ],
    clearEnv: true,
    env: nodeEnvironment(),
    stdin: "null",
    stdout: "null",
    stderr: "null",
    // Ctrl-C is for the demo, which stops its nodes in order.
    detached: true,
  }).spawn();
}

/**
 * Makes a node, which does not run yet.
 *
 * @param options What it is made of.
 * @returns The node.
 */
export function createDemoNode(
  { id, ports, root, config }: NodeOptions,
): DemoNode {
  const directory = join(root, `node${id}`);
  const log = join(root, `node${id}.log`);
  let child: Deno.ChildProcess | null = null;
  let ended: Promise<unknown> = Promise.resolve();
  let condition: Condition = "ended";
  const servers = (): number[] => processesIn(directory);
  const all = (): number[] => [
    ...child === null ? [] : [child.pid],
    ...processesOf(directory),
  ];

  function start(): void {
    const started = spawn(log, config);
    child = started;
    condition = "running";
    ended = started.status.then(() => {
      if (child !== started) return;
      child = null;
      if (condition !== "killed") condition = "ended";
    });
  }

  async function stop(): Promise<void> {
    thaw();
    if (child === null) return;
    signalTo(child.pid, "SIGTERM");
    const timer = setTimeout(
      () => signalAll(all, "SIGKILL"),
      STOP_TIMEOUT_MS,
    );
    await ended;
    clearTimeout(timer);
  }

  function thaw(): void {
    signalAll(servers, "SIGCONT");
    if (child !== null) signalTo(child.pid, "SIGCONT");
    if (condition === "frozen") condition = "running";
  }

  return {
    id,
    ports,
    socket: join(directory, "run", `.s.PGSQL.${ports.postgres}`),
    condition: () => condition,
    start,
    kill: async () => {
      condition = "killed";
      signalAll(all, "SIGKILL");
      await ended;
    },
    freeze: () => {
      if (child === null) return;
      condition = "frozen";
      // The agent first: it must not see its PostgreSQL stand still.
      signalTo(child.pid, "SIGSTOP");
      signalAll(servers, "SIGSTOP");
    },
    thaw,
    stop,
    lastLines: async (count) => {
      const text = await Deno.readTextFile(log).catch(() => "");
      return text.trimEnd().split("\n").slice(-count).join("\n");
    },
  };
}
