import { messageOf } from "../../base/mod.ts";
import type {
  LoopNews,
  LoopOrder,
  LoopPorts,
  LoopSettings,
  LoopStart,
} from "./loop/mod.ts";
import {
  type Libc,
  openLibc,
  THREAD_NAME,
  THREAD_PROGRAM,
} from "./loop/mod.ts";

/** One of a router's loops in its thread. */
export interface RouterThread {
  readonly ports: LoopPorts;
  /** Time as the loop sees it, in milliseconds. */
  nowMs(): number;
  /** Tells it something. */
  order(order: LoopOrder): void;
  /** Resolves when it has ended, with the reason where nobody asked for it. */
  readonly ended: Promise<string | null>;
  /** Ends it; all its sessions end. */
  stop(): Promise<void>;
}

/** Which loop a thread runs, and how it meets the others. */
export type ThreadPlace = Omit<LoopStart, "settings" | "wakeFd">;

/**
 * Makes a counter that wakes who looks at it.
 *
 * @param libc The C library.
 * @returns Its file, to be closed.
 */
export function openCounter({ call }: Libc): number {
  return call.eventfd(0, EVENTFD_FLAGS);
}

const EVENTFD_FLAGS = 0o2004000;

/**
 * Starts a loop of a router. Orders come in beside a thread that sleeps in the kernel: a counter wakes it.
 *
 * @param settings What the operator set; hosts are addresses.
 * @param place Which loop it is.
 * @param onNews Takes what it tells.
 * @returns The thread, which listens.
 * @throws {Error} When it can't listen.
 */
export async function startThread(
  settings: LoopSettings,
  place: ThreadPlace,
  onNews: (news: LoopNews) => void,
): Promise<RouterThread> {
  const libc = openLibc();
  const wakeFd = openCounter(libc);
  const worker = new Worker(THREAD_PROGRAM, {
    type: "module",
    name: THREAD_NAME,
  });
  const start: LoopStart = { settings, wakeFd, ...place };
  const ready = Promise.withResolvers<LoopPorts>();
  const ended = Promise.withResolvers<string | null>();
  const life: Life = { why: null, isOver: false };
  worker.onmessage = ({ data }: MessageEvent<LoopNews>): void => {
    if (data.kind === "here") worker.postMessage(start);
    else if (data.kind === "ready") ready.resolve(data.ports);
    else if (data.kind === "failed") life.why = data.why;
    else if (data.kind === "stopped") finish();
    else onNews(data);
  };
  worker.onerror = (event): void => {
    event.preventDefault();
    life.why ??= event.message;
    finish();
  };
  function finish(): void {
    if (life.isOver) return;
    life.isOver = true;
    worker.terminate();
    libc.call.close(wakeFd);
    libc.close();
    ready.reject(new Error(life.why ?? "The router has stopped"));
    ended.resolve(life.why);
  }
  const order = (value: LoopOrder): void => {
    if (!life.isOver) send(worker, libc, wakeFd, value);
  };
  const stop = async (): Promise<void> => {
    order({ kind: "stop" });
    await ended.promise;
  };
  try {
    const ports = await ready.promise;
    const nowMs = (): number => life.isOver ? Infinity : libc.nowMs();
    return { ports, nowMs, order, ended: ended.promise, stop };
  } catch (error) {
    await ended.promise;
    throw new Error(
      `The router can't start: ${
        messageOf(error)
      }; see read_write and read_only in [router]`,
    );
  }
}

interface Life {
  why: string | null;
  isOver: boolean;
}

function send(
  worker: Worker,
  { call }: Libc,
  wakeFd: number,
  order: LoopOrder,
): void {
  worker.postMessage(order);
  call.eventfd_write(wakeFd, 1n);
}
