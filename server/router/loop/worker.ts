/**
 * The thread of a router. It is told where to begin by its first message; from then on it sleeps in the
 * kernel, and looks at messages when it is woken.
 *
 * @module
 */
import { becomeOrdinary } from "../../../base/mod.ts";
import { openBoard } from "./board.ts";
import { openLibc } from "./libc.ts";
import { runLoop } from "./loop.ts";
import type { LoopNews, LoopOrder, LoopSettings } from "./messages.ts";

/** What the first message says. */
export interface LoopStart {
  readonly settings: LoopSettings;
  readonly wakeFd: number;
  /** Which loop this is. */
  readonly index: number;
  /** What it shares with the others. */
  readonly memory: SharedArrayBuffer;
  /** An eventfd that wakes it for clients that were handed to it. */
  readonly handFd: number;
}

/** What the thread is called: by it, a program that is one file knows that it runs as this thread. */
export const THREAD_NAME = "pgraft_router";

interface WorkerScope {
  readonly name?: string;
  postMessage(news: LoopNews): void;
  close(): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

/** Messages that have come and were not taken. */
const ORDERS: LoopOrder[] = [];
const ARRIVAL: { notify: () => void } = { notify: () => {} };

/** Lets messages come in until as many are there as the counter says. */
async function take(count: number): Promise<LoopOrder[]> {
  while (ORDERS.length < count) {
    await new Promise<void>((resolve) => ARRIVAL.notify = resolve);
  }
  return ORDERS.splice(0, count);
}

function begin(scope: WorkerScope): void {
  scope.onmessage = ({ data }: MessageEvent<LoopStart>): void => {
    scope.onmessage = ({ data }: MessageEvent<LoopOrder>): void => {
      ORDERS.push(data);
      ARRIVAL.notify();
    };
    void run(scope, data);
  };
  scope.postMessage({ kind: "here" });
}

async function run(
  scope: WorkerScope,
  { settings, wakeFd, handFd, index, memory }: LoopStart,
): Promise<void> {
  // What clients send is theirs, and no reason to run before PostgreSQL.
  becomeOrdinary();
  const libc = openLibc();
  await runLoop(
    libc,
    settings,
    { index, board: openBoard(memory) },
    { wakeFd, handFd, take },
    (news) => scope.postMessage(news),
  );
  libc.close();
  scope.close();
}

const scope = self as unknown as WorkerScope;
if (scope.name === THREAD_NAME) begin(scope);
