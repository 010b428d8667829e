import { assertEquals } from "@std/assert";
import { painter } from "../style.ts";
import { fitting, type Picture, pictureLines } from "./screen.ts";
import { clusterOf } from "./view.ts";

const BODY = {
  term: 3,
  has_quorum: true,
  primary: { id: 2, epoch: 2, timeline: 3, lsn: "0/3000060" },
  sync: { mode: "quorum", required: 1, standbys: [1, 3] },
  members: [
    {
      id: 1,
      role: "none",
      state: "stopped",
      raft: "follower",
      timeline: 2,
    },
    {
      id: 2,
      role: "primary",
      state: "running",
      raft: "leader",
      open: true,
      timeline: 3,
    },
    {
      id: 3,
      role: "standby",
      state: "streaming",
      raft: "follower",
      timeline: 3,
      lag_bytes: 2048,
    },
  ],
};

const PICTURE: Picture = {
  programs: "PostgreSQL 18.4 from npm",
  root: "/tmp/pgraft-demo-1",
  password: "secret",
  nodes: [1, 2, 3].map((id) => ({
    id,
    condition: id === 1 ? "killed" : "running",
    ports: { api: 8010 + id, postgres: 5430 + id },
  })),
  view: clusterOf(BODY),
  acknowledged: 1234,
  silentMs: 12,
  lost: 0,
  events: [{
    what: "node 1 was killed",
    gapMs: 231,
    outcome: "node 2 is the primary, in epoch 2",
  }],
  note: "",
};

Deno.test("pictureLines() shows the nodes, what was done and what it cost, and what can be done", () => {
  assertEquals(pictureLines(PICTURE, painter(false)), [
    "pgraft demo: 3 nodes with PostgreSQL 18.4 from npm",
    "",
    "NODE  AGENT    ROLE     STATE      RAFT      TIMELINE  LAG     POSTGRESQL",
    "1     killed   -        -          -         -         -       127.0.0.1:5431",
    "2     running  primary  running    leader    3         -       127.0.0.1:5432",
    "3     running  standby  streaming  follower  3         2.0 kB  127.0.0.1:5433",
    "",
    "A client writes: 1234 rows acknowledged, none lost",
    "  node 1 was killed: 0.23 s without writes; node 2 is the primary, in epoch 2",
    "",
    "Keys: k kill the primary's node, f freeze it, t thaw, b bring back what was killed, s switch over, q quit",
    "",
    "Try, in another terminal:",
    "  psql 'postgresql://demo:secret@127.0.0.1:5431,127.0.0.1:5432,127.0.0.1:5433/postgres?target_session_attrs=read-write'",
    "  curl -s http://127.0.0.1:8011/v1/explain",
    "  tail -f /tmp/pgraft-demo-1/node1.log",
  ]);
});

Deno.test("pictureLines() says when nobody answers, rows are lost, or nothing is known", () => {
  const shown = (change: Partial<Picture>): string[] =>
    pictureLines({ ...PICTURE, ...change }, painter(false));
  const lines = shown({ lost: 2, silentMs: 1500, view: null, note: "Wait" });
  assertEquals(
    lines[7],
    "A client writes: 1234 rows acknowledged, 2 LOST, no answer for 1.50 s",
  );
  assertEquals(lines[9], "Wait");
  assertEquals(
    lines[4],
    "2     running  -     -      -     -         -    127.0.0.1:5432",
  );
  const gone = PICTURE.nodes.map((node) => ({
    ...node,
    condition: node.id === 2 ? "frozen" as const : node.condition,
  }));
  assertEquals(
    shown({ nodes: gone })[9],
    "Only 1 of 3 nodes are there, so nobody may take writes: bring back, or thaw",
  );
  assertEquals(
    shown({ lost: null })[7],
    "A client writes: 1234 rows acknowledged, not checked yet",
  );
});

Deno.test("fitting() keeps what a terminal has room for", () => {
  const lines = ["a", "\x1b[1m12345678\x1b[22m", "1234567890", "b"];
  for (
    const [columns, rows, kept] of [
      [80, 24, 4],
      [8, 24, 4],
      [80, 4, 3],
      [8, 5, 3],
      [8, 4, 2],
      [80, 1, 0],
    ] as const
  ) {
    assertEquals(fitting(lines, { columns, rows }).length, kept);
  }
});
