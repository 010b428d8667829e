import { assertEquals } from "@std/assert";
import { present, systemClock } from "../../base/mod.ts";
import type { ClusterState, Phase } from "../../pg/cluster/mod.ts";
import type { Observations } from "../../pg/policy/mod.ts";
import type { NodeConfig } from "../config/mod.ts";
import { type LoopStats, type Router, startRouter } from "./mod.ts";
import {
  memberOf,
  openPhase,
  primaryTells,
  seenOf,
  standbyTells,
  stateOf,
} from "./routes/routes_test_kit.ts";

const HOST = "127.0.0.1";
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
/** How long a test waits for what must come; no measure of it. */
const PATIENCE_MS = 20_000;

/** Three servers, of which node 1 is the primary of epoch 1, and a router before them. */
export interface Scene extends AsyncDisposable {
  /** How often the router had its node confirm the state. */
  confirms(): number;
  readonly router: Router;
  readonly servers: readonly FakeServer[];
  /** Changes what the router's node knows. */
  know(change: Partial<Knowledge>): void;
  /** Opens a client's connection. */
  dial(door?: "read_write" | "read_only"): Promise<Wire>;
  /** Opens a client's connection and says who it is. */
  login(door?: "read_write" | "read_only"): Promise<Wire>;
  /** Waits until the router's figures are as wanted. */
  until(holds: (stats: LoopStats) => boolean): Promise<LoopStats>;
}

/** What the router's node knows. */
export interface Knowledge {
  readonly phase: Phase;
  readonly grant: { readonly winner: number; readonly epoch: number };
  readonly seen: Observations;
  /** Whether a majority answers. */
  readonly hasContact: boolean;
  /** Whether statements wait for standbys. */
  readonly waits: boolean;
}

/** A connection, and what has come over it. */
export interface Wire extends Disposable {
  readonly conn: Deno.TcpConn;
  send(bytes: Uint8Array | string): Promise<void>;
  /** Waits until so many bytes are there, and takes them. */
  take(count: number): Promise<Uint8Array>;
  /** Waits for the other end; returns what came before it. */
  rest(): Promise<string>;
}

/** Takes sessions as a server does, and hands them to the test. */
export interface FakeServer extends Disposable {
  readonly port: number;
  /** The next connection that comes. */
  next(): Promise<Wire>;
  /** The next session: its startup packet is answered, with a process and key of its own. */
  session(): Promise<Wire>;
  /** How many connections have come. */
  count(): number;
}

/** Makes what a client begins with. */
export function startupPacket(
  code = 196_608,
  body = "user\0u\0\0",
): Uint8Array {
  const text = ENCODER.encode(code === 196_608 ? body : "");
  const bytes = new Uint8Array(8 + text.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length);
  view.setUint32(4, code);
  bytes.set(text, 8);
  return bytes;
}

/** A request for TLS. */
export const ASK_TLS: Uint8Array = startupPacket(80_877_103);

/** Makes a cancel request. */
export function cancelPacket(pid: number, key: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (const [at, word] of [16, 80_877_102, pid, key].entries()) {
    view.setUint32(4 * at, word);
  }
  return bytes;
}

/** Makes a message of the protocol. */
export function message(type: string, body: string | Uint8Array): Uint8Array {
  const text = typeof body === "string" ? ENCODER.encode(body) : body;
  const bytes = new Uint8Array(5 + text.length);
  bytes[0] = type.charCodeAt(0);
  new DataView(bytes.buffer).setUint32(1, 4 + text.length);
  bytes.set(text, 5);
  return bytes;
}

/** What a server says at the start of a session that nobody has to prove. */
export function welcome(pid: number, key: number): Uint8Array {
  const numbers = new Uint8Array(8);
  new DataView(numbers.buffer).setUint32(0, pid);
  new DataView(numbers.buffer).setUint32(4, key);
  return Uint8Array.of(
    ...message("R", new Uint8Array(4)),
    ...message("K", numbers),
    ...message("Z", "I"),
  );
}

/** How long {@linkcode welcome} is. */
export const WELCOME_BYTES = 9 + 13 + 6;

/** What is said of three nodes while all is well: node 1 is the primary of epoch 1. */
export const WELL: Knowledge = {
  phase: openPhase(1),
  grant: { winner: 1, epoch: 1 },
  seen: seenOf(
    [1, primaryTells(1, 1)],
    [2, standbyTells(2, 1)],
    [3, standbyTells(3, 1)],
  ),
  hasContact: true,
  waits: false,
};

const SETTINGS: NodeConfig["router"] = {
  readWrite: { host: HOST, port: 0 },
  readOnly: { host: HOST, port: 0 },
  threads: 1,
  maxConnections: 200,
  maxWaiting: 100,
  waitTimeoutMs: 10_000,
  startupTimeoutMs: 10_000,
  connectTimeoutMs: 2000,
  idleTimeoutMs: 0,
  stallTimeoutMs: 60_000,
  maxLagBytes: 1000,
  readOnlyFallback: true,
  proxyProtocol: false,
};

