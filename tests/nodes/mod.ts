/**
 * Real processes for whole-system tests and benchmarks: nodes and other programs on free loopback ports,
 * each in a directory of its own, that are ended and cleared away whatever happens.
 *
 * @module
 */
export {
  type Answer,
  createNodeClient,
  type Grade,
  type KeyValue,
  type NodeClient,
  type NodeClientOptions,
  type PutOptions,
  type RequestOptions,
  type WriteOptions,
  type Written,
} from "./client.ts";
export {
  type Cluster,
  type ClusterNode,
  type ClusterOptions,
  type NodePlace,
  startCluster,
  withCluster,
} from "./cluster.ts";
export {
  canMakeNetworks,
  type Host,
  type HostNetwork,
  runInOwnNetwork,
  startNetwork,
} from "./network.ts";
export { freePorts } from "./ports.ts";
export {
  type ManagedProcess,
  type ProcessOptions,
  startProcess,
} from "./process.ts";
export { DEFAULT_TIMEOUT_MS, until, type UntilOptions } from "./until.ts";
