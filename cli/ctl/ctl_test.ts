import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { freePort } from "../../base/mod.ts";
import {
  type Answer,
  problem,
  runMain,
  type TestWorld,
} from "../test_support.ts";
import { ctl, routes } from "./ctl_test_kit.ts";

const MEMBERS = [
  {
    id: 1,
    name: "node1",
    kind: "data",
    role: "none",
    state: "running",
    raft: "leader",
    last_contact_ms: 0,
  },
  {
    id: 2,
    name: "node2",
    kind: "witness",
    role: "none",
    state: "stopped",
    raft: "follower",
    last_contact_ms: 12_345,
  },
];

const CLUSTER = {
  name: "c1",
  leader_id: 1,
  term: 3,
  has_quorum: true,
  paused: false,
  primary: null,
  sync: null,
  members: MEMBERS,
};

const STATUS = {
  id: 1,
  name: "node1",
  version: "0.1.0",
  state: "running",
  waiting_for: "",
  uptime_ms: 1500,
  disk_full: false,
  raft: { role: "leader", commit_index: 9, applied_index: 9 },
};

const BOTH = routes({ "GET /v1/cluster": CLUSTER, "GET /v1/status": STATUS });

Deno.test("status shows the cluster, this node and an aligned table", async () => {
  const { code, out, err } = await ctl(["status"], BOTH);

  assertEquals([code, err], [0, ""]);
  assertEquals(out.split("\n"), [
    "Cluster c1: leader node1 (1), term 3, quorum",
    "This node node1 (1): running, leader, applied 9 of 9, up 1.5 s, version 0.1.0",
    "",
    "ID  NAME   KIND     ROLE  RAFT      STATE    LAST CONTACT",
    "1   node1  data     none  leader    running  0 ms",
    "2   node2  witness  none  follower  stopped  12.3 s",
    "",
  ]);
});

Deno.test("status --json prints what the API answered", async () => {
  const { out } = await ctl(["status", "--json"], BOTH);

  assertEquals(JSON.parse(out), { cluster: CLUSTER, node: STATUS });
});

Deno.test("status exits 3 while there is no leader, and still shows what there is", async () => {
  const lost = { ...CLUSTER, leader_id: 0, has_quorum: false };
  const { code, out } = await ctl(
    ["status"],
    routes({ "GET /v1/cluster": lost, "GET /v1/status": STATUS }),
  );

  assertEquals(code, 3);
  assertStringIncludes(out, "no leader, term 3, no quorum");
});

Deno.test("status colours only what may be coloured", async () => {
  const plain = await ctl(["status"], BOTH, { isTerminal: true });
  const coloured = await ctl(["status"], BOTH, { color: true });

  assertEquals(plain.out.includes("\x1b"), false);
  assertStringIncludes(coloured.out, "\x1b[31mstopped");
});

Deno.test("a table shows names from elsewhere without letting them act", async () => {
  const evil = { ...CLUSTER, members: [{ ...MEMBERS[0], name: "a\x1b[2Jb" }] };
  const { out } = await ctl(
    ["status"],
    routes({ "GET /v1/cluster": evil, "GET /v1/status": STATUS }),
  );

  assertEquals(out.includes("\x1b"), false);
});

Deno.test("status --watch writes lines of JSON until Ctrl-C, and exits 130", async () => {
  const { code, out } = await ctl(["status", "--watch", "50ms"], BOTH, {
    onOut: (text, interrupt) => {
      if (text.split("\n").length > 3) interrupt();
    },
  });
  const lines = out.trim().split("\n").map((line) => JSON.parse(line));

  assertEquals(code, 130);
  assertEquals(
    lines,
    Array(3).fill({
      time: "1970-01-01T00:00:00.000Z",
      cluster: CLUSTER,
      node: STATUS,
    }),
  );
});

