import net from "node:net";
import type tls from "node:tls";
import {
  type Clock,
  formatHostPort,
  invariant,
  messageOf,
  type RawHandler,
  type Timer,
} from "../../base/mod.ts";
import {
  admit,
  begin,
  type Book,
  createBook,
  finish,
  type FrontStats,
  type Guest,
  sweep,
} from "./book.ts";
import { receive } from "./direct.ts";
import type { FrontLimits } from "./limits.ts";
import { createTlsDoor, type TlsDoor, type TlsSource } from "./tls_door.ts";

/** What a front needs to know. */
export interface FrontOptions {
  /** Where it listens; port 0 picks a free one. */
  readonly where: { readonly hostname: string; readonly port: number };
  readonly handler: RawHandler<Deno.NetAddr>;
  readonly limits: FrontLimits;
  readonly clock: Clock;
  /** Null for a front in clear. */
  readonly tls: TlsSource | null;
  /** Whether callers in clear are taken in beside those that speak TLS. */
  readonly clearToo: boolean;
  /** Is told why a caller's TLS failed. */
  readonly onTlsFailure: (why: string) => void;
  /**
   * Whether a GET of a path is answered without the inner server, which is for streams that last: they are
   * spared a hop, and end with `close()` only.
   *
   * @default {none is}
   */
  readonly isDirect?: (path: string) => boolean;
}

/** A server with bounds of its own, and TLS where it has certificates. */
export interface Front {
  readonly address: { readonly hostname: string; readonly port: number };
  stats(): FrontStats;
  /** Takes no more connections and requests, and waits until those under way are answered. */
  shutdown(): Promise<void>;
  /** Ends everything now. */
  close(): Promise<void>;
}

/** What a TLS record of a handshake begins with; no request does. */
const TLS_HANDSHAKE = 0x16;
const INNER_HOST = "127.0.0.1";

/** A connection, from the accept to its end. */
interface Place {
  readonly remote: Deno.NetAddr;
  readonly guest: Guest;
}

interface State {
  readonly options: FrontOptions;
  readonly book: Book;
  /** Places by the port from which the inner server sees them come. */
  readonly byInnerPort: Map<number, Place>;
  /** Those whose handshake is under way, by the ends of their connection. */
  readonly shakingHands: Map<string, Place>;
  readonly inner: Deno.HttpServer<Deno.NetAddr>;
  readonly innerAbort: AbortController;
  readonly outer: net.Server;
  readonly door: TlsDoor | null;
  timer: Timer | null;
  closing: Promise<void> | null;
  /** Whether the inner server was told to end; it can't be aborted then: Deno throws. */
  isShut: boolean;
  /** Is told when the last connection has ended. */
  onEmpty: () => void;
}

/**
 * Listens, holds connections to their bounds, ends their TLS, and passes what they say on to a server on
 * loopback: the platform's own has no bounds, can't ask for certificates and can't change its own.
 *
 * @param options Where, and what answers.
 * @returns The front, which listens.
 * @throws {Error} When the port can't be listened at.
 */
export async function openFront(options: FrontOptions): Promise<Front> {
  const state = createState(options);
  try {
    await listen(state.outer, options.where);
  } catch (error) {
    await close(state);
    throw error;
  }
  watch(state);
  const { book, outer, inner } = state;
  const { hostname } = options.where;
  return {
    address: { hostname, port: portOf(outer) },
    stats: () => ({ connections: book.guests.size, cuts: book.cuts }),
    async shutdown(): Promise<void> {
      state.isShut = true;
      outer.close();
      await inner.shutdown();
      // What was answered is still on its way through here.
      await whenEmpty(state);
      await close(state);
    },
    close: () => close(state),
  };
}

function createState(options: FrontOptions): State {
  const innerAbort = new AbortController();
  const { signal } = innerAbort;
  const state: State = {
    options,
    book: createBook(options.limits),
    byInnerPort: new Map(),
    shakingHands: new Map(),
    innerAbort,
    inner: Deno.serve(
      { hostname: INNER_HOST, port: 0, signal, onListen: () => {} },
      (request, info) => answer(state, request, info),
    ),
    outer: net.createServer(
      { noDelay: true, allowHalfOpen: true },
      (raw) => take(state, raw),
    ),
    door: options.tls === null ? null : createTlsDoor(options.tls, {
      open: (socket) => openSecure(state, socket),
      failed: options.onTlsFailure,
    }),
    timer: null,
    closing: null,
    isShut: false,
    onEmpty: () => {},
  };
  return state;
}

function listen(
  outer: net.Server,
  { hostname, port }: FrontOptions["where"],
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  outer.once("listening", resolve);
  outer.once("error", (error) => {
    const where = formatHostPort({ host: hostname, port });
    reject(
      new Error(`Can't listen at ${where}: ${messageOf(error)}`, {
        cause: error,
      }),
    );
  });
  outer.listen(port, hostname);
  return promise;
}

