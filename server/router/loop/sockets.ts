import { isIPv4, isIPv6 } from "node:net";
import { ERRNO, type Libc } from "./libc.ts";

/** Where a socket is bound or leads to; the host is an address, never a name. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_USER_TIMEOUT = 18;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;

/** A peer that is silent for so long is asked whether it is there. */
const KEEP_ALIVE_S = 5;
/** So many questions without an answer, as far apart, and it is gone. */
const KEEP_ALIVE_TRIES = 3;
const BACKLOG = 4096;
const MAX_ADDRESS_BYTES = 28;

/** Why no listening socket came about. */
export class ListenError extends Error {
  /** Makes one. */
  constructor(message: string) {
    super(message);
    this.name = "ListenError";
  }
}

/**
 * Encodes an address as the kernel reads it.
 *
 * @param address An address of IPv4 or IPv6.
 * @returns A `sockaddr`; null for a host that is none.
 */
export function encodeAddress({ host, port }: Address): Uint8Array | null {
  if (isIPv4(host)) {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, AF_INET, true);
    view.setUint16(2, port);
    bytes.set(host.split(".").map(Number), 4);
    return bytes;
  }
  if (!isIPv6(host)) return null;
  const bytes = new Uint8Array(MAX_ADDRESS_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port);
  for (const [at, word] of wordsOf(host).entries()) {
    view.setUint16(8 + 2 * at, word);
  }
  return bytes;
}

/** The eight words of an IPv6 address, whose longest run of zeros may be left out. */
function wordsOf(host: string): number[] {
  const plain = host.replace(/%.*$/, "").replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_all, a, b, c, d) =>
      `${(a * 256 + Number(b)).toString(16)}:${
        (c * 256 + Number(d)).toString(16)
      }`,
  );
  const [head = "", tail] = plain.split("::");
  const parse = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((word) => parseInt(word, 16));
  const first = parse(head);
  if (tail === undefined) return first;
  const last = parse(tail);
  const zeros = Array<number>(8 - first.length - last.length).fill(0);
  return [...first, ...zeros, ...last];
}

/**
 * Decodes an address as the kernel writes it.
 *
 * @param bytes A `sockaddr`.
 * @returns The address.
 */
export function decodeAddress(bytes: Uint8Array): Address {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const port = view.getUint16(2);
  if (view.getUint16(0, true) === AF_INET) {
    return { host: bytes.subarray(4, 8).join("."), port };
  }
  const words = Array.from(
    { length: 8 },
    (_, at) => view.getUint16(8 + 2 * at),
  );
  const isMapped = words.slice(0, 5).every((word) => word === 0) &&
    words[5] === 0xffff;
  if (isMapped) return { host: bytes.subarray(20, 24).join("."), port };
  return { host: words.map((word) => word.toString(16)).join(":"), port };
}

/** Sockets of one thread; none of its calls ever waits. */
export interface Sockets {
  /** Listens. */
  listen(address: Address): { readonly fd: number; readonly port: number };
  /** Takes a connection; null when none is there, `full` when no more files may be open. */
  accept(
    listener: number,
  ): { readonly fd: number; readonly from: Address } | "full" | null;
  /** Begins to connect; null when that failed at once. */
  connect(address: Address): number | null;
  /** Whether a connection that became writable stands. */
  isConnected(fd: number): boolean;
  /** Reads; 0 at the end, -1 for nothing yet, -2 when it broke. */
  receive(fd: number, buffer: Uint8Array): number;
  /** Writes what fits now: maybe less, 0 for nothing, -2 when it broke. */
  send(fd: number, buffer: Uint8Array, size: number): number;
  /** Says that no more is written. */
  endWriting(fd: number): void;
  /** Ends it at once where a peer takes nothing for so long. */
  limitSilence(fd: number, ms: number): void;
}

/** Sets an option of a socket that is a number. */
type SetOption = (
  fd: number,
  level: number,
  name: number,
  value: number,
) => void;

function createOptions(
  { call }: Libc,
): { readonly number: Int32Array<ArrayBuffer>; readonly set: SetOption } {
  const number = new Int32Array(1);
  return {
    number,
    set: (fd, level, name, value) => {
      number[0] = value;
      call.setsockopt(fd, level, name, number, 4);
    },
  };
}

/** Small messages go at once, and a peer that is gone is noticed. */
function prepare(fd: number, set: SetOption): void {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_ALIVE_S);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_ALIVE_S);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_ALIVE_TRIES);
}

/** Makes the sockets of a thread. */
export function createSockets(libc: Libc): Sockets {
  const { call } = libc;
  const { number, set } = createOptions(libc);
  const size = new Uint32Array(1);
  const from = new Uint8Array(MAX_ADDRESS_BYTES);

  function open(address: Uint8Array): number {
    const family = address[0] ?? AF_INET;
    return call.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  }

  /** A call that failed for want of room or by a signal is tried again when the kernel says so. */
  function failure(): -1 | -2 {
    const errno = libc.errno();
    return errno === ERRNO.eagain || errno === ERRNO.eintr ? -1 : -2;
  }

  return {
    listen: (address) => listenAt(libc, address, open, set),
    accept: (listener) => {
      size[0] = MAX_ADDRESS_BYTES;
      const flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
      const fd = call.accept4(listener, from, size, flags);
      if (fd >= 0) {
        prepare(fd, set);
        return { fd, from: decodeAddress(from) };
      }
      const errno = libc.errno();
      return errno === ERRNO.emfile || errno === ERRNO.enfile ? "full" : null;
    },
    connect: (address) => {
      const bytes = encodeAddress(address);
      if (bytes === null) return null;
      const fd = open(bytes);
      if (fd < 0) return null;
      prepare(fd, set);
      if (call.connect(fd, bytes, bytes.length) === 0) return fd;
      if (libc.errno() === ERRNO.einprogress) return fd;
      call.close(fd);
      return null;
    },
    isConnected: (fd) => {
      size[0] = 4;
      number[0] = -1;
      call.getsockopt(fd, SOL_SOCKET, SO_ERROR, number, size);
      return number[0] === 0;
    },
    receive: (fd, buffer) => {
      const got = call.recv(fd, buffer, buffer.length, MSG_DONTWAIT);
      return got >= 0 ? got : failure();
    },
    send: (fd, buffer, count) => {
      const sent = call.send(fd, buffer, count, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent >= 0) return sent;
      return failure() === -1 ? 0 : -2;
    },
    endWriting: (fd) => {
      call.shutdown(fd, SHUT_WR);
    },
    limitSilence: (fd, ms) => set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ms),
  };
}

function listenAt(
  libc: Libc,
  address: Address,
  open: (address: Uint8Array) => number,
  set: SetOption,
): { fd: number; port: number } {
  const { call } = libc;
  const where = `${address.host} port ${address.port}`;
  const bytes = encodeAddress(address);
  if (bytes === null) throw new ListenError(`${where} is no address`);
  const fd = open(bytes);
  set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  const isBound = call.bind(fd, bytes, bytes.length) === 0;
  if (!isBound || call.listen(fd, BACKLOG) !== 0) {
    const errno = libc.errno();
    call.close(fd);
    throw new ListenError(
      errno === ERRNO.eaddrinuse
        ? `${where} is taken by another process`
        : `${where} can't be listened at (error ${errno})`,
    );
  }
  const own = new Uint8Array(MAX_ADDRESS_BYTES);
  call.getsockname(fd, own, new Uint32Array([MAX_ADDRESS_BYTES]));
  return { fd, port: decodeAddress(own).port };
}