Deno.test("status --watch outlives a failure and says it", async () => {
  const answer: Answer = (seen, count) =>
    count === 1 ? problem(403, "forbidden") : BOTH(seen, count);
  const { out } = await ctl(["status", "-w0.05"], answer, {
    onOut: (text, interrupt) => {
      if (text.split("\n").length > 2) interrupt();
    },
  });
  const [first, second] = out.trim().split("\n").map((line) =>
    JSON.parse(line)
  );

  assertEquals(first.error.code, "forbidden");
  assertEquals(second.cluster, CLUSTER);
});

Deno.test("nodes list --watch draws anew on a terminal", async () => {
  const nodes = { nodes: [{ id: 1, name: "n1", leader: true }] };
  const { code, out } = await ctl(
    ["nodes", "list", "-w"],
    routes({ "GET /v1/nodes": nodes, "GET /v1/cluster": CLUSTER }),
    { isTerminal: true, onOut: (_out, interrupt) => interrupt() },
  );

  assertEquals(code, 130);
  assert(out.startsWith("\x1b[H\x1b[2J"));
  assertStringIncludes(out, "RAFT ADDRESS");
});

const requests: Array<[string[], string, unknown]> = [
  [["nodes", "add", "4", "h:7400", "--incarnation", "8"], "POST /v1/nodes", {
    id: 4,
    incarnation: 8,
    raft_address: "h:7400",
  }],
  [
    ["add-node", "4", "h", "7400", "--incarnation", "8", "--role", "witness"],
    "POST /v1/nodes",
    { id: 4, incarnation: 8, raft_address: "h:7400", role: "witness" },
  ],
  [
    [
      "nodes",
      "add",
      "4",
      "h:1",
      "--incarnation",
      "8",
      "--expected-configuration",
      "5",
    ],
    "POST /v1/nodes",
    {
      id: 4,
      incarnation: 8,
      raft_address: "h:1",
      expected_configuration_index: 5,
    },
  ],
  [["nodes", "remove", "4"], "DELETE /v1/nodes/4", null],
  [["remove-node", "4", "--force"], "DELETE /v1/nodes/4?force=true", null],
  [["nodes", "promote", "4"], "POST /v1/nodes/4/promote", {}],
  [["transfer"], "POST /v1/transfer", {}],
  [["transfer", "2"], "POST /v1/transfer", { target: 2 }],
  [["election"], "POST /v1/election", {}],
  [["snapshot"], "POST /v1/snapshot", {}],
  [["kv", "put", "a/b ?", "v"], "PUT /v1/kv/a%2Fb%20%3F", { value: "v" }],
  [["kv", "put", "k", "v", "--if-revision", "0"], "PUT /v1/kv/k", {
    value: "v",
    if_revision: 0,
  }],
  [["kv", "put", "k", "/w==", "--base64"], "PUT /v1/kv/k", {
    value_base64: "/w==",
  }],
  [["kv", "put", "k", "aGk=", "--base64"], "PUT /v1/kv/k", { value: "hi" }],
  [["kv", "put", "k", "-"], "PUT /v1/kv/k", { value: "from input\n" }],
  [["kv", "put", "k", "--file", "bin"], "PUT /v1/kv/k", {
    value_base64: "/wA=",
  }],
  [["kv", "put", "k", "--file", "bom"], "PUT /v1/kv/k", { value: "\ufeffx" }],
  [["kv", "cas", "k", "old", "new"], "PUT /v1/kv/k", {
    value: "new",
    if_value: "old",
  }],
  [["kv", "delete", "k"], "DELETE /v1/kv/k", null],
  [
    ["kv", "delete", "k", "--if-revision", "7"],
    "DELETE /v1/kv/k?if_revision=7",
    null,
  ],
  [["kv", "get", "k", "--stale"], "GET /v1/kv/k?stale=true", null],
  [["kv", "list"], "GET /v1/kv?limit=100", null],
  [
    ["kv", "list", "a&b", "-n5", "--stale"],
    "GET /v1/kv?prefix=a%26b&limit=5&stale=true",
    null,
  ],
  [["log", "append", "x"], "POST /v1/log", { data: "x" }],
  [["log", "read"], "GET /v1/log?from=1&limit=100", null],
  [["log", "read", "7", "--stale"], "GET /v1/log/7?stale=true", null],
];

