import { assertEquals } from "@std/assert";
import {
  postgresCells,
  postgresLine,
  shownBytes,
  shownPhases,
  stateText,
  troubleLines,
} from "./postgres.ts";

const PRIMARY = {
  id: 1,
  name: "node1",
  role: "primary",
  timeline: 2,
  lag_bytes: 0,
  trouble: null,
};
const STANDBY = {
  id: 2,
  name: "node2",
  role: "standby",
  timeline: 2,
  lag_bytes: 1536,
  trouble: null,
};
const WITNESS = { id: 3, name: "node3", role: "none" };

const CLUSTER = {
  primary: { id: 1, epoch: 3, timeline: 2, lsn: "0/3000060" },
  sync: { mode: "quorum", standbys: [2], required: 1, degraded: false },
  members: [PRIMARY, STANDBY, WITNESS],
};

const amounts: Array<[number, string]> = [
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 kB"],
  [1536, "1.5 kB"],
  [150 * 1024, "150 kB"],
  [16 * 1024 * 1024, "16.0 MB"],
  [2 ** 45, "32.0 TB"],
  [2 ** 51, "2048 TB"],
];

for (const [bytes, want] of amounts) {
  Deno.test(`shownBytes() shows ${bytes} bytes as ${want}`, () => {
    assertEquals(shownBytes(bytes), want);
  });
}

Deno.test("postgresCells() shows timeline, lag and whether commits count on a member", () => {
  const { members } = CLUSTER;
  assertEquals(members.map((member) => postgresCells(CLUSTER, member)), [
    ["2", "-", "-"],
    ["2", "1.5 kB", "yes"],
    ["-", "-", "-"],
  ]);
  const unheard = { ...STANDBY, id: 4, timeline: 0, lag_bytes: null };
  assertEquals(postgresCells(CLUSTER, unheard), ["-", "-", "no"]);
});

const lines: Array<[string, unknown, string, string]> = [
  [
    "a primary",
    {},
    "primary node1 (1), epoch 3, timeline 2, mode quorum, commits need 1 of 2",
    "green",
  ],
  [
    "no primary",
    { primary: null },
    "no open primary; pgraft ctl explain tells why, mode quorum, commits need 1 of 2",
    "red",
  ],
  [
    "a primary whose node does not answer",
    { members: [{ ...PRIMARY, role: "none" }, STANDBY] },
    "primary node1 (1), NOT HEARD OF; pgraft ctl explain tells why, epoch 3, timeline 2, " +
    "mode quorum, commits need 1 of 2",
    "red",
  ],
  [
    "a degraded cluster",
    {
      sync: { mode: "quorum", standbys: [], required: 0, degraded: true },
    },
    "primary node1 (1), epoch 3, timeline 2, mode quorum, commits wait for nobody, DEGRADED",
    "yellow",
  ],
  [
    "a cluster whose first standbys clone",
    {
      primary: null,
      sync: { mode: "quorum", standbys: [], required: 1, degraded: false },
    },
    "no open primary; pgraft ctl explain tells why, mode quorum, commits need 1 of nobody yet",
    "red",
  ],
  [
    "a cluster before its founding",
    { primary: null, sync: null },
    "no open primary; pgraft ctl explain tells why",
    "red",
  ],
];

for (const [name, change, text, style] of lines) {
  Deno.test(`postgresLine() shows ${name}`, () => {
    const cluster = { ...CLUSTER, ...Object(change) };
    assertEquals(postgresLine(cluster), { text, style } as never);
  });
}

Deno.test("postgresLine() says nothing of a cluster without PostgreSQL", () => {
  assertEquals(postgresLine({ members: [WITNESS] }), null);
});

Deno.test("troubleLines() names the members that have some", () => {
  const members = [PRIMARY, { ...STANDBY, trouble: "The disk is full" }];
  assertEquals(troubleLines({ members }), ["node2 (2): The disk is full"]);
});

Deno.test("shownPhases() leaves out what is not known", () => {
  const phases_ms = { detect: 0, seal: 30, promote: null, barrier: null };
  assertEquals(shownPhases({ phases_ms }), "detect 0 ms, seal 30 ms");
  assertEquals(shownPhases({}), "");
});

Deno.test("stateText() says how far a copy is, as soon as that is known", () => {
  const cloning = (copy: unknown): string =>
    stateText({ state: "cloning", copy });
  assertEquals(stateText({ state: "streaming" }), "streaming");
  assertEquals(cloning(null), "cloning");
  assertEquals(cloning({ done_bytes: 0, total_bytes: 0 }), "cloning");
  assertEquals(cloning({ done_bytes: 459, total_bytes: 1000 }), "cloning 45 %");
  // The source has grown meanwhile.
  assertEquals(cloning({ done_bytes: 9, total_bytes: 8 }), "cloning 100 %");
});
