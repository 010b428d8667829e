import { freePort } from "../base/mod.ts";
import { main } from "./main.ts";
import type { Io } from "./io.ts";

/** What a test's command line finds. */
export interface TestWorld {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Files by path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly isTerminal?: boolean;
  /** What a person types at a question; without it nobody is there. */
  readonly typed?: string;
  readonly color?: boolean;
  /** Called with all output so far after each write; `interrupt` is Ctrl-C. */
  readonly onOut?: (out: string, interrupt: () => void) => void;
  /** Called when Ctrl-C would be heard. */
  readonly onListen?: (interrupt: () => void) => void;
}

/** How a command line ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** The output byte for byte. */
  readonly bytes: Uint8Array;
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

/** Runs a command line in this process. */
export async function runMain(
  args: readonly string[],
  world: TestWorld = {},
): Promise<Ended> {
  const written: number[] = [];
  const textOut = (): string =>
    new TextDecoder().decode(new Uint8Array(written));
  let err = "";
  let interrupt = (): void => {};
  const io: Io = {
    out: (data) => {
      written.push(...bytesOf(data));
      world.onOut?.(textOut(), () => interrupt());
      return Promise.resolve();
    },
    err: (text) => {
      err += text;
      return Promise.resolve();
    },
    readInput: () => Promise.resolve(bytesOf(world.input ?? "")),
    readFile: (path) => {
      const file = world.files?.[path];
      return file === undefined
        ? Promise.reject(new Deno.errors.NotFound("No such file"))
        : Promise.resolve(bytesOf(file));
    },
    env: world.env ?? {},
    inIsTerminal: world.typed !== undefined,
    readLine: () => Promise.resolve(world.typed ?? null),
    outIsTerminal: world.isTerminal ?? false,
    color: world.color ?? false,
    onInterrupt: (run) => {
      interrupt = run;
      world.onListen?.(run);
      return () => {};
    },
    now: () => new Date(0),
  };
  const code = await main(args, io);
  return { code, out: textOut(), err, bytes: new Uint8Array(written) };
}

/** A request that the stand-in got. */
export interface Seen {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Headers;
  /** The JSON body, null where there was none. */
  readonly body: unknown;
}

/** What the stand-in answers; null to break the connection. */
export type Answer = (
  seen: Seen,
  count: number,
) => Response | Promise<Response>;

/** A node's API as docs/api.md describes it, with answers that a test chooses. */
export interface StandIn extends AsyncDisposable {
  /** `host:port`. */
  readonly api: string;
  readonly seen: readonly Seen[];
}

/** Starts a stand-in for a node's API. */
export function standIn(answer: Answer): StandIn {
  const seen: Seen[] = [];
  const port = freePort();
  const stop = new AbortController();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port,
    signal: stop.signal,
    onListen: () => {},
  }, async (request) => {
    const url = new URL(request.url);
    const text = await request.text();
    const one = {
      method: request.method,
      path: url.pathname + url.search,
      headers: request.headers,
      body: text === "" ? null : JSON.parse(text),
    };
    seen.push(one);
    return answer(one, seen.length);
  });
  return {
    api: `127.0.0.1:${port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await server.finished;
    },
  };
}

/** Makes an error as the API answers it. */
export function problem(
  status: number,
  code: string,
  more: Readonly<Record<string, unknown>> = {},
): Response {
  return Response.json({
    type: "about:blank",
    title: "Title",
    status,
    code,
    detail: `Detail of ${code}`,
    request_id: "c0ffee",
    ...more,
  }, { status, headers: { "content-type": "application/problem+json" } });
}
