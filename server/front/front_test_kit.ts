import { type RawHandler, systemClock } from "../../base/mod.ts";
import { type Front, openFront } from "./front.ts";
import { FRONT_LIMITS, type FrontLimits } from "./limits.ts";

export const HOST = "127.0.0.1";
const PATIENCE_MS = 10_000;
const QUICK: Partial<FrontLimits> = { sweepIntervalMs: 10 };

/** What differs from the defaults. */
export interface FrontTestOptions extends Partial<FrontLimits> {
  readonly isDirect?: (path: string) => boolean;
}

/** Runs a test with a front, and closes it whatever happens. */
export async function withFront(
  { isDirect, ...limits }: FrontTestOptions,
  handler: RawHandler<Deno.NetAddr>,
  run: (front: Front, url: string, client: Deno.HttpClient) => Promise<void>,
): Promise<void> {
  const front = await openFront({
    where: { hostname: HOST, port: 0 },
    handler,
    limits: { ...FRONT_LIMITS, ...QUICK, ...limits },
    clock: systemClock(),
    tls: null,
    clearToo: false,
    onTlsFailure: () => {},
    ...(isDirect ? { isDirect } : {}),
  });
  using client = Deno.createHttpClient({});
  try {
    await run(front, `http://${HOST}:${front.address.port}/`, client);
  } finally {
    await front.close();
  }
}

export async function textOf(
  url: string,
  client: Deno.HttpClient,
): Promise<string> {
  return await (await fetch(url, { client })).text();
}

export function connect({ address }: Front): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: HOST, port: address.port });
}

export async function write(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

/** Reads until the other end hangs up. */
export async function readAll(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  while (true) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

export async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > deadlineMs) throw new Error(`Never so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A body without an end, and how much of it was taken. */
export interface Endless {
  answer(): Response;
  sentBytes(): number;
  isCancelled(): boolean;
}

/** Makes a body without an end. */
export function createEndless(): Endless {
  const piece = new Uint8Array(65_536);
  let sentBytes = 0;
  let isCancelled = false;
  return {
    answer: () =>
      new Response(
        new ReadableStream({
          pull(controller): void {
            sentBytes += piece.length;
            controller.enqueue(piece);
          },
          cancel(): void {
            isCancelled = true;
          },
        }),
      ),
    sentBytes: () => sentBytes,
    isCancelled: () => isCancelled,
  };
}