/** Starts servers and a router before them. */
export async function openScene(
  settings: Partial<NodeConfig["router"]> = {},
  known: Partial<Knowledge> = {},
): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const servers = [1, 2, 3].map(() => stack.use(openServer()));
  const members = servers.map(({ port }, at) => memberOf(at + 1, { port }));
  const now = { known: { ...WELL, ...known }, confirms: 0 };
  const cache: { of: Knowledge | null; state: ClusterState | null } = {
    of: null,
    state: null,
  };
  const router = await startRouter({
    router: { ...SETTINGS, ...settings },
    raft: { electionTimeoutMs: 300 },
  }, {
    clock: systemClock(),
    state: () => {
      const { phase, grant } = now.known;
      if (cache.of !== now.known) cache.state = null;
      cache.of = now.known;
      return cache.state ??= stateOf(phase, grant, members);
    },
    observations: () => now.known.seen,
    confirm: () => {
      now.confirms += 1;
      return now.known.hasContact
        ? Promise.resolve()
        : Promise.reject(new Error());
    },
    isAwaitingSync: () => Promise.resolve(now.known.waits),
  });
  if (!router) throw new Error("No port is set");
  const wires: Wire[] = [];
  const ending = stack.move();
  const { doors } = router;
  const dial: Scene["dial"] = async (door = "read_write") => {
    const conn = await Deno.connect({ hostname: HOST, port: doors[door] ?? 0 });
    const wire = wireOf(conn);
    wires.push(wire);
    return wire;
  };
  return {
    router,
    servers,
    know: (change) => {
      now.known = { ...now.known, ...change };
      router.applied();
    },
    confirms: () => now.confirms,
    dial,
    login: async (door) => {
      const wire = await dial(door);
      await wire.send(startupPacket());
      return wire;
    },
    until: async (holds) => {
      for (let left = PATIENCE_MS; left > 0; left -= 10) {
        const stats = await router.stats();
        if (holds(stats)) return stats;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error(`Never so: ${JSON.stringify(await router.stats())}`);
    },
    [Symbol.asyncDispose]: async () => {
      await router.stop();
      for (const wire of wires) wire[Symbol.dispose]();
      await ending.disposeAsync();
    },
  };
}

/** One of a scene's servers. */
export function serverOf({ servers }: Scene, id: number): FakeServer {
  return present(servers[id - 1], `server ${id}`);
}

/** A session that stands, seen from both ends. */
export async function stand(
  scene: Scene,
  id = 1,
  door: "read_write" | "read_only" = "read_write",
): Promise<{ client: Wire; server: Wire }> {
  const client = await scene.login(door);
  const server = await serverOf(scene, id).session();
  await client.take(WELCOME_BYTES);
  return { client, server };
}

/** Sends a text from one end to the other. */
export async function echo(from: Wire, to: Wire, text: string): Promise<void> {
  await from.send(text);
  assertEquals(DECODER.decode(await to.take(text.length)), text);
}

function openServer(): FakeServer {
  const listener = Deno.listen({ hostname: HOST, port: 0 });
  const wires: Wire[] = [];
  let isClosed = false;
  let taken = 0;
  let arrived = Promise.withResolvers<void>();
  // Whoever comes is counted, also when no test looks at it.
  const accepting = (async (): Promise<void> => {
    for await (const conn of listener) {
      wires.push(wireOf(conn));
      arrived.resolve();
    }
  })();
  accepting.catch(() => {});
  const next = async (): Promise<Wire> => {
    while (taken >= wires.length) {
      arrived = Promise.withResolvers();
      await inTime(arrived.promise, "a connection");
    }
    return present(wires[taken++], "a connection");
  };
  return {
    port: listener.addr.port,
    next,
    session: async () => {
      const wire = await next();
      await wire.take(startupPacket().length);
      const number = taken;
      await wire.send(welcome(number, 1000 + number));
      return wire;
    },
    count: () => wires.length,
    [Symbol.dispose]: () => {
      if (!isClosed) listener.close();
      isClosed = true;
      for (const wire of wires) wire[Symbol.dispose]();
    },
  };
}

function wireOf(conn: Deno.TcpConn): Wire {
  let held = new Uint8Array();
  let isClosed = false;
  const chunk = new Uint8Array(65_536);
  const fill = async (): Promise<boolean> => {
    const got = await inTime(conn.read(chunk), "bytes");
    if (got === null) return false;
    held = Uint8Array.from([...held, ...chunk.subarray(0, got)]);
    return true;
  };
  return {
    conn,
    send: async (value) => {
      const bytes = typeof value === "string" ? ENCODER.encode(value) : value;
      for (let at = 0; at < bytes.length;) {
        at += await conn.write(bytes.subarray(at));
      }
    },
    take: async (count) => {
      while (held.length < count) {
        if (!await fill()) throw new Error("The other end has hung up");
      }
      const taken = held.slice(0, count);
      held = held.slice(count);
      return taken;
    },
    rest: async () => {
      try {
        while (await fill()) { /* all of it */ }
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      }
      return DECODER.decode(held);
    },
    [Symbol.dispose]: () => {
      if (isClosed) return;
      isClosed = true;
      conn.close();
    },
  };
}

async function inTime<T>(work: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`Not in time: ${what}`)),
    PATIENCE_MS,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
