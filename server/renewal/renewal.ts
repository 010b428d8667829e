import { type Clock, messageOf, type Timer } from "../../base/mod.ts";

/** How often files are looked at. */
export const LOOK_INTERVAL_MS = 5000;

/** What is kept as fresh as its files. */
export interface RenewalOptions<T> {
  readonly clock: Clock;
  /** What is in use. */
  readonly initial: T;
  /** Reads the files, and checks them. */
  readonly read: () => Promise<T>;
  readonly isSame: (a: T, b: T) => boolean;
  /** Takes what is new into use. */
  readonly take: (value: T) => void;
  /** Is told once of each way in which the files can't be used; what is in use stays so. */
  readonly failed: (why: string) => void;
}

/** What looks at files. */
export interface Renewal {
  /** Looks now, without waiting for the next turn. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

interface State<T> {
  readonly options: RenewalOptions<T>;
  current: T;
  /** What was read last where it differs; taken when it is read a second time. */
  seen: T | null;
  /** The last failure; told when it comes a second time. */
  failure: { readonly why: string; isTold: boolean } | null;
  timer: Timer | null;
  looking: Promise<void>;
  isStopped: boolean;
}

/**
 * Looks at files every few seconds and takes over what has changed. Several files are not replaced at one
 * moment, and a file not by one write: what is new, or wrong, counts when it is found twice.
 *
 * @param options What to read, and what to do with it.
 */
export function keepFresh<T>(options: RenewalOptions<T>): Renewal {
  const state: State<T> = {
    options,
    current: options.initial,
    seen: null,
    failure: null,
    timer: null,
    looking: Promise.resolve(),
    isStopped: false,
  };
  const look = (): Promise<void> => {
    state.looking = state.looking.then(() => lookOnce(state));
    return state.looking;
  };
  const wait = (): void => {
    if (state.isStopped) return;
    state.timer = options.clock.after(
      LOOK_INTERVAL_MS,
      () => void look().then(wait),
    );
  };
  wait();
  return {
    look,
    stop: () => {
      state.isStopped = true;
      state.timer?.cancel();
      return state.looking;
    },
  };
}

async function lookOnce<T>(state: State<T>): Promise<void> {
  const { read, isSame, take } = state.options;
  let found: T;
  try {
    found = await read();
  } catch (error) {
    state.seen = null;
    return noteFailure(state, messageOf(error));
  }
  state.failure = null;
  if (state.isStopped || isSame(found, state.current)) {
    state.seen = null;
    return;
  }
  if (state.seen === null || !isSame(found, state.seen)) {
    state.seen = found;
    return;
  }
  state.seen = null;
  state.current = found;
  take(found);
}

function noteFailure<T>(state: State<T>, why: string): void {
  if (state.failure?.why !== why) {
    state.failure = { why, isTold: false };
    return;
  }
  if (state.failure.isTold) return;
  state.failure.isTold = true;
  state.options.failed(why);
}
