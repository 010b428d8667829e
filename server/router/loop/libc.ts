/** The kernel's sockets, and what else the router asks of it. */
export const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  // Sizes are below 2 GB here. As 32 bits the calls compile to plain ones; as 64 they cost ten times as much.
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  eventfd_read: { parameters: ["i32", "buffer"], result: "i32" },
  eventfd_write: { parameters: ["i32", "u64"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** The C library as Deno opens it. */
export type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

/** The C library, opened by one thread and used by that thread. */
export interface Libc {
  readonly call: Library["symbols"];
  /** The number of the last call's error, in this thread. */
  errno(): number;
  /** Time that never jumps, the same in all threads and processes of the machine. */
  nowMs(): number;
  close(): void;
}

/** Numbers of errors. */
export const ERRNO = {
  eintr: 4,
  eagain: 11,
  emfile: 24,
  enfile: 23,
  eaddrinuse: 98,
  einprogress: 115,
} as const;

const CLOCK_MONOTONIC = 1;
const RLIMIT_NOFILE = 7;

/**
 * Opens the C library.
 *
 * @returns It; to be closed.
 * @throws {Error} Where there is none: the router needs Linux with glibc.
 */
export function openLibc(): Libc {
  const library = Deno.dlopen("libc.so.6", SYMBOLS);
  const call = library.symbols;
  const pointer = call.__errno_location();
  if (pointer === null) throw new Error("The C library has no errno");
  const errno = new Deno.UnsafePointerView(pointer);
  const time = new BigInt64Array(2);
  const parts = new Int32Array(time.buffer);
  return {
    call,
    errno: () => errno.getInt32(),
    nowMs: () => {
      call.clock_gettime(CLOCK_MONOTONIC, time);
      // The low halves: seconds since the start of the machine, and nanoseconds.
      return (parts[0] ?? 0) * 1000 + (parts[2] ?? 0) / 1e6;
    },
    close: () => library.close(),
  };
}

/**
 * Lets this process open as many files as it may at all.
 *
 * @param libc The C library.
 * @returns How many that are.
 */
export function raiseFileLimit({ call }: Libc): number {
  const limit = new BigUint64Array(2);
  if (call.getrlimit(RLIMIT_NOFILE, limit) !== 0) return Infinity;
  const [soft = 0n, hard = 0n] = limit;
  if (soft < hard) {
    limit[0] = hard;
    if (call.setrlimit(RLIMIT_NOFILE, limit) !== 0) return Number(soft);
  }
  return Number(hard);
}
