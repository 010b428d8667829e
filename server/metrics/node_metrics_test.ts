import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Clock } from "../../base/mod.ts";
import type { MemberStatus, RaftStatus } from "../../raft/mod.ts";
import { SAMPLE_INTERVAL_MS } from "./event_loop.ts";
import { checkExposition } from "./exposition.ts";
import {
  createNodeMetrics,
  type NodeMetrics,
  type NodeMetricsOptions,
  proposalEndingOf,
} from "./node_metrics.ts";
import type { PeersStats } from "./peer_metrics.ts";

const OTHER_MEMBER: MemberStatus = {
  id: 2,
  incarnation: 9,
  address: "127.0.0.1:7402",
  role: "witness",
  matchIndex: 40,
  lastContactMs: 12,
  active: true,
  gone: false,
};

const STATUS: RaftStatus = {
  id: 1,
  incarnation: 8,
  role: "leader",
  term: 3,
  leaderId: 1,
  commitIndex: 41,
  appliedIndex: 40,
  lastIndex: 42,
  durableIndex: 39,
  firstIndex: 11,
  snapshotIndex: 20,
  logSizeBytes: 4096,
  configuration: { members: [], leaseReads: false },
  configurationIndex: 1,
  removedAt: 0,
  members: [
    { ...OTHER_MEMBER, id: 1, role: "voter" },
    OTHER_MEMBER,
    {
      ...OTHER_MEMBER,
      id: 3,
      role: "learner",
      matchIndex: null,
      lastContactMs: null,
      active: null,
      gone: true,
    },
  ],
  queuedWrites: 2,
  pendingProposals: 5,
  pendingReads: 6,
  summary: "leader in term 3",
};

const PEERS: PeersStats = new Map([
  [2, {
    address: "127.0.0.1:7402",
    receivingSinceMs: 5,
    sending: false,
    sendingBulk: false,
    queuedMessages: 3,
    queuedBytes: 300,
    droppedMessages: 4,
    receivedMessages: 77,
    rttMs: 1.5,
  }],
  [3, {
    address: null,
    receivingSinceMs: null,
    sending: true,
    sendingBulk: false,
    queuedMessages: 0,
    queuedBytes: 0,
    droppedMessages: 0,
    receivedMessages: 0,
    rttMs: null,
  }],
]);

function create(options: Partial<NodeMetricsOptions> = {}): NodeMetrics {
  return createNodeMetrics({
    node: { id: 1, name: "node1", cluster: "c", version: "0.1.0" },
    status: () => STATUS,
    peers: () => PEERS,
    ...options,
  });
}

function render({ registry }: NodeMetrics): string {
  const text = registry.render();
  assertEquals(checkExposition(text), []);
  return `\n${text}`;
}

function assertLines(text: string, lines: readonly string[]): void {
  for (const line of lines) assertStringIncludes(text, `\n${line}\n`);
}

Deno.test("a node's metrics tell its Raft status as it is when they are read", () => {
  let status: RaftStatus | null = null;
  const metrics = create({ status: () => status });
  assertEquals(render(metrics).includes("pgraft_term"), false);

  status = STATUS;
  assertLines(render(metrics), [
    'pgraft_node_info{id="1",name="node1",cluster="c",version="0.1.0"} 1',
    "pgraft_term 3",
    'pgraft_role{role="follower"} 0',
    'pgraft_role{role="leader"} 1',
    "pgraft_is_leader 1",
    "pgraft_leader_id 1",
    "pgraft_has_leader 1",
    "pgraft_commit_index 41",
    "pgraft_applied_index 40",
    "pgraft_last_index 42",
    "pgraft_durable_index 39",
    "pgraft_first_index 11",
    "pgraft_snapshot_index 20",
    "pgraft_log_size 32",
    "pgraft_log_size_bytes 4096",
    "pgraft_queued_writes 2",
    "pgraft_proposals_pending 5",
    "pgraft_reads_pending 6",
    'pgraft_members{role="witness"} 1',
    'pgraft_member_match_index{peer="2"} 40',
    'pgraft_member_last_contact_seconds{peer="2"} 0.012',
    'pgraft_member_active{peer="2"} 1',
    'pgraft_member_gone{peer="3"} 1',
  ]);

  status = { ...STATUS, role: "follower", leaderId: 0 };
  const text = render(metrics);
  assertLines(text, [
    'pgraft_role{role="follower"} 1',
    "pgraft_is_leader 0",
    "pgraft_leader_id 0",
    "pgraft_has_leader 0",
  ]);
  assertEquals(text.includes('pgraft_member_match_index{peer="3"}'), false);
});

Deno.test("a node's metrics tell the traffic with its peers", () => {
  const text = render(create());
  assertLines(text, [
    'pgraft_peer_connected{peer="2",direction="in"} 1',
    'pgraft_peer_connected{peer="2",direction="out"} 0',
    'pgraft_peer_connected{peer="3",direction="out"} 1',
    'pgraft_peer_round_trip_seconds{peer="2"} 0.0015',
    'pgraft_peer_queue_bytes{peer="2"} 300',
    'pgraft_peer_queue_messages{peer="2"} 3',
    'pgraft_peer_dropped_messages_total{peer="2"} 4',
    'pgraft_peer_received_messages_total{peer="2"} 77',
  ]);
  assertEquals(text.includes('round_trip_seconds{peer="3"}'), false);
});