const WORLD: TestWorld = {
  input: "from input\n",
  files: {
    bin: new Uint8Array([255, 0]),
    bom: new Uint8Array([0xef, 0xbb, 0xbf, 0x78]),
  },
};

for (const [line, route, body] of requests) {
  Deno.test(`ctl ${line.join(" ")} sends ${route}`, async () => {
    const { code, seen, err } = await ctl(line, () => Response.json({}), WORLD);
    const [first] = seen;

    assertEquals([code, err, seen.length], [0, "", 1]);
    assertEquals(`${first?.method} ${first?.path}`, route);
    assertEquals(first?.body, body);
    const isChange = !route.startsWith("GET");
    assertEquals(
      first?.headers.get("content-type"),
      isChange ? "application/json" : null,
    );
    assertEquals(first?.headers.has("idempotency-key"), isChange);
  });
}

const answers: Array<[string[], unknown, string]> = [
  [["transfer"], { leader_id: 2, term: 7 }, "Node 2 leads in term 7\n"],
  [
    ["kv", "put", "k", "v"],
    { revision: 5, created: true },
    "Created at revision 5\n",
  ],
  [
    ["kv", "put", "k", "v"],
    { revision: 6, created: false },
    "Changed at revision 6\n",
  ],
  [["kv", "put", "k", "v", "-q"], { revision: 6, created: false }, ""],
  [
    ["kv", "delete", "k"],
    { revision: 7, deleted: true },
    "Deleted at revision 7\n",
  ],
  [
    ["kv", "delete", "k"],
    { revision: 7, deleted: false },
    "There was no such key\n",
  ],
  [["kv", "get", "k"], { key: "k", value: "v\x1b" }, "v\x1b"],
  [["kv", "get", "k"], { key: "k", value_base64: "aGk=" }, "hi"],
  [["kv", "get", "k", "--base64"], { key: "k", value: "hi" }, "aGk=\n"],
  [["kv", "list"], { kvs: [] }, "KEY  MOD_REVISION  VALUE\n"],
  [
    ["kv", "list"],
    { kvs: [{ key: "k", mod_revision: 3, value: "a\nb" }] },
    "KEY  MOD_REVISION  VALUE\nk    3             a\\u000ab\n",
  ],
  [["kv", "list", "--keys"], { kvs: [{ key: "k" }, { key: "l" }] }, "k\nl\n"],
  [["kv", "list", "--keys"], { kvs: [] }, ""],
  [["log", "append", "x"], { index: 12 }, "12\n"],
  [["log", "append", "x", "-q"], { index: 12 }, "12\n"],
  [["log", "read", "7"], { index: 7, data: "d" }, "d"],
  [["log", "read"], {
    entries: [{ index: 1, data: "a" }, { index: 2, data_base64: "/w==" }],
  }, "1  a\n2  /w==\n"],
  [["log", "wait", "7"], { index: 7 }, "Entry 7 is applied\n"],
];

for (const [line, answer, want] of answers) {
  Deno.test(`ctl ${line.join(" ")} prints ${JSON.stringify(want)}`, async () => {
    const { code, out } = await ctl(line, () => Response.json(answer));

    assertEquals([code, out], [0, want]);
  });
}

Deno.test("--json prints what the API answered, also of changes", async () => {
  const answer = { revision: 5, created: true };
  const { out } = await ctl(
    ["kv", "put", "k", "v", "--json", "-q"],
    () => Response.json(answer),
  );

  assertEquals(JSON.parse(out), answer);
});

Deno.test("kv get gives a terminal no control characters", async () => {
  const { out } = await ctl(
    ["kv", "get", "k"],
    () => Response.json({ value: "a\x1b[2J\n" }),
    { isTerminal: true },
  );

  assertEquals(out, "a\\u001b[2J\n\n");
});

