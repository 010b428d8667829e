import type { Libc } from "./libc.ts";

/** What may happen to a socket. */
export const EVENT = {
  readable: 0x001,
  writable: 0x004,
  broken: 0x008,
  hungUp: 0x010,
  /** The peer writes no more. */
  peerEnded: 0x2000,
} as const;

const ADD = 1;
const REMOVE = 2;
const CHANGE = 3;
const CLOSE_ON_EXEC = 0o2000000;
const MAX_EVENTS = 256;
/** The kernel packs the structure on this machine only. */
const IS_PACKED = Deno.build.arch === "x86_64";
const EVENT_WORDS = IS_PACKED ? 3 : 4;
const FD_WORD = IS_PACKED ? 1 : 2;

/** Takes what happened. */
export type Handler = (events: number) => void;

/** Waits for many sockets at once. */
export interface Poller {
  add(fd: number, interest: number, handler: Handler): void;
  change(fd: number, interest: number): void;
  /** Forgets a socket, and closes it once no event of this round can mean it any more. */
  remove(fd: number): void;
  /** Closes what was removed; only where no event is being handed out. */
  settle(): void;
  /** Waits for events, -1 for as long as it takes, says that it woke, and hands them out. */
  wait(timeoutMs: number, onWake: () => void): void;
  close(): void;
}

/** Makes a poller. */
export function createPoller({ call }: Libc): Poller {
  const epoll = call.epoll_create1(CLOSE_ON_EXEC);
  const handlers: (Handler | undefined)[] = [];
  const closing: number[] = [];
  const one = new Int32Array(EVENT_WORDS);
  const many = new Int32Array(EVENT_WORDS * MAX_EVENTS);

  function control(operation: number, fd: number, interest: number): void {
    one[0] = interest;
    one[FD_WORD] = fd;
    call.epoll_ctl(epoll, operation, fd, one);
  }

  const settle = (): void => {
    for (const fd of closing) call.close(fd);
    closing.length = 0;
  };
  return {
    settle,
    add: (fd, interest, handler) => {
      handlers[fd] = handler;
      control(ADD, fd, interest);
    },
    change: (fd, interest) => control(CHANGE, fd, interest),
    remove: (fd) => {
      handlers[fd] = undefined;
      control(REMOVE, fd, 0);
      closing.push(fd);
    },
    wait: (timeoutMs, onWake) => {
      const count = call.epoll_wait(epoll, many, MAX_EVENTS, timeoutMs);
      onWake();
      for (let at = 0; at < count; at++) {
        const fd = many[at * EVENT_WORDS + FD_WORD] ?? 0;
        handlers[fd]?.(many[at * EVENT_WORDS] ?? 0);
      }
      settle();
    },
    close: () => {
      settle();
      call.close(epoll);
    },
  };
}
