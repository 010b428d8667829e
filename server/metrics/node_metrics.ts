import { type Clock, systemClock } from "../../base/mod.ts";
import type {
  DriverObserver,
  RaftErrorCode,
  RaftStatus,
} from "../../raft/mod.ts";
import { DELAY_SECONDS } from "./buckets.ts";
import { defineDriverMetrics } from "./driver_metrics.ts";
import { type EventLoopSampler, sampleEventLoop } from "./event_loop.ts";
import { defineHttpMetrics, type HttpRecorder } from "./http_metrics.ts";
import { definePeerMetrics, type PeersStats } from "./peer_metrics.ts";
import {
  definePostgresMetrics,
  type PostgresStatus,
} from "./postgres_metrics.ts";
import {
  defineProcessMetrics,
  type ProcessUsage,
  readProcessUsage,
} from "./process_metrics.ts";
import { defineRaftMetrics } from "./raft_metrics.ts";
import { createRegistry, type Mirror, type Registry } from "./registry.ts";
import { defineRouterMetrics } from "./router_metrics.ts";
import { defineServerMetrics, type ServerView } from "./server_metrics.ts";
import type { LoopStats } from "../router/mod.ts";

/** How a proposal ended: applied, refused without effect, or with an open outcome. */
export type ProposalEnding = "applied" | "refused" | "unknown";

const ENDINGS: Readonly<Record<RaftErrorCode, ProposalEnding>> = {
  not_leader: "refused",
  no_quorum: "refused",
  busy: "refused",
  too_large: "refused",
  membership: "refused",
  bad_call: "refused",
  outcome_unknown: "unknown",
  stopped: "unknown",
  apply_failed: "unknown",
  storage_failed: "unknown",
};

/**
 * Says what an error means for the proposal that it ended.
 *
 * @param code The error's code.
 * @returns `refused` when nothing happened, else `unknown`.
 */
export function proposalEndingOf(code: RaftErrorCode): ProposalEnding {
  return ENDINGS[code];
}

/** Who a node is, for `pgraft_node_info`. */
export interface NodeIdentity {
  /** Its number. */
  readonly id: number;
  /** Its name. */
  readonly name: string;
  /** Its cluster's name. */
  readonly cluster: string;
  /** The version of pgraft. */
  readonly version: string;
}

/** What a node's metrics are read from. */
export interface NodeMetricsOptions {
  /** Who the node is. */
  readonly node: NodeIdentity;
  /** Returns the Raft status; null before there is one. */
  readonly status: () => RaftStatus | null;
  /** Returns the traffic with each peer; null before there is a transport. */
  readonly peers: () => PeersStats | null;
  /**
   * Returns how this node's PostgreSQL is; null where there is none.
   *
   * @default {() => null}
   */
  readonly postgres?: () => PostgresStatus | null;
  /**
   * Returns what this node's router does; null where there is none.
   *
   * @default {() => null}
   */
  readonly router?: () => LoopStats | null;
  /**
   * Returns how the ports are that this node serves.
   *
   * @default {() => []}
   */
  readonly servers?: () => readonly ServerView[];
  /**
   * Measures the process.
   *
   * @default {readProcessUsage}
   */
  readonly process?: () => ProcessUsage;
  /**
   * Who is told of values as well.
   *
   * @default {null}
   */
  readonly mirror?: Mirror | null;
  /**
   * Where time comes from.
   *
   * @default {systemClock()}
   */
  readonly clock?: Clock;
}

/** All metrics of a node. */
export interface NodeMetrics {
  /** To define more in; its `render()` is what `/metrics` answers. */
  readonly registry: Registry;
  /** To be handed to the Raft server. */
  readonly observer: DriverObserver;
  /** Counts the requests of the HTTP API. */
  readonly http: HttpRecorder;
  /** A proposal of this node has ended. */
  proposalEnded(ending: ProposalEnding): void;
  /**
   * Tells who leads; to be called whenever that may have changed. A leader in a new term counts as one
   * election, however often it is told.
   */
  sawLeader(status: Pick<RaftStatus, "term" | "leaderId">): void;
  /** Starts to measure the event loop's delay. */
  start(): void;
  /** Ends that. */
  stop(): void;
}

function defineIdentity(registry: Registry, node: NodeIdentity): void {
  const { id, name, cluster, version } = node;
  registry.gauges({
    name: "pgraft_node_info",
    help: "Always 1; the labels say which node this is",
    labels: ["id", "name", "cluster", "version"],
  }).with({ id: `${id}`, name, cluster, version }).set(1);
}

function defineElections(registry: Registry): NodeMetrics["sawLeader"] {
  const elections = registry.counter({
    name: "pgraft_leader_changes_total",
    help: "Elected leaders that this node has seen",
  });
  let lastTerm = 0;
  return ({ term, leaderId }) => {
    if (leaderId === 0 || term <= lastTerm) return;
    lastTerm = term;
    elections.add();
  };
}

function defineProposals(registry: Registry): NodeMetrics["proposalEnded"] {
  const proposals = registry.counters({
    name: "pgraft_proposals_total",
    help: "Proposals of this node by outcome",
    labels: ["outcome"],
  });
  // All from 0, so that a rate can be taken from the first refusal on.
  const counters = {
    applied: proposals.with({ outcome: "applied" }),
    refused: proposals.with({ outcome: "refused" }),
    unknown: proposals.with({ outcome: "unknown" }),
  };
  return (ending) => counters[ending].add();
}

function defineEventLoop(
  registry: Registry,
  clock: Clock,
): Pick<NodeMetrics, "start" | "stop"> {
  const delays = registry.histogram({
    name: "pgraft_event_loop_delay_seconds",
    help: "How late timers ran: how long something held the event loop",
    bounds: DELAY_SECONDS,
  });
  let sampler: EventLoopSampler | null = null;
  return {
    start: () => {
      sampler ??= sampleEventLoop(clock, (ms) => delays.observe(ms / 1000));
    },
    stop: () => {
      sampler?.stop();
      sampler = null;
    },
  };
}

/**
 * Defines all metrics of a node.
 *
 * @param options Who the node is, and what its metrics are read from.
 * @returns What records them and what writes them.
 *
 * @example Usage
 * ```ts
 * import { createNodeMetrics } from "./node_metrics.ts";
 *
 * const metrics = createNodeMetrics({
 *   node: { id: 1, name: "node1", cluster: "demo", version: "0.1.0" },
 *   status: () => null,
 *   peers: () => null,
 * });
 * const text = metrics.registry.render();
 * if (!text.includes("process_resident_memory_bytes")) throw new Error("A process uses memory");
 * ```
 */
export function createNodeMetrics(options: NodeMetricsOptions): NodeMetrics {
  const { node, status, peers } = options;
  const registry = createRegistry(options.mirror ?? null);
  defineIdentity(registry, node);
  defineRaftMetrics(registry, status);
  definePeerMetrics(registry, peers);
  definePostgresMetrics(registry, options.postgres ?? (() => null));
  defineRouterMetrics(registry, options.router ?? (() => null));
  defineServerMetrics(registry, options.servers ?? (() => []));
  defineProcessMetrics(registry, options.process ?? readProcessUsage);
  return {
    registry,
    observer: defineDriverMetrics(registry),
    http: defineHttpMetrics(registry),
    proposalEnded: defineProposals(registry),
    sawLeader: defineElections(registry),
    ...defineEventLoop(registry, options.clock ?? systemClock()),
  };
}