Deno.test("a node's observer counts what the driver tells", () => {
  const metrics = create();
  const { observer } = metrics;
  observer.persisted?.(3, 1.5);
  observer.persisted?.(2, 9000);
  observer.applied?.(4, 250);
  observer.committed?.(3);
  observer.snapshotTaken?.(1000, 500);
  observer.snapshotInstalled?.(2000);

  assertLines(render(metrics), [
    "pgraft_persisted_entries_total 5",
    'pgraft_persist_duration_seconds_bucket{le="0.001"} 0',
    'pgraft_persist_duration_seconds_bucket{le="0.002"} 1',
    'pgraft_persist_duration_seconds_bucket{le="8"} 1',
    "pgraft_persist_duration_seconds_count 2",
    "pgraft_applied_entries_total 4",
    "pgraft_apply_seconds_total 0.25",
    'pgraft_commit_duration_seconds_bucket{le="0.002"} 0',
    'pgraft_commit_duration_seconds_bucket{le="0.005"} 1',
    "pgraft_snapshots_taken_total 1",
    "pgraft_snapshots_taken_seconds_total 0.5",
    "pgraft_snapshots_installed_total 1",
    "pgraft_snapshot_size_bytes 2000",
  ]);
});

Deno.test("sawLeader() counts each term's leader once, and no term without one", () => {
  const metrics = create();
  for (
    const [term, leaderId] of [
      [1, 0],
      [1, 1],
      [1, 1],
      [1, 0],
      [1, 1],
      [2, 0],
      [4, 3],
    ] as const
  ) {
    metrics.sawLeader({ term, leaderId });
  }
  assertLines(render(metrics), ["pgraft_leader_changes_total 2"]);
});

Deno.test("proposalEnded() counts by outcome, all from 0", () => {
  const metrics = create();
  metrics.proposalEnded("applied");
  metrics.proposalEnded(proposalEndingOf("busy"));
  metrics.proposalEnded(proposalEndingOf("not_leader"));

  assertLines(render(metrics), [
    'pgraft_proposals_total{outcome="applied"} 1',
    'pgraft_proposals_total{outcome="refused"} 2',
    'pgraft_proposals_total{outcome="unknown"} 0',
  ]);
});

Deno.test("proposalEndingOf() never calls an open outcome refused", () => {
  assertEquals(proposalEndingOf("outcome_unknown"), "unknown");
  assertEquals(proposalEndingOf("stopped"), "unknown");
  assertEquals(proposalEndingOf("apply_failed"), "unknown");
  assertEquals(proposalEndingOf("storage_failed"), "unknown");
});

Deno.test("an HTTP recorder counts by route, method and class of status", () => {
  const metrics = create();
  const keys = metrics.http.route("/v1/kv/{key}");
  const status = metrics.http.route("/v1/status");
  keys.started();
  keys.started();
  keys.started();
  status.started();
  keys.finished("PUT", 200, 3);
  keys.finished("PUT", 204, 3);
  status.finished("BREW", 418, 0.1);

  assertLines(render(metrics), [
    'pgraft_http_requests_total{route="/v1/kv/{key}",method="PUT",status="2xx"} 2',
    'pgraft_http_requests_total{route="/v1/status",method="other",status="4xx"} 1',
    'pgraft_http_request_duration_seconds_bucket{route="/v1/kv/{key}",le="0.005"} 2',
    'pgraft_http_request_duration_seconds_count{route="/v1/status"} 1',
    "pgraft_http_requests_in_flight 1",
  ]);
});

Deno.test("an HTTP recorder has a bounded number of series, whatever clients send", () => {
  const metrics = create();
  const route = metrics.http.route("/v1/status");
  for (let i = 0; i < 50; i++) {
    route.started();
    route.finished(`M${i}`, i * 37, 1);
  }
  const counters = render(metrics).match(/\npgraft_http_requests_total\{/g);
  assertEquals(counters?.length, 5);
});

Deno.test("a node's metrics tell what the process uses", () => {
  const text = render(create());
  for (
    const name of [
      "process_resident_memory_bytes",
      "pgraft_heap_used_bytes",
      "pgraft_heap_total_bytes",
      "process_cpu_seconds_total",
      "process_start_time_seconds",
    ]
  ) {
    const value = new RegExp(`\n${name} (\\S+)\n`).exec(text)?.[1];
    assert(Number(value) > 0, `${name} ${value}`);
  }
  if (Deno.build.os === "linux") {
    assert(/\nprocess_open_fds [1-9]/.test(text));
  }
});

interface ManualClock extends Clock {
  /** Moves time, then runs what is due. */
  advance(ms: number): void;
  /** How many timers are armed. */
  armed(): number;
}

function manualClock(): ManualClock {
  let nowMs = 0;
  const timers = new Map<number, { dueMs: number; run: () => void }>();
  let nextId = 0;
  return {
    nowMs: () => nowMs,
    after: (delayMs, run) => {
      const id = nextId++;
      timers.set(id, { dueMs: nowMs + delayMs, run });
      return { cancel: () => timers.delete(id) };
    },
    advance: (ms) => {
      nowMs += ms;
      for (const [id, { dueMs, run }] of [...timers]) {
        if (dueMs > nowMs) continue;
        timers.delete(id);
        run();
      }
    },
    armed: () => timers.size,
  };
}

Deno.test("the event loop's delay is how late its timer runs, until it is stopped", () => {
  const clock = manualClock();
  const metrics = create({ clock });
  assertEquals(clock.armed(), 0);
  metrics.start();
  metrics.start();
  assertEquals(clock.armed(), 1);
  clock.advance(SAMPLE_INTERVAL_MS);
  clock.advance(SAMPLE_INTERVAL_MS + 300);
  metrics.stop();
  assertEquals(clock.armed(), 0);

  assertLines(render(metrics), [
    'pgraft_event_loop_delay_seconds_bucket{le="0.001"} 1',
    'pgraft_event_loop_delay_seconds_bucket{le="0.2"} 1',
    'pgraft_event_loop_delay_seconds_bucket{le="0.5"} 2',
    "pgraft_event_loop_delay_seconds_sum 0.3",
  ]);
});
