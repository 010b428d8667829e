import { join } from "node:path";
import { until } from "./nodes/mod.ts";
import {
  connectPostgres,
  type PgCluster,
  type PgClusterOptions,
  type PgNode,
  type Place,
  WireError,
} from "./postgres/mod.ts";
import { findProgram, ownerOf } from "./pg_fault_kit.ts";

const HOST = "127.0.0.1";

/** What tests read of `GET /v1/router`. */
export interface RouterView {
  readonly drained: boolean;
  readonly in_contact: boolean;
  readonly epoch: number;
  readonly sessions: readonly {
    readonly port: string;
    readonly node: number;
    readonly role: string;
    readonly epoch: number;
    readonly count: number;
  }[];
  readonly waiting: number;
  readonly cancels: number;
  readonly held_cancels: number;
  readonly ended: Readonly<Record<string, number>>;
}

/** Where a node's router leads writers. */
export function writersOf({ router }: PgNode): Place {
  return { host: HOST, port: router.readWrite };
}

/** Where a node's router leads readers. */
export function readersOf({ router }: PgNode): Place {
  return { host: HOST, port: router.readOnly };
}

/** What a node's router does. */
export async function routerOf({ agent }: PgNode): Promise<RouterView> {
  const answer = await agent.client.request("GET", "/v1/router", undefined);
  if (answer.kind === "ok") return answer.value as RouterView;
  throw new Error(answer.detail);
}

/** Waits until a node's router is as wanted. */
export async function untilRouter(
  node: PgNode,
  what: string,
  holds: (view: RouterView) => boolean,
): Promise<void> {
  await until(async () => holds(await routerOf(node)) || null, { what });
}

/** The port of the server that a session was led to, and whether that is a standby. */
export async function ledTo(
  place: Place,
): Promise<{ port: number; isStandby: boolean }> {
  using connection = await connectPostgres({ place, timeoutMs: 15_000 });
  const { rows } = await connection.query(
    "select inet_server_port(), pg_is_in_recovery()",
  );
  const [port, isStandby] = rows[0] ?? [];
  return { port: Number(port), isStandby: isStandby === "t" };
}

/** What a client saw that was led somewhere. */
export interface Sighting {
  readonly port: number;
  readonly isStandby: boolean;
  /** When it was asked for. */
  readonly beganMs: number;
  /** How long it took to be led and answered. */
  readonly tookMs: number;
}

/** Clients that ask again and again where writers are led. */
export interface Crowd extends AsyncDisposable {
  /** What was seen. */
  sightings(): readonly Sighting[];
  /** Sessions that broke while they asked, which every failover does to some. */
  broken(): number;
  /** Waits until so many more were led that began after now. */
  untilLed(count: number): Promise<void>;
}

/** Starts clients, each with its router. */
export function startCrowd(places: readonly Place[], size: number): Crowd {
  const sightings: Sighting[] = [];
  const stopping = new AbortController();
  let broken = 0;
  const run = async (place: Place): Promise<void> => {
    while (!stopping.signal.aborted) {
      const beganMs = performance.now();
      try {
        const { port, isStandby } = await ledTo(place);
        const tookMs = performance.now() - beganMs;
        sightings.push({ port, isStandby, beganMs, tookMs });
      } catch (error) {
        const isLoss = error instanceof WireError ||
          error instanceof Deno.errors.ConnectionRefused ||
          error instanceof Deno.errors.ConnectionReset;
        if (!isLoss) throw error;
        broken += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const running = Array.from({ length: size }, (_, at) => {
    const place = places[at % places.length];
    if (!place) throw new Error("There is no place");
    return run(place);
  });
  return {
    sightings: () => sightings,
    broken: () => broken,
    untilLed: async (count) => {
      const sinceMs = performance.now();
      const led = (): number =>
        sightings.filter(({ beganMs }) => beganMs > sinceMs).length;
      await until(() => led() >= count || null, {
        what: `${count} clients are led`,
        timeoutMs: 60_000,
      });
    },
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

/** Runs one of PostgreSQL's programs as a client; returns what it writes. */
export async function runClient(
  program: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(
    await findProgram(program),
    { args: [...words], env: { ...env }, stdin: "null" },
  ).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  if (success) return text.trim();
  throw new Error(`${program} failed: ${decoder.decode(stderr)}`);
}

/** Settings of a cluster whose servers speak TLS, with a role that must prove itself by SCRAM. */
export const ENCRYPTED: PgClusterOptions = {
  hba: [
    `"host replication postgres ${HOST}/32 trust"`,
    `"hostssl all prover ${HOST}/32 scram-sha-256"`,
    `"host all prover ${HOST}/32 reject"`,
  ],
  prepare: makeCertificate,
};

/** The parameters that turn TLS on; where the certificate is follows from the cluster's directory. */
export async function encrypt({ nodes, root }: PgCluster): Promise<void> {
  for (const node of nodes) {
    const set = (name: string, value: string): Promise<unknown> =>
      node.queryLocally(`alter system set ${name} = '${value}'`);
    await set("ssl_cert_file", join(root, "server.crt"));
    await set("ssl_key_file", join(root, "server.key"));
    await set("ssl", "on");
    await node.queryLocally("select pg_reload_conf()");
  }
}

async function makeCertificate(root: string): Promise<void> {
  const key = join(root, "server.key");
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ..."req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout"
        .split(" "),
      key,
      "-out",
      join(root, "server.crt"),
    ],
    stdin: "null",
  }).output();
  if (!success) {
    throw new Error(
      `openssl is needed: ${new TextDecoder().decode(stderr)}`,
    );
  }
  const owner = await ownerOf("postgres");
  if (owner) await Deno.chown(key, owner.uid, owner.gid);
  await Deno.chmod(key, 0o600);
}
