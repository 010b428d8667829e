import { isTrusted } from "./leading.ts";
import type { LoopStats, TargetCount } from "./messages.ts";
import type { Loop } from "./state.ts";

/** What a loop does and did. */
export function statsOf(loop: Loop): LoopStats {
  const { counters, table, waiting, nowMs } = loop;
  const counts = new Map<
    string,
    { -readonly [K in keyof TargetCount]: TargetCount[K] }
  >();
  let opening = 0;
  let cancels = 0;
  for (const { stage, target, door } of loop.sessions) {
    if (stage === "cancelling") cancels += 1;
    else if (target === null && stage !== "waiting") opening += 1;
    if (target === null) continue;
    const { member, epoch } = target;
    const key = `${door} ${member} ${epoch}`;
    const known = counts.get(key);
    if (known) known.count += 1;
    else counts.set(key, { door, member, epoch, count: 1 });
  }
  const waits = [...waiting].map(({ seekingMs }) => nowMs - seekingMs);
  return {
    threads: loop.board.clients(),
    isDrained: loop.isDrained,
    isTrusted: isTrusted(loop),
    epoch: table.epoch,
    why: isTrusted(loop)
      ? table.why
      : "This node has no contact with a majority of the cluster",
    sessions: [...counts.values()],
    opening,
    waiting: waiting.size,
    cancels,
    longestWaitMs: Math.max(0, ...waits),
    longestWaitEverMs: counters.longestWaitEverMs,
    accepted: counters.accepted,
    refused: { ...counters.refused },
    ended: { ...counters.ended },
    heldCancels: counters.heldCancels,
    bytesFromClients: counters.bytes[0] ?? 0,
    bytesFromServers: counters.bytes[1] ?? 0,
  };
}
