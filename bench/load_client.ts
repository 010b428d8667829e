/**
 * The load of `load.ts` where there is no wrk: the same requests over plain sockets, and the same last
 * line. Started by `load.ts` in a process of its own.
 *
 * @module
 */
import {
  invariant,
  type Random,
  randomBelow,
  seededRandom,
} from "../base/mod.ts";
import type { LoadOptions } from "./load.ts";
import { print } from "./terminal.ts";

const KEYS = 10_000;
const VALUE_BYTES = 256;
const BUCKET_US = 10;
/** Latencies from 10 s on count as 10 s. */
const BUCKETS = 1_000_000;
const MAX_HEAD_BYTES = 65_536;
const HEAD_END = "\r\n\r\n";

/** Latencies by 10 µs. */
interface Latencies {
  readonly counts: Uint32Array;
  requests: number;
  errors: number;
  maxUs: number;
}

/** The next request, as it goes over the wire. */
type NextRequest = () => Uint8Array<ArrayBuffer>;

function randomText(random: Random, length: number): string {
  return String.fromCharCode(
    ...Array.from({ length }, () => 33 + randomBelow(random, 94)),
  );
}

function createRequests(options: LoadOptions): NextRequest {
  const { api, kind, order } = options;
  const random = seededRandom(options.seed);
  const encoder = new TextEncoder();
  const requests = Array.from({ length: KEYS }, (_, at) => {
    const key = btoa(`k${String(at + 1).padStart(7, "0")}`);
    const body = JSON.stringify(
      kind === "range"
        ? { key }
        : { key, value: btoa(randomText(random, VALUE_BYTES)) },
    );
    return encoder.encode([
      `POST /v3/kv/${kind} HTTP/1.1`,
      `Host: ${api}`,
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
      "",
      body,
    ].join("\r\n"));
  });
  let last = 0;
  return () => {
    last = order === "walk" ? (last + 1) % KEYS : randomBelow(random, KEYS);
    return requests[last] ?? new Uint8Array();
  };
}

/** What is known of an answer while it comes in: how many bytes of it are to come. */
interface Reading {
  head: string;
  missingBytes: number;
}

/** Takes a chunk of an answer; returns its status once it is complete. */
function takeChunk(
  reading: Reading,
  chunk: Uint8Array,
  decoder: TextDecoder,
): number | null {
  if (reading.missingBytes > 0) reading.missingBytes -= chunk.length;
  else {
    reading.head += decoder.decode(chunk);
    const end = reading.head.indexOf(HEAD_END);
    invariant(reading.head.length < MAX_HEAD_BYTES, "an answer's head ends");
    if (end < 0) return null;
    const length = /^content-length: *(\d+)/im.exec(reading.head)?.[1];
    invariant(length !== undefined, "an answer names its length");
    // Heads and bodies of these routes are ASCII: characters are bytes.
    reading.missingBytes = end + HEAD_END.length + Number(length) -
      reading.head.length;
  }
  return reading.missingBytes > 0 ? null : Number(reading.head.slice(9, 12));
}

function count(latencies: Latencies, us: number, status: number): void {
  const bucket = Math.min(BUCKETS - 1, Math.floor(us / BUCKET_US));
  latencies.counts[bucket] = (latencies.counts[bucket] ?? 0) + 1;
  latencies.requests++;
  latencies.maxUs = Math.max(latencies.maxUs, us);
  if (status < 200 || status > 299) latencies.errors++;
}

async function ask(
  connection: Deno.TcpConn,
  request: Uint8Array<ArrayBuffer>,
  buffer: Uint8Array<ArrayBuffer>,
): Promise<number> {
  for (let sent = 0; sent < request.length;) {
    sent += await connection.write(request.subarray(sent));
  }
  const reading: Reading = { head: "", missingBytes: 0 };
  const decoder = new TextDecoder();
  while (true) {
    const size = await connection.read(buffer);
    if (size === null) throw new Error("The node closed the connection");
    const status = takeChunk(reading, buffer.subarray(0, size), decoder);
    if (status !== null) return status;
  }
}

async function runConnection(
  options: LoadOptions,
  next: NextRequest,
  latencies: Latencies,
  endMs: number,
): Promise<void> {
  const [hostname = "", port] = options.api.split(":");
  const buffer = new Uint8Array(16_384);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  connection.setNoDelay(true);
  while (performance.now() < endMs) {
    const sentMs = performance.now();
    const status = await ask(connection, next(), buffer);
    count(latencies, (performance.now() - sentMs) * 1000, status);
  }
}

function shareBelow(latencies: Latencies, us: number): number {
  const below = latencies.counts.subarray(0, us / BUCKET_US)
    .reduce((sum, one) => sum + one, 0);
  return below / latencies.requests;
}

function latencyAt(latencies: Latencies, share: number): number {
  let left = latencies.requests * share;
  const bucket = latencies.counts.findIndex((one) => (left -= one) <= 0);
  return (bucket + 0.5) * BUCKET_US;
}

async function run(options: LoadOptions): Promise<string> {
  const next = createRequests(options);
  const latencies: Latencies = {
    counts: new Uint32Array(BUCKETS),
    requests: 0,
    errors: 0,
    maxUs: 0,
  };
  const startMs = performance.now();
  const endMs = startMs + options.seconds * 1000;
  await Promise.all(Array.from(
    { length: options.connections },
    () => runConnection(options, next, latencies, endMs),
  ));
  const words = [
    latencies.requests,
    latencies.errors,
    Math.round((performance.now() - startMs) * 1000),
    latencyAt(latencies, 0.5),
    latencyAt(latencies, 0.95),
    latencyAt(latencies, 0.99),
    latencies.maxUs,
    shareBelow(latencies, 60_000) - shareBelow(latencies, 35_000),
  ];
  return `RESULT ${words.join(" ")}\n`;
}

if (import.meta.main) await print(await run(JSON.parse(Deno.args[0] ?? "")));
