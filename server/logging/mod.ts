/** Stub. @module */
type F = (m: string, f?: Record<string, unknown>) => void;
export function logger(c: string): { debug: F; info: F; warn: F; error: F } {
  const w = (l: string): F => (m, f) => {
    Deno.stderr.writeSync(
      new TextEncoder().encode(
        `${l} ${c} ${m} ${f ? JSON.stringify(f) : ""}\n`,
      ),
    );
  };
  return {
    debug: () => {},
    info: w("info"),
    warn: w("warn"),
    error: w("error"),
  };
}
export function configureLogging(
  _: unknown,
): Promise<{ dispose(): Promise<void> }> {
  return Promise.resolve({ dispose: () => Promise.resolve() });
}
