/**
 * One node of a group: the driver over a store, a transport, a clock and chance.
 *
 * @module
 */
export type { RaftClusterConfig, RaftEndpoint } from "./config.ts";
export { foundCluster } from "./found.ts";
export { createRaftServer } from "./server.ts";
export type { Leadership, MemberStatus, RaftStatus } from "./status.ts";
export type * from "./types.ts";
