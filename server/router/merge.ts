import {
  ENDINGS,
  type LoopStats,
  REFUSALS,
  type Sought,
  type TargetCount,
} from "./loop/mod.ts";

/**
 * Makes one of what the loops of a router do and did.
 *
 * @param parts What each does; the first one is the loop that listens.
 * @returns All of it.
 */
export function mergeStats(parts: readonly LoopStats[]): LoopStats {
  const [first] = parts;
  if (first === undefined) throw new Error("A router has a loop");
  const sum = (of: (part: LoopStats) => number): number =>
    parts.reduce((total, part) => total + of(part), 0);
  const most = (of: (part: LoopStats) => number): number =>
    Math.max(...parts.map(of));
  const sums = <K extends string>(
    keys: readonly K[],
    of: (part: LoopStats) => Readonly<Record<K, number>>,
  ): Record<K, number> =>
    Object.fromEntries(
      keys.map((key) => [key, sum((part) => of(part)[key])]),
    ) as Record<K, number>;
  return {
    ...first,
    isTrusted: parts.every(({ isTrusted }) => isTrusted),
    sessions: mergeSessions(parts.flatMap(({ sessions }) => sessions)),
    opening: sum(({ opening }) => opening),
    waiting: sum(({ waiting }) => waiting),
    cancels: sum(({ cancels }) => cancels),
    longestWaitMs: most(({ longestWaitMs }) => longestWaitMs),
    longestWaitEverMs: most(({ longestWaitEverMs }) => longestWaitEverMs),
    accepted: sum(({ accepted }) => accepted),
    refused: sums(REFUSALS, ({ refused }) => refused),
    ended: sums(ENDINGS, ({ ended }) => ended),
    heldCancels: sum(({ heldCancels }) => heldCancels),
    bytesFromClients: sum(({ bytesFromClients }) => bytesFromClients),
    bytesFromServers: sum(({ bytesFromServers }) => bytesFromServers),
  };
}

function mergeSessions(counts: readonly TargetCount[]): TargetCount[] {
  const merged = new Map<string, TargetCount>();
  for (const one of counts) {
    const key = `${one.door} ${one.member} ${one.epoch}`;
    const count = (merged.get(key)?.count ?? 0) + one.count;
    merged.set(key, { ...one, count });
  }
  return [...merged.values()];
}

/**
 * Makes one answer of what the loops of a router say about a cancel request of another one.
 *
 * @param parts What each says.
 * @returns Whether any of them has taken it over, else where they have sessions.
 */
export function mergeSought(parts: readonly Sought[]): Sought {
  return {
    isTaken: parts.some(({ isTaken }) => isTaken),
    targets: parts.flatMap(({ targets }) => targets),
  };
}
