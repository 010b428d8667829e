import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { makeAuthority, withCertificates } from "../certificates/mod.ts";
import { freePorts, startProcess, until } from "../nodes/mod.ts";

const MAIN = join(import.meta.dirname ?? ".", "..", "..", "main.ts");
const HOST = "127.0.0.1";
const TOKEN = "a-token-of-some-length";
/** How many there are, where a scene says nothing else. */
const THOUSAND = 1000;
/** Each holds what sockets hold, which is a lot. */
const HUNDRED = 100;
/** Crowds come again: what each leaves behind would add up. */
const ROUNDS = 4;
const ASKS = 20;
/** How long others may be kept waiting by a crowd, at the very most. */
const ANSWER_TIMEOUT_MS = 5000;
/** What a node may come to at most, whatever the crowd. */
const RESIDENT_BYTES = 512 << 20;
/** What the last round may add to the one before, of memory that the collector has not seen to yet. */
const ROUND_BYTES = 64 << 20;

interface Subject {
  readonly port: number;
  readonly scheme: "http" | "https";
  readonly pid: number;
  readonly client: Deno.HttpClient;
}

/** Many connections, and what they do until they are ended. */
interface Crowd {
  /** How many of them the node has ended. */
  cutCount(): number;
  end(): Promise<void>;
}

async function withSubject(
  isTls: boolean,
  run: (subject: Subject) => Promise<void>,
): Promise<void> {
  await withCertificates(async (directory) => {
    const authority = await makeAuthority(directory);
    const own = await authority.issue("node");
    const tokenFile = join(directory, "token");
    await Deno.writeTextFile(tokenFile, TOKEN, { mode: 0o600 });
    const [raft = 0, port = 0] = freePorts(2);
    await using node = startProcess({
      name: "node",
      command: Deno.execPath(),
      args: [
        ...["run", "-A", MAIN, "serve", "--node-id=1"],
        `--node-data-dir=${join(directory, "data")}`,
        `--cluster-members=1@${HOST}:${raft}`,
        `--raft-listen=${HOST}:${raft}`,
        // Beyond loopback, so that bounds hold.
        ...[`--api-listen=0.0.0.0:${port}`, `--api-token-file=${tokenFile}`],
        ...["--postgresql-managed=false", "--raft-snapshot-distance=100"],
        ...isTls ? [`--api-tls-cert=${own.cert}`] : [],
        ...isTls ? [`--api-tls-key=${own.key}`] : [],
      ],
    });
    using client = Deno.createHttpClient({
      caCerts: [await Deno.readTextFile(authority.ca)],
    });
    const scheme = isTls ? "https" : "http";
    const subject: Subject = { port, scheme, pid: node.pid, client };
    try {
      await until(
        () => put(subject, "ready").catch(() => null),
        { what: "the node takes puts" },
      );
      await run(subject);
    } catch (error) {
      throw new Error(`It failed; the node wrote\n${node.output()}`, {
        cause: error,
      });
    }
  });
}

async function put(
  { scheme, port, client }: Subject,
  value: string,
): Promise<true> {
  const response = await fetch(`${scheme}://${HOST}:${port}/v1/kv/key`, {
    client,
    method: "PUT",
    headers: {
      authorization: `Bearer ${TOKEN}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ value }),
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  await response.body?.cancel();
  assertEquals(response.status, 200);
  return true;
}

async function residentBytes({ pid }: Subject): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) * 1024;
}

/**
 * Makes a crowd.
 *
 * @param first What each sends at once.
 * @param drip What each sends every second from then on.
 * @param reads Whether they read.
 * @param size How many there are.
 */
async function gather(
  { port }: Subject,
  first: string,
  drip: string,
  reads: boolean,
  size: number,
): Promise<Crowd> {
  const encoder = new TextEncoder();
  const conns: Deno.TcpConn[] = [];
  const reading: Promise<void>[] = [];
  let cuts = 0;
  for (let n = 0; n < size; n++) {
    const conn = await Deno.connect({ hostname: HOST, port });
    conns.push(conn);
    if (first !== "") await conn.write(encoder.encode(first));
    if (reads) reading.push(readOut(conn).then(() => void (cuts += 1)));
  }
  const dripping = drip === "" ? undefined : setInterval(() => {
    for (const conn of conns) {
      void conn.write(encoder.encode(drip)).catch(() => {});
    }
  }, 1000);
  return {
    cutCount: () => cuts,
    end: async () => {
      clearInterval(dripping);
      for (const conn of conns) conn.close();
      await Promise.all(reading);
    },
  };
}

async function readOut(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4096);
  while (await conn.read(buffer).catch(() => null) !== null);
}

interface Scene {
  readonly what: string;
  readonly isTls: boolean;
  readonly first: string;
  readonly drip: string;
  readonly reads: boolean;
  /** Whether the node must get rid of them by itself. */
  readonly areCut: boolean;
  readonly size: number;
  /** How large what is put meanwhile is. */
  readonly valueBytes: number;
}

const WATCH =
  `GET /v1/watch?from=1 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`;
/** The beginning of a TLS greeting, whose rest never comes. */
const HALF_GREETING = "\x16\x03\x01\x02\x00\x01";

const SCENES: readonly Scene[] = [
  {
    what: "a thousand headers that come byte by byte",
    isTls: false,
    first: "GET /livez HTTP/1.1\r\nx: ",
    drip: "a",
    reads: true,
    areCut: true,
    size: THOUSAND,
    valueBytes: 16,
  },
  {
    what: "a thousand idle watchers",
    isTls: false,
    first: WATCH,
    drip: "",
    reads: true,
    areCut: false,
    size: THOUSAND,
    valueBytes: 16,
  },
  {
    what: "a hundred watchers that never read",
    isTls: false,
    first: WATCH,
    drip: "",
    reads: false,
    areCut: false,
    size: HUNDRED,
    valueBytes: 16_384,
  },
  {
    what: "a thousand half-open TLS connections",
    isTls: true,
    first: HALF_GREETING,
    drip: "",
    reads: true,
    areCut: true,
    size: THOUSAND,
    valueBytes: 16,
  },
];

for (const scene of SCENES) {
  Deno.test(`a node answers others and keeps its memory under ${scene.what}`, () =>
    withSubject(scene.isTls, async (subject) => {
      const atFirst = await residentBytes(subject);
      const residents: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const { first, drip, reads, areCut, valueBytes, size } = scene;
        const crowd = await gather(subject, first, drip, reads, size);
        try {
          for (let n = 0; n < ASKS; n++) {
            await put(subject, "x".repeat(valueBytes));
          }
          if (areCut) {
            await until(() => crowd.cutCount() === size || null, {
              what: "all of them are cut",
            });
          } else assertEquals(crowd.cutCount(), 0);
        } finally {
          await crowd.end();
        }
        await put(subject, "after");
        residents.push(await residentBytes(subject));
      }
      const [before = 0, last = 0] = residents.slice(-2);
      const shown = [atFirst, ...residents].map((bytes) => `${bytes >> 20} MB`);
      assert(
        last < before + ROUND_BYTES &&
          last < RESIDENT_BYTES,
        `memory grew round by round: ${shown.join(", ")}`,
      );
      await Deno.stderr.write(
        new TextEncoder().encode(`${scene.what}: ${shown.join(", ")}\n`),
      );
    }));
}
