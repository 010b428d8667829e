import { assertEquals } from "@std/assert";
import {
  type ClusterState,
  type DataMember,
  EMPTY_STATE,
  type Grant,
  type HistoryRecord,
  NEW_MEMBER,
} from "../../pg/cluster/mod.ts";
import { eventsBetween } from "./between.ts";
import type { Picture } from "./picture.ts";

const BEFORE: Picture = {
  stage: "running",
  waitingFor: null,
  raft: {
    role: "follower",
    term: 3,
    leaderId: 1,
    removedAt: 0,
    configurationIndex: 1,
  },
  members: [1, 2, 3].map((id) => ({
    id,
    role: "voter",
    address: `10.0.0.${id}:7400`,
  })),
  cluster: EMPTY_STATE,
  settings: { heartbeatIntervalMs: null, electionTimeoutMs: null },
  isDiskFull: false,
  postgres: new Map(),
};

const MEMBER: DataMember = {
  ...NEW_MEMBER,
  id: 2,
  host: "10.0.0.2",
  port: 5432,
  version: "15.1",
};
const GRANT: Grant = {
  epoch: 4,
  winner: { id: 2, incarnation: 9 },
  timeline: 5,
  parent: 3,
  startLsn: 0,
  promoted: true,
};
const RECORD: HistoryRecord = {
  epoch: 4,
  kind: "failover",
  reason: "node_gone",
  detail: "",
  from: 1,
  to: 2,
  timeline: 5,
  startLsn: 0,
  sealed: [],
  why: "",
  gaveUp: [],
  lostAtMs: 1000,
  detectedAtMs: 1010,
  grantedAtMs: 1020,
  promotedAtMs: 1030,
  barrierAtMs: 1040,
  openedAtMs: null,
  gapMs: null,
  givenUp: [],
};

function raft(change: Partial<Picture["raft"] & object>): Partial<Picture> {
  return BEFORE.raft ? { raft: { ...BEFORE.raft, ...change } } : {};
}

function cluster(change: Partial<ClusterState>): Partial<Picture> {
  return { cluster: { ...EMPTY_STATE, ...change } };
}

function members(...all: DataMember[]): Partial<ClusterState> {
  return { members: new Map(all.map((one) => [one.id, one])) };
}

interface Case {
  readonly name: string;
  /** @default {{}} */
  readonly from?: Partial<Picture>;
  readonly to: Partial<Picture>;
  readonly want: readonly string[];
}

const CASES: readonly Case[] = [
  { name: "nothing", to: {}, want: [] },
  {
    name: "a leader that is lost",
    to: raft({ leaderId: 0 }),
    want: ["leader: No leader is known, in term 3"],
  },
  {
    name: "a term that goes on without a leader",
    from: raft({ leaderId: 0 }),
    to: raft({ leaderId: 0, term: 4 }),
    want: [],
  },
  {
    name: "the same leader in a later term",
    to: raft({ term: 5 }),
    want: ["leader: Node 1 leads in term 5"],
  },
  {
    name: "this node's election",
    to: raft({ role: "leader", leaderId: 2, term: 4 }),
    want: [
      "leader: Node 2 leads in term 4",
      "raft_role: This node is the leader, in term 4",
    ],
  },
  {
    name: "members that come, go and move",
    to: {
      ...raft({ configurationIndex: 9 }),
      members: [
        { id: 1, role: "voter", address: "10.0.0.9:7400" },
        { id: 3, role: "voter", address: "10.0.0.3:7400" },
        { id: 4, role: "learner", address: "10.0.0.4:7400" },
      ],
    },
    want: [
      "members: The members changed: node 4 came in as a learner, node 2 was removed, node 1 is a voter at 10.0.0.9:7400",
    ],
  },
  {
    name: "a disk that is full",
    to: { isDiskFull: true },
    want: ["disk: This node's disk is full: writes wait until there is space"],
  },
  {
    name: "a removal",
    to: { stage: "removed", waitingFor: "It was removed" },
    want: ["stage: This node is removed: It was removed"],
  },
  {
    name: "a sealing",
    from: cluster({ phase: { kind: "open", epoch: 3, handover: null } }),
    to: cluster({
      phase: {
        kind: "sealing",
        epoch: 4,
        attempt: { kind: "automatic" },
        catchUp: null,
      },
    }),
    want: [
      "phase: Every member seals for epoch 4, because the primary is lost",
      "primary: No primary is open",
    ],
  },
  {
    name: "a new primary that is open",
    from: cluster({ phase: { kind: "granted", epoch: 4 }, history: [RECORD] }),
    to: cluster({
      phase: { kind: "open", epoch: 4, handover: null },
      grants: [GRANT],
      ...members(MEMBER),
      history: [{ ...RECORD, openedAtMs: 1100 }],
    }),
    want: [
      "phase: The primary of epoch 4 is open for clients",
      "primary: Node 2 is the primary, in epoch 4",
      "failover: The failover to epoch 4 is complete: node 2 after node 1",
      "data_member: Node 2 is a member with PostgreSQL",
    ],
  },
  {
    name: "wishes of an operator",
    to: cluster({ paused: true, mode: "strict" }),
    want: [
      "paused: Automatic failover is paused",
      "mode: The synchronous mode is strict",
    ],
  },
  {
    name: "what is said about a member",
    from: cluster(members(MEMBER)),
    to: cluster(members({
      ...MEMBER,
      away: true,
      maintenance: true,
      tags: { ...MEMBER.tags, nosync: true },
      order: {
        number: 1,
        kind: "restart",
        inPlace: false,
        atMs: 0,
        outcome: { done: false, why: "It is the primary" },
      },
    })),
    want: [
      "data_member: Node 2 was stopped and left its PostgreSQL running",
      "tags: Node 2 has other tags",
      "maintenance: Node 2 is under maintenance",
      "order: The restart of node 2 is refused: It is the primary",
    ],
  },
  {
    name: "parameters, by name only",
    to: cluster({
      configs: [{
        version: 1,
        parameters: { primary_conninfo: "password=secret", jit: "off" },
        author: "a",
        comment: "",
        atMs: 0,
      }],
    }),
    want: [
      "config: Version 1 of PostgreSQL's parameters: jit, primary_conninfo",
    ],
  },
  {
    name: "timing of all nodes",
    to: { settings: { heartbeatIntervalMs: 50, electionTimeoutMs: 500 } },
    want: [
      "settings: All nodes have a heartbeat interval of 50 ms and an election timeout of 500 ms",
    ],
  },
  {
    name: "a standby in trouble",
    from: {
      postgres: new Map([[2, {
        role: "standby",
        state: "streaming",
        trouble: null,
      }]]),
    },
    to: {
      postgres: new Map([[2, {
        role: "standby",
        state: "running",
        trouble: "It is 7 bytes behind",
      }]]),
    },
    want: [
      "postgres: PostgreSQL of node 2 is running as standby: It is 7 bytes behind",
    ],
  },
  {
    name: "a trouble whose numbers move",
    from: {
      postgres: new Map([[2, { role: "none", state: "failed", trouble: "7" }]]),
    },
    to: {
      postgres: new Map([[2, {
        role: "none",
        state: "failed",
        trouble: "1234",
      }]]),
    },
    want: [],
  },
];

for (const { name, from = {}, to, want } of CASES) {
  Deno.test(`eventsBetween() tells of ${name}`, () => {
    const events = eventsBetween({ ...BEFORE, ...from }, { ...BEFORE, ...to });
    assertEquals(events.map(({ kind, text }) => `${kind}: ${text}`), want);
    assertEquals(JSON.stringify(events).includes("secret"), false);
  });
}
