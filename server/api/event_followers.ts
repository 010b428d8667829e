import type { Journal, NodeEvent } from "../events/mod.ts";
import { Problem } from "../http/mod.ts";
import { createBell } from "./bell.ts";

/** After how long without an event a follower is sent a sign of life. */
const ALIVE_INTERVAL_MS = 5000;

/** How what is followed is written. */
export interface FollowFormat<T> {
  /** All up to this number is known to the follower. */
  started(after: number): T;
  /** An event; null where it is of no interest. */
  event(event: NodeEvent): T | null;
  /** Events that are not remembered, null where it is not known how many; all up to a number is over. */
  lost(count: number | null, after: number): T;
  alive(): T;
  stopping(): T;
}

/** Whom to tell, and from where on. */
export interface FollowOptions<T> {
  readonly journal: Journal;
  /** The number of the last event that is known. */
  readonly after: number;
  /**
   * Whether that number is of another journal.
   *
   * @default {false}
   */
  readonly isStranger?: boolean;
  /** Whether it ends after what is remembered. */
  readonly once: boolean;
  /** Aborted when the follower has gone. */
  readonly signal: AbortSignal;
  /** Aborted when the node stops. */
  readonly stopSignal: AbortSignal;
  readonly format: FollowFormat<T>;
}

/** Serves those who follow a journal. None has a queue of its own: each is a place in the journal. */
export interface Followers {
  follow<T>(options: FollowOptions<T>): ReadableStream<T>;
}

/**
 * Makes what serves followers.
 *
 * @param max How many at once.
 */
export function createFollowers(max: number): Followers {
  const state = { count: 0 };
  return {
    follow: (options) => {
      if (state.count >= max) {
        throw new Problem(
          "busy",
          `${max} clients follow this node's events; end some, or ask another node`,
          { headers: { "retry-after": "1" } },
        );
      }
      return createFollower(state, options);
    },
  };
}

/** A place in a journal. */
interface Place {
  after: number;
  /** Whether it is of another journal, of which nobody has been told yet. */
  isStrange: boolean;
}

/** What comes next; null where there is nothing. */
function nextOf<T>(
  { journal, format }: FollowOptions<T>,
  place: Place,
): T | null {
  const oldest = journal.oldest();
  if (place.isStrange || place.after + 1 < oldest) {
    const count = place.isStrange ? null : oldest - place.after - 1;
    place.isStrange = false;
    place.after = oldest - 1;
    return format.lost(count, place.after);
  }
  while (place.after < journal.last()) {
    place.after += 1;
    const event = journal.at(place.after);
    const told = event ? format.event(event) : null;
    if (told !== null) return told;
  }
  return null;
}

/** A stream that is pulled by its reader: what nobody reads is not looked up. */
function createFollower<T>(
  state: { count: number },
  options: FollowOptions<T>,
): ReadableStream<T> {
  const { journal, format, signal, stopSignal, once } = options;
  const { after, isStranger = false } = options;
  const place: Place = { after, isStrange: isStranger };
  const bell = createBell();
  let isEnded = false;
  let isQuiet = false;
  let forget = (): void => {};

  const leave = (): void => {
    if (isEnded) return;
    isEnded = true;
    state.count -= 1;
    forget();
    bell.ring();
  };
  const tick = (): void => {
    isQuiet = true;
    bell.ring();
  };

  async function pull(out: ReadableStreamDefaultController<T>): Promise<void> {
    while (!isEnded) {
      const told = nextOf(options, place);
      const chunk = told ?? (isQuiet ? format.alive() : null);
      if (stopSignal.aborted && told === null) out.enqueue(format.stopping());
      else if (chunk !== null) {
        isQuiet = false;
        return out.enqueue(chunk);
      }
      if (once || stopSignal.aborted) leave();
      else await bell.rung();
    }
    out.close();
  }

  return new ReadableStream<T>({
    start(out): void {
      state.count += 1;
      const forgetEvents = journal.onEvent(bell.ring);
      const timer = setInterval(tick, ALIVE_INTERVAL_MS);
      signal.addEventListener("abort", leave);
      stopSignal.addEventListener("abort", bell.ring);
      forget = (): void => {
        forgetEvents();
        clearInterval(timer);
        signal.removeEventListener("abort", leave);
        stopSignal.removeEventListener("abort", bell.ring);
      };
      if (signal.aborted) leave();
      out.enqueue(format.started(after));
    },
    pull,
    cancel: leave,
  });
}
