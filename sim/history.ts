import type { ClientCall } from "./clients.ts";

/** Placeholder. */
export function checkHistory(calls: readonly ClientCall[]): void {
  void calls;
}
