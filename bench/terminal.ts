/**
 * Writes text to the terminal.
 *
 * @param text The text, with the ends of its lines.
 */
export async function print(text: string): Promise<void> {
  await new Blob([text]).stream().pipeTo(Deno.stdout.writable, {
    preventClose: true,
  });
}

/**
 * Runs a benchmark that an interrupt ends in order: what it started is stopped and cleared away.
 *
 * @param run The benchmark. It races what takes long against `interrupted`, which only ever rejects.
 */
export async function runBenchmark(
  run: (interrupted: Promise<never>) => Promise<void>,
): Promise<void> {
  const interrupt = Promise.withResolvers<never>();
  const onSignal = (): void => interrupt.reject(new Interrupted());
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  try {
    await run(interrupt.promise);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    Deno.exitCode = 130;
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
  }
}

class Interrupted extends Error {}