Deno.test("kv list says that there is more", async () => {
  const { err } = await ctl(
    ["kv", "list", "-n1"],
    () => Response.json({ kvs: [{ key: "k" }], more: true }),
  );

  assertStringIncludes(err, "raise --limit");
});

const usage: Array<[string, string[]]> = [
  ["VALUE is missing", ["kv", "put", "k"]],
  ["Both VALUE and --file", ["kv", "put", "k", "v", "--file", "bin"]],
  ["no base64", ["kv", "put", "k", "%%", "--base64"]],
  ["no address of a node", ["nodes", "add", "4", "h", "--incarnation", "1"]],
];

for (const [want, line] of usage) {
  Deno.test(`ctl ${line.join(" ")} exits 2 and asks nobody`, async () => {
    const { code, err, seen } = await ctl(line, () => Response.json({}), WORLD);

    assertEquals([code, seen.length], [2, 0]);
    assertStringIncludes(err, want);
  });
}

Deno.test("a file that is not there is named", async () => {
  const { code, err } = await ctl(
    ["kv", "put", "k", "--file", "nowhere"],
    () => Response.json({}),
  );

  assertEquals(code, 1);
  assertStringIncludes(err, "The file nowhere cannot be read");
});

/** A log with some entries, where the wait for the next one answers as told. */
function logOf(count: number, onWait: (index: number) => Response): Answer {
  const all = Array.from({ length: count }, (_, i) => ({
    index: i + 1,
    data: `e${i + 1}`,
  }));
  return ({ path }) => {
    const url = new URL(path, "http://h");
    if (url.pathname === "/v1/log/wait") {
      return onWait(Number(url.searchParams.get("index")));
    }
    const from = Number(url.searchParams.get("from") ?? 1);
    const limit = Number(url.searchParams.get("limit"));
    const entries = all.slice(from - 1, from - 1 + limit);
    return Response.json({ entries, first_index: 1, last_index: count });
  };
}

Deno.test("log tail prints the last entries", async () => {
  const { code, out } = await ctl(
    ["log", "tail", "-n2"],
    logOf(250, () => problem(504, "outcome_unknown")),
  );

  assertEquals([code, out], [0, "249  e249\n250  e250\n"]);
});

Deno.test("log tail reads on where there are more than a page", async () => {
  const { out } = await ctl(
    ["log", "tail", "-n", "250", "--json"],
    logOf(250, () => problem(504, "outcome_unknown")),
  );

  assertEquals(out.trim().split("\n").length, 250);
});

Deno.test("log tail --follow prints what comes, and exits 130 at Ctrl-C", async () => {
  let waits = 0;
  const answer: Answer = (seen, at) => {
    const isThere = waits >= 2;
    return logOf(isThere ? 4 : 3, () => {
      waits += 1;
      return waits === 2
        ? Response.json({ index: 4 })
        : problem(504, "outcome_unknown");
    })(seen, at);
  };
  const { code, out } = await ctl(["log", "tail", "-n1", "-f"], answer, {
    onOut: (text, interrupt) => {
      if (text.includes("e4")) interrupt();
    },
  });

  assertEquals([code, out], [130, "3  e3\n4  e4\n"]);
});

Deno.test("log wait asks again until --timeout, and exits 4", async () => {
  const { code, err, seen } = await ctl(
    ["log", "wait", "9", "--timeout", "200ms"],
    () => problem(504, "outcome_unknown"),
  );

  assertEquals(code, 4);
  assert(seen.length > 1);
  assertStringIncludes(err, "Entry 9 was not applied within 200ms");
});

Deno.test("a port where nobody listens is named with what to do", async () => {
  const api = `127.0.0.1:${freePort()}`;
  const { code, out, err } = await runMain(["ctl", "--api", api, "status"]);

  assertEquals([code, out], [1, ""]);
  assertStringIncludes(err, `${api} (Connection refused)`);
  assertStringIncludes(err, "pgraft serve");
});
