import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { freePort } from "../../base/mod.ts";
import { type Answer, problem, runMain, standIn } from "../test_support.ts";
import { ctl, routes } from "./ctl_test_kit.ts";

const RECORD = {
  epoch: 4,
  kind: "switchover",
  reason: "switchover",
  from: 1,
  to: 2,
  why: "node 2 was asked for",
  gave_up: [],
  lost_at_ms: 0,
  phases_ms: { detect: 0, seal: 31, promote: 20, barrier: 8, open: 1 },
  gap_ms: 77,
  given_up: [{ id: 1, bytes: 2048, commits: 3 }],
};
const CHANGED = { primary: 2, epoch: 4, record: RECORD };

const EXPLAINED = {
  phase: "open",
  epoch: 3,
  paused: false,
  mode: "quorum",
  rules: ["node 1 needs 1 of 2, 3 (epoch 3)"],
  next: null,
  findings: [{ member: null, code: "well", text: "Nothing is to be done" }],
  members: [
    { member: 1, code: "primary", text: "Node 1 is the primary" },
    {
      member: 2,
      code: "agent_lost",
      text: "Node 2 can't: its agent is gone",
    },
    { member: 3, code: "standby", text: "Node 3 stands by at 3/0/3000060" },
  ],
};

const NODE = routes({
  "GET /v1/explain": EXPLAINED,
  "GET /v1/failover/history": { history: [RECORD] },
  "POST /v1/switchover": CHANGED,
  "POST /v1/failover": CHANGED,
});

const CHANGED_TEXT = `Node 2 is the primary in epoch 4
Took detect 0 ms, seal 31 ms, promote 20 ms, barrier 8 ms, open 1 ms
Chosen because: node 2 was asked for
`;

const requests: Array<[string[], string, unknown]> = [
  [["switchover"], "POST /v1/switchover", {}],
  [["switchover", "2"], "POST /v1/switchover", { target: 2 }],
  [["cluster", "switchover", "2"], "POST /v1/switchover", { target: 2 }],
  [["failover", "--yes"], "POST /v1/failover", {}],
  [["failover", "2", "-y"], "POST /v1/failover", { target: 2 }],
  [["failover", "2", "--allow-data-loss", "--yes"], "POST /v1/failover", {
    target: 2,
    allow_data_loss: true,
  }],
];

for (const [line, route, body] of requests) {
  Deno.test(`ctl ${line.join(" ")} sends ${route} once, and tells how it went`, async () => {
    const { code, out, err, seen } = await ctl(line, NODE);
    const changes = seen.filter(({ method }) => method !== "GET");

    assertEquals([code, err, out], [0, "", CHANGED_TEXT]);
    assertEquals(changes.map(({ method, path }) => `${method} ${path}`), [
      route,
    ]);
    assertEquals(changes[0]?.body, body);
  });
}

Deno.test("switchover --json prints what the API answered", async () => {
  const { out } = await ctl(["switchover", "--json"], NODE);
  assertEquals(JSON.parse(out), CHANGED);
});

Deno.test("failover names what it gave up", async () => {
  const record = { ...RECORD, gave_up: EXPLAINED.rules };
  const { out } = await ctl(
    ["failover", "--allow-data-loss", "--yes"],
    routes({
      "GET /v1/explain": EXPLAINED,
      "POST /v1/failover": { ...CHANGED, record },
    }),
  );
  assertStringIncludes(out, "Gave up: node 1 needs 1 of 2, 3 (epoch 3)");
});

const answersOf: Array<[string, number, number]> = [
  ["y\n", 0, 1],
  ["YES\n", 0, 1],
  ["n\n", 1, 0],
  ["\n", 1, 0],
  ["yesterday\n", 1, 0],
];

for (const [typed, want, changes] of answersOf) {
  Deno.test(`failover asks, and takes ${JSON.stringify(typed)} for ${want === 0 ? "yes" : "no"}`, async () => {
    const { code, err, seen } = await ctl(["failover"], NODE, { typed });

    assertEquals(code, want);
    assertEquals(
      seen.filter(({ method }) => method === "POST").length,
      changes,
    );
    assertStringIncludes(err, "Go on? [y/N]");
    assertStringIncludes(err, "Node 2 can't: its agent is gone");
    assertEquals(err.includes("may be lost"), false);
  });
}

Deno.test("failover --allow-data-loss shows the rules before it asks", async () => {
  const { err } = await ctl(["failover", "--allow-data-loss"], NODE, {
    typed: "no\n",
  });
  assertStringIncludes(err, "Acknowledged commits may be lost for good");
  assertStringIncludes(err, "  node 1 needs 1 of 2, 3 (epoch 3)");
  assertStringIncludes(err, "Nothing was done");
});

Deno.test("failover without a terminal needs --yes, and says what would happen", async () => {
  const { code, err, seen } = await ctl(["failover"], NODE);

  assertEquals(code, 2);
  assertEquals(seen.filter(({ method }) => method === "POST"), []);
  assertStringIncludes(err, "give --yes");
  assertStringIncludes(err, "All sessions of the primary are ended");
});

Deno.test("failover that could lose commits names the nodes and the rules", async () => {
  const refusal = problem(409, "conflict", {
    detail: "Acknowledged commits could be lost",
    missing: [1, 2],
    rules: EXPLAINED.rules,
  });
  const { code, err } = await ctl(
    ["failover", "--yes"],
    routes({ "GET /v1/explain": EXPLAINED, "POST /v1/failover": refusal }),
  );

  assertEquals(code, 1);
  assertStringIncludes(err, "Acknowledged commits could be lost (conflict)");
  assertStringIncludes(err, "Not sealed: node 1, node 2");
  assertStringIncludes(
    err,
    "Would be given up: node 1 needs 1 of 2, 3 (epoch 3)",
  );
  assertStringIncludes(err, "Said by 127.0.0.1");
});

