import { messageOf } from "../../base/mod.ts";
import { logger } from "../logging/mod.ts";
import {
  type Board,
  type Libc,
  type LoopNews,
  type LoopOrder,
  type LoopPorts,
  type LoopSettings,
  type LoopStats,
  openBoard,
  openLibc,
  type Sought,
} from "./loop/mod.ts";
import { mergeSought, mergeStats } from "./merge.ts";
import { openCounter, type RouterThread, startThread } from "./thread.ts";

/** What a crew tells: of what its loops say, what concerns the node. */
export type CrewNews = Extract<
  LoopNews,
  { readonly kind: "wanted" | "stats" | "cancel" | "log" }
>;

/** The loops of a router, each in its thread. The first one listens; others come when there are clients. */
export interface Crew {
  readonly ports: LoopPorts;
  /** Time as the loops see it, in milliseconds. */
  nowMs(): number;
  /** Tells them something that concerns all. */
  order(order: LoopOrder): void;
  /** Tells one of them something. */
  orderOne(loop: number, order: LoopOrder): void;
  /** Resolves when they have ended, with the reason where nobody asked for it. */
  readonly ended: Promise<string | null>;
  /** Ends them; all sessions end. */
  stop(): Promise<void>;
}

interface Life {
  readonly settings: LoopSettings;
  readonly onNews: (news: CrewNews, loop: number) => void;
  readonly libc: Libc;
  readonly board: Board;
  readonly threads: RouterThread[];
  /** Wake the loops for clients. They outlive all threads: who writes to one must never hit another file. */
  readonly handFds: number[];
  /** What a loop that comes later has to know: the last order of each such kind. */
  readonly standing: Map<string, LoopOrder>;
  readonly stats: Gathering<LoopStats>;
  readonly sought: Gathering<Sought>;
  readonly ended: PromiseWithResolvers<string | null>;
  growing: Promise<void> | null;
  ending: Promise<void> | null;
}

/** Answers of several loops to one question, by question, until all of them have come. */
type Gathering<T> = Map<string, { left: number; readonly parts: T[] }>;

/** With more questions than these the oldest is given up: a loop does not answer. */
const MAX_QUESTIONS = 1000;

const LOG = logger("router");

/**
 * Starts a router's first loop.
 *
 * @param settings What the operator set; hosts are addresses.
 * @param onNews Takes what the loops tell, and which of them.
 * @returns The crew, which listens.
 * @throws {Error} When it can't listen.
 */
export async function startCrew(
  settings: LoopSettings,
  onNews: (news: CrewNews, loop: number) => void,
): Promise<Crew> {
  const life: Life = {
    settings,
    onNews,
    libc: openLibc(),
    board: openBoard(),
    threads: [],
    handFds: [],
    standing: new Map(),
    stats: new Map(),
    sought: new Map(),
    ended: Promise.withResolvers(),
    growing: null,
    ending: null,
  };
  let first: RouterThread;
  try {
    first = await startLoop(life, settings);
  } catch (error) {
    closeFiles(life);
    throw error;
  }
  return {
    ports: first.ports,
    nowMs: first.nowMs,
    order: (order) => orderAll(life, order),
    orderOne: (loop, order) => life.threads[loop]?.order(order),
    ended: life.ended.promise,
    stop: () => end(life, null),
  };
}

async function startLoop(
  life: Life,
  settings: LoopSettings,
): Promise<RouterThread> {
  const { threads, handFds, board, libc } = life;
  const index = threads.length;
  const handFd = openCounter(libc);
  handFds.push(handFd);
  const place = { index, memory: board.memory, handFd };
  const thread = await startThread(
    settings,
    place,
    (news) => hear(life, news, index),
  );
  threads.push(thread);
  for (const order of life.standing.values()) thread.order(order);
  board.join(handFd);
  void thread.ended.then((why) => end(life, why));
  return thread;
}

function orderAll({ threads, standing, stats }: Life, order: LoopOrder): void {
  const { kind } = order;
  if (kind === "table" || kind === "lease") standing.set(kind, order);
  if (kind === "stats") {
    begin(stats, `${order.sequence}`, threads.length);
  }
  // Only the first one listens.
  const whom = kind === "drain" ? threads.slice(0, 1) : threads;
  for (const thread of whom) thread.order(order);
}

function hear(life: Life, news: LoopNews, loop: number): void {
  const { threads, onNews } = life;
  switch (news.kind) {
    case "crowded":
      life.growing ??= grow(life).finally(() => life.growing = null);
      return;
    case "stats": {
      const parts = gather(life.stats, `${news.sequence}`, news.stats);
      if (parts) onNews({ ...news, stats: mergeStats(parts) }, loop);
      return;
    }
    case "seek": {
      const others = threads.filter((_, at) => at !== loop);
      begin(life.sought, `${loop} ${news.id}`, others.length);
      for (const thread of others) thread.order({ ...news, asker: loop });
      return;
    }
    case "sought": {
      const { asker, id } = news;
      const parts = gather(life.sought, `${asker} ${id}`, news);
      if (!parts) return;
      const answer = { kind: "sought", id, ...mergeSought(parts) } as const;
      return threads[asker]?.order(answer);
    }
    case "errand_done":
      return threads[news.asker]?.order({ kind: "errand_done", id: news.id });
    case "wanted":
    case "cancel":
    case "log":
      return onNews(news, loop);
  }
}

/** Begins to gather so many answers. */
function begin<T>(
  gathering: Gathering<T>,
  question: string,
  left: number,
): void {
  const [oldest] = gathering.keys();
  const isFull = gathering.size >= MAX_QUESTIONS;
  if (isFull && oldest !== undefined) gathering.delete(oldest);
  gathering.set(question, { left, parts: [] });
}

/** Takes one answer more; returns all of them when it is the last. */
function gather<T>(
  gathering: Gathering<T>,
  question: string,
  part: T,
): readonly T[] | null {
  const known = gathering.get(question);
  if (!known) return null;
  known.parts.push(part);
  known.left -= 1;
  if (known.left > 0) return null;
  gathering.delete(question);
  return known.parts;
}

/** Without it the loops that run serve all clients, only slower. */
async function grow(life: Life): Promise<void> {
  if (life.ending) return;
  try {
    await startLoop(life, {
      ...life.settings,
      listen: { read_write: null, read_only: null },
    });
  } catch (error) {
    LOG.warning("The router gets no further thread", {
      reason: messageOf(error),
    });
  }
}

/** Loops depend on each other, so that all end where one does. */
function end(life: Life, why: string | null): Promise<void> {
  return life.ending ??= endAll(life, why);
}

async function endAll(life: Life, why: string | null): Promise<void> {
  await life.growing;
  await Promise.all(life.threads.map((thread) => thread.stop()));
  closeFiles(life);
  life.ended.resolve(why);
}

/** Also of clients that were on their way from one loop to another. */
function closeFiles({ libc, board, handFds }: Life): void {
  for (const loop of handFds.keys()) {
    for (;;) {
      const client = board.take(loop);
      if (client === null) break;
      libc.call.close(client.fd);
    }
  }
  for (const fd of handFds) libc.call.close(fd);
  libc.close();
}