function portOf(outer: net.Server): number {
  const address = outer.address();
  invariant(
    address !== null && typeof address === "object",
    "a server that listens has a port",
  );
  return address.port;
}

function watch(state: State): void {
  const { clock, limits } = state.options;
  state.timer = clock.after(limits.sweepIntervalMs, () => {
    sweep(state.book, clock.nowMs());
    watch(state);
  });
}

function close(state: State): Promise<void> {
  state.closing ??= closeAll(state);
  return state.closing;
}

async function whenEmpty(state: State): Promise<void> {
  if (state.book.guests.size === 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  state.onEmpty = resolve;
  await promise;
}

async function closeAll(
  { timer, door, outer, book, inner, innerAbort, isShut }: State,
): Promise<void> {
  timer?.cancel();
  door?.close();
  outer.close();
  for (const guest of book.guests) guest.cut();
  if (!isShut) innerAbort.abort();
  await inner.finished;
}

function answer(
  { byInnerPort, options: { handler, clock } }: State,
  request: Request,
  { remoteAddr, completed }: Deno.ServeHandlerInfo<Deno.NetAddr>,
): Response | Promise<Response> {
  const place = byInnerPort.get(remoteAddr.port);
  // Somebody on this machine who found the inner port, past bounds and certificates.
  if (!place) return new Response(null, { status: 403 });
  const { guest, remote } = place;
  begin(guest);
  const end = (): void => finish(guest, clock.nowMs());
  completed.then(end, end);
  return handler(request, { remoteAddr: remote, completed });
}

function take(state: State, raw: net.Socket): void {
  const { book, door, shakingHands, options } = state;
  const cut = (): void => void raw.destroy();
  raw.on("error", cut);
  const guest = admit(book, options.clock.nowMs(), cut);
  if (!guest) return;
  const place = { remote: remoteOf(raw), guest };
  const ends = endsOf(raw);
  raw.once("close", () => {
    book.guests.delete(guest);
    shakingHands.delete(ends);
    if (book.guests.size === 0) state.onEmpty();
  });
  if (!door) return enter(state, place, raw);
  shakingHands.set(ends, place);
  if (!options.clearToo) return door.take(raw);
  raw.once("data", (first: Uint8Array) => {
    raw.pause();
    raw.unshift(first);
    if (first[0] === TLS_HANDSHAKE) return door.take(raw);
    shakingHands.delete(ends);
    enter(state, place, raw);
    raw.resume();
  });
}

function openSecure(state: State, socket: tls.TLSSocket): void {
  const ends = endsOf(socket);
  const place = state.shakingHands.get(ends);
  state.shakingHands.delete(ends);
  // It was cut while the last step of its handshake was under way.
  if (!place) return void socket.destroy();
  socket.on("error", () => socket.destroy());
  socket.setNoDelay(true);
  enter(state, place, socket);
}

/** A connection over TLS knows its ends, and not the socket below it. */
function endsOf(
  { remoteAddress, remotePort, localAddress, localPort }: net.Socket,
): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

function remoteOf({ remoteAddress, remotePort }: net.Socket): Deno.NetAddr {
  return {
    transport: "tcp",
    hostname: remoteAddress ?? "",
    port: remotePort ?? 0,
  };
}

function enter(state: State, place: Place, socket: net.Socket): void {
  const { isDirect, handler, clock } = state.options;
  const passOn = (): void => carry(state, place, socket);
  if (isDirect === undefined) return passOn();
  receive({ ...place, socket, handler, clock, isDirect, passOn });
}

/** Passes on what a caller and the inner server say to each other. */
function carry(state: State, place: Place, socket: net.Socket): void {
  const { byInnerPort, inner, options: { clock } } = state;
  const within = net.connect({
    host: INNER_HOST,
    port: inner.addr.port,
    noDelay: true,
    allowHalfOpen: true,
  });
  let port = 0;
  within.once("connect", () => {
    port = within.localPort ?? 0;
    byInnerPort.set(port, place);
  });
  within.on("error", () => within.destroy());
  within.once("close", () => {
    byInnerPort.delete(port);
    socket.destroySoon();
  });
  // A server that has ended its answers reads no more either.
  within.once("end", () => within.destroy());
  socket.once("close", () => within.destroy());
  socket.once("end", () => within.end());
  forward(socket, within, () => {});
  forward(within, socket, (isStalled) => {
    place.guest.stalledSinceMs = isStalled ? clock.nowMs() : null;
  });
}

/** No faster than it is taken: what waits is a piece at most. */
function forward(
  from: net.Socket,
  to: net.Socket,
  stalled: (isStalled: boolean) => void,
): void {
  from.on("data", (piece: Uint8Array) => {
    if (to.write(piece)) return;
    from.pause();
    stalled(true);
  });
  to.on("drain", () => {
    stalled(false);
    from.resume();
  });
}