for (const verb of ["switchover", "failover"]) {
  Deno.test(`${verb} whose connection breaks is not known to have happened`, async () => {
    const answer: Answer = (seen, count) =>
      seen.method === "GET"
        ? NODE(seen, count)
        : new Response(new ReadableStream({ start: (c) => c.error("cut") }));
    const { code, err, seen } = await ctl(
      [verb, "--yes"].slice(0, verb === "failover" ? 2 : 1),
      answer,
    );

    assertEquals(code, 4);
    assertEquals(seen.filter(({ method }) => method === "POST").length, 1);
    assertStringIncludes(err, "it is not known whether this happened");
    assertStringIncludes(err, "pgraft ctl history");
  });
}

Deno.test("switchover that is interrupted says where to look", async () => {
  const { code, err } = await interruptedSwitchover();

  assertEquals(code, 130);
  assertStringIncludes(err, "it may have happened");
  assertStringIncludes(err, "pgraft ctl history");
});

async function interruptedSwitchover(): Promise<
  { readonly code: number; readonly err: string }
> {
  const heard: { interrupt: () => void } = { interrupt: () => {} };
  const { promise, resolve } = Promise.withResolvers<Response>();
  const answer: Answer = (seen, count) => {
    if (seen.method === "GET") return NODE(seen, count);
    heard.interrupt();
    return promise;
  };
  await using node = standIn(answer);
  const ended = await runMain(["ctl", "--api", node.api, "switchover"], {
    onListen: (interrupt) => {
      heard.interrupt = interrupt;
    },
  });
  resolve(Response.json({}));
  return ended;
}

Deno.test("switchover leaves all of its time to the node that answers", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using node = standIn(async (seen, count) => {
    // Longer than half of the time, which is what one of two addresses would get.
    if (seen.method === "POST") await promise;
    return NODE(seen, count);
  });
  const timer = setTimeout(resolve, 600);
  const api = `127.0.0.1:${freePort()},${node.api}`;
  const { code, err } = await runMain(
    ["ctl", "--api", api, "switchover", "--timeout", "1s"],
  );
  clearTimeout(timer);

  assertEquals([code, err], [0, ""]);
});

Deno.test("help of switchover and failover shows one timeout, longer than a node takes", async () => {
  for (const verb of ["switchover", "failover"]) {
    const { out } = await runMain(["ctl", verb, "--help"]);
    assertEquals(out.match(/--timeout TIME/g)?.length, 1);
    assertStringIncludes(out, "default 75s");
  }
});

Deno.test("history shows the changes as an aligned table", async () => {
  const { code, out } = await ctl(["history"], NODE);

  assertEquals(code, 0);
  assertEquals(out.split("\n"), [
    "EPOCH  WHEN                      KIND        FROM  TO  REASON      GAP  DETECT  SEAL  PROMOTE  BARRIER  OPEN  GIVEN UP",
    "4      1970-01-01T00:00:00.000Z  switchover  1     2   switchover  77   0       31    20       8        1     node 1: 2.0 kB, 3 commits",
    "",
  ]);
});

Deno.test("history shows an epoch that nobody was granted, and rules that were given up", async () => {
  const record = {
    ...RECORD,
    to: 0,
    gap_ms: null,
    phases_ms: { detect: 5, seal: null },
    gave_up: EXPLAINED.rules,
    given_up: [{ id: 1, bytes: 10, commits: null }],
  };
  const { out } = await ctl(
    ["history"],
    routes({ "GET /v1/failover/history": { history: [record] } }),
  );
  assertStringIncludes(
    out,
    "1     -   switchover  -    5       -     -        -        -     " +
      "rule: node 1 needs 1 of 2, 3 (epoch 3); node 1: 10 B",
  );
});

Deno.test("history --limit cuts the list, also with --json", async () => {
  const history = [4, 3, 2].map((epoch) => ({ ...RECORD, epoch }));
  const { out } = await ctl(
    ["history", "-n2", "--json"],
    routes({ "GET /v1/failover/history": { history } }),
  );
  assertEquals(JSON.parse(out), { history: history.slice(0, 2) });
});

Deno.test("explain tells the phase, the members, the rules and the findings", async () => {
  const { code, out } = await ctl(["explain"], NODE);

  assertEquals(code, 0);
  assertEquals(out.split("\n"), [
    "Phase open of epoch 3: a primary serves; mode quorum",
    "",
    "Members:",
    "  Node 1 is the primary",
    "  Node 2 can't: its agent is gone",
    "  Node 3 stands by at 3/0/3000060",
    "",
    "Rules in force:",
    "  node 1 needs 1 of 2, 3 (epoch 3)",
    "",
    "Findings:",
    "  Nothing is to be done",
    "",
  ]);
});

Deno.test("explain NODE tells only what concerns it", async () => {
  const one = await ctl(["explain", "2"], NODE);
  assertEquals([one.code, one.out], [0, "Node 2 can't: its agent is gone\n"]);
  const json = JSON.parse((await ctl(["explain", "2", "-j"], NODE)).out);
  assertEquals(json.members, [EXPLAINED.members[1]]);

  const none = await ctl(["explain", "9"], NODE);
  assertEquals(none.code, 1);
  assertStringIncludes(none.err, "Node 9 is no member with PostgreSQL");
});

Deno.test("explain lets no text act on a terminal", async () => {
  const findings = [{ member: 1, code: "x", text: "a\x1b[2J" }];
  const { out } = await ctl(
    ["explain"],
    routes({ "GET /v1/explain": { ...EXPLAINED, findings, paused: true } }),
  );
  assert(!out.includes("\x1b"));
  assertStringIncludes(out, "paused");
});
