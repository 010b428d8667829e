import type { ClusterState } from "./types.ts";

/** The next state, or why a command changes nothing. */
export type Change = ClusterState | string;
