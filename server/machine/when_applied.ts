import type { RaftServer } from "../../raft/mod.ts";

/**
 * Waits for what only applied entries bring about.
 *
 * @param node Whose entries.
 * @param holds Whether it is so.
 * @param timeoutMs How long at most.
 * @param signal Ends the wait early.
 * @returns Whether it is so then.
 */
export async function whenApplied(
  { raft }: { readonly raft: Pick<RaftServer, "onChange"> },
  holds: () => boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (holds()) return true;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  const forget = raft.onChange(() => {
    if (holds()) resolve();
  });
  const give = (): void => resolve();
  signal.addEventListener("abort", give);
  try {
    await promise;
    return holds();
  } finally {
    clearTimeout(timer);
    forget();
    signal.removeEventListener("abort", give);
  }
}
