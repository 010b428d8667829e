/** How many events a node remembers. */
export const MAX_EVENTS = 1024;

/** What happened, as a word for programs. */
export type EventKind =
  | "stage"
  | "leader"
  | "raft_role"
  | "members"
  | "disk"
  | "snapshot"
  | "phase"
  | "failover"
  | "primary"
  | "paused"
  | "mode"
  | "data_member"
  | "tags"
  | "maintenance"
  | "order"
  | "config"
  | "settings"
  | "postgres"
  | "log_level"
  | "metrics_reset";

/** All kinds, in the order in which they are described. */
export const EVENT_KINDS: readonly EventKind[] = [
  "stage",
  "leader",
  "raft_role",
  "members",
  "disk",
  "snapshot",
  "phase",
  "failover",
  "primary",
  "paused",
  "mode",
  "data_member",
  "tags",
  "maintenance",
  "order",
  "config",
  "settings",
  "postgres",
  "log_level",
  "metrics_reset",
];

/** Something that happened, before it has a number. */
export interface EventDraft {
  readonly kind: EventKind;
  /** A sentence for people, without its final period. */
  readonly text: string;
  /** What differs from one such event to the next, for programs. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Something that happened. */
export interface NodeEvent extends EventDraft {
  /** Counts from 1 since the node's start. */
  readonly sequence: number;
  /** Milliseconds since 1970 by this node's clock. */
  readonly atMs: number;
}

/** The last events of a node. */
export interface Journal {
  /** Tells the journals of two starts of a node apart. */
  readonly boot: string;
  /** Adds an event. */
  tell(event: EventDraft): void;
  /** The number of the newest; 0 before the first. */
  last(): number;
  /** The number of the oldest that is remembered; one more than the newest where none is. */
  oldest(): number;
  /** The event of a number; null where it is not remembered. */
  at(sequence: number): NodeEvent | null;
  /** Has something told of each new event; returns what ends that. */
  onEvent(listener: () => void): () => void;
}

/**
 * Makes an empty journal.
 *
 * @param wallMs The time of day, in milliseconds since 1970: events say it, nothing else rests on it.
 */
export function createJournal(wallMs: () => number): Journal {
  const events: NodeEvent[] = [];
  const listeners = new Set<() => void>();
  let last = 0;
  const oldest = (): number => last - events.length + 1;
  return {
    boot: crypto.getRandomValues(new Uint8Array(4)).toHex(),
    tell: (event) => {
      last += 1;
      events.push({ ...event, sequence: last, atMs: wallMs() });
      if (events.length > MAX_EVENTS) events.shift();
      for (const listener of [...listeners]) listener();
    },
    last: () => last,
    oldest,
    at: (sequence) => events[sequence - oldest()] ?? null,
    onEvent: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
