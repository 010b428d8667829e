/**
 * Runs what this thread was started for: a program that was bundled into one file is also the program of its
 * threads. The part that they belong to finds out itself, once it is loaded.
 */
export async function runThread(): Promise<void> {
  await import("../server/mod.ts");
}
