import { readEvents } from "../../base/mod.ts";
import type { ClusterNode } from "../../tests/nodes/mod.ts";
import { pause, PREFIXES } from "./load.ts";

const RECONNECT_PAUSE_MS = 200;
/** A watcher in so many watches all keys, and sees that no revision is left out. */
const ALL_ONE_IN = 30;
/** A watcher in so many follows the node's events instead of keys. */
const EVENTS_ONE_IN = 10;
/** A watcher in so many comes for a moment only, again and again. */
const BRIEF_ONE_IN = 10;
const BRIEF_MS = 2000;

/** What watchers saw. */
export interface Watching {
  /** Events of all watchers. */
  readonly events: number;
  /** How often one came back. */
  readonly reconnects: number;
  /** What must not be: revisions left out, twice or out of order. */
  readonly faults: readonly string[];
}

/** Watchers that stay with their node, and come back to it behind the last event that they were told. */
export interface Watchers {
  seen(): Watching;
  stop(): Promise<void>;
}

interface Seen {
  events: number;
  reconnects: number;
  readonly faults: string[];
}

/**
 * Begins to watch.
 *
 * @param nodes The nodes, who are watched in turn.
 * @param count How many watchers.
 */
export function startWatchers(
  nodes: readonly ClusterNode[],
  count: number,
): Watchers {
  const stopping = new AbortController();
  const seen: Seen = { events: 0, reconnects: 0, faults: [] };
  const watching = Promise.all(Array.from({ length: count }, (_, at) => {
    const node = nodes[at % nodes.length];
    if (!node) return null;
    return at % EVENTS_ONE_IN === 2
      ? followEvents(node, at, seen, stopping.signal)
      : watch(node, at, seen, stopping.signal);
  }));
  return {
    seen: () => seen,
    async stop(): Promise<void> {
      stopping.abort();
      await watching;
    },
  };
}

async function watch(
  { api }: ClusterNode,
  number: number,
  seen: Seen,
  signal: AbortSignal,
): Promise<void> {
  const isAll = number % ALL_ONE_IN === 0;
  const isBrief = number % BRIEF_ONE_IN === 1;
  const prefix = String(number % PREFIXES).padStart(2, "0");
  const query = isAll ? "" : `?prefix=soak/${prefix}/`;
  const place: Place = { last: null, seen, isAll, number };
  while (!signal.aborted) {
    if (!isBrief && place.last !== null) seen.reconnects += 1;
    const leaving = new AbortController();
    const leave = (): void => leaving.abort();
    signal.addEventListener("abort", leave);
    const timer = isBrief ? setTimeout(leave, BRIEF_MS) : undefined;
    await once(`http://${api}/v1/watch${query}`, place, leaving.signal)
      // The node is away for a while, or this one goes.
      .catch(() => {});
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
    if (!signal.aborted) await pause(RECONNECT_PAUSE_MS);
  }
}

interface Place {
  last: number | null;
  readonly seen: Seen;
  readonly isAll: boolean;
  readonly number: number;
}

async function once(
  url: string,
  place: Place,
  signal: AbortSignal,
): Promise<void> {
  const headers: HeadersInit = place.last === null
    ? {}
    : { "last-event-id": String(place.last) };
  const response = await fetch(url, { headers, signal });
  if (!response.body) return;
  if (response.status !== 200) {
    // Too far behind for this node's history: begins anew, as a client that reads the keys again.
    if (response.status === 410) place.last = null;
    return await response.body.cancel();
  }
  for await (
    const { event, id, data } of readEvents(response.body, { signal })
  ) {
    take(place, event, Number(id ?? place.last), data);
  }
}

function take(place: Place, event: string, id: number, data: string): void {
  const { last, seen, isAll, number } = place;
  if (event === "change") {
    seen.events += 1;
    const told = Number(/"revision":(\d+)/.exec(data)?.[1]);
    const isNext = last === null || (isAll ? told === last + 1 : told > last);
    if (!isNext || told !== id) {
      seen.faults.push(`watcher ${number}: revision ${told} behind ${last}`);
    }
  } else if (event === "compacted") {
    place.last = null;
    return;
  }
  place.last = id;
}

/** Follows a node's events: none of one start of the node may be left out or come twice. */
async function followEvents(
  { api }: ClusterNode,
  number: number,
  seen: Seen,
  signal: AbortSignal,
): Promise<void> {
  let last: string | null = null;
  while (!signal.aborted) {
    const headers: HeadersInit = last === null ? {} : { "last-event-id": last };
    if (last !== null) seen.reconnects += 1;
    try {
      const response: Response = await fetch(`http://${api}/v1/events`, {
        headers,
        signal,
      });
      if (!response.body) continue;
      for await (const event of readEvents(response.body, { signal })) {
        if (event.id === null) continue;
        const isLost = event.event === "lost";
        if (isLost || event.event === "now") last = event.id;
        else last = nextId(last, event.id, number, seen);
      }
    } catch {
      // The node is away for a while, or this one goes.
    }
    if (!signal.aborted) await pause(RECONNECT_PAUSE_MS);
  }
}

function nextId(
  last: string | null,
  id: string,
  number: number,
  seen: Seen,
): string {
  seen.events += 1;
  const [boot, sequence] = id.split("-");
  const [formerBoot, former] = last?.split("-") ?? [];
  const isNext = boot === formerBoot && Number(sequence) === Number(former) + 1;
  if (!isNext) {
    seen.faults.push(`follower ${number}: event ${id} behind ${last}`);
  }
  return id;
}
