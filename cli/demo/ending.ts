/** What ends a demo before it has run its course. */
export interface Ending {
  /** Ends it in order: the first signal, or an error that nobody was there to take. */
  readonly signal: AbortSignal;
  /** Ends it at once: the second of these. */
  readonly hurry: AbortSignal;
  /** The error, where one did; else null. */
  failure(): Error | null;
  /** Listens no more. */
  release(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Listens for what ends a demo. An error that is thrown where nobody waits, as from a library's socket,
 * would end the process on the spot, and leave nodes and databases running.
 *
 * @returns What to hand on; to be released.
 */
export function listenForEnd(): Ending {
  const ending = new AbortController();
  const hurrying = new AbortController();
  let failure: Error | null = null;
  const end = (): void => {
    if (ending.signal.aborted) hurrying.abort();
    ending.abort();
  };
  const fail = (reason: unknown): void => {
    failure ??= reason instanceof Error ? reason : new Error(String(reason));
    ending.abort();
  };
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    fail(event.error);
  };
  const onRejection = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    fail(event.reason);
  };
  for (const name of SIGNALS) Deno.addSignalListener(name, end);
  addEventListener("error", onError);
  addEventListener("unhandledrejection", onRejection);
  return {
    signal: ending.signal,
    hurry: hurrying.signal,
    failure: () => failure,
    release: () => {
      for (const name of SIGNALS) Deno.removeSignalListener(name, end);
      removeEventListener("error", onError);
      removeEventListener("unhandledrejection", onRejection);
    },
  };
}
