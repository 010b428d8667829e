/**
 * A node's process.
 *
 * @module
 */
import type { LoadResult } from "./config/mod.ts";

/**
 * Runs a node until it is told to stop.
 *
 * @param loaded The node's configuration.
 * @param options The version that it reports.
 * @returns The exit code.
 */
export function runNode(
  loaded: LoadResult & { readonly ok: true },
  options: { readonly version: string },
): Promise<number> {
  const { name } = loaded.config.node;
  return Promise.reject(
    new Error(`pgraft ${options.version} cannot run ${name}: not built here`),
  );
}
