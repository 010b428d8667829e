import { assertEquals, assertStringIncludes } from "@std/assert";
import { problem } from "../test_support.ts";
import { ctl, routes } from "./ctl_test_kit.ts";

const TAGS = { nofailover: true, nosync: false, failover_priority: 100 };

const NODE = routes({
  "POST /v1/pause": { paused: true },
  "POST /v1/resume": { paused: false },
  "PUT /v1/synchronous-mode": { mode: "strict" },
  "PUT /v1/nodes/3/tags": { id: 3, tags: TAGS },
  "GET /v1/explain": { mode: "quorum" },
  "GET /v1/cluster": {
    members: [{ id: 3, tags: TAGS }, { id: 4, tags: {} }],
  },
});

const cases: Array<[string[], string, unknown, string]> = [
  [
    ["pause"],
    "POST /v1/pause",
    {},
    "Paused: a primary that is lost is not replaced until pgraft ctl resume\n",
  ],
  [["resume"], "POST /v1/resume", {}, "Resumed\n"],
  [
    ["mode", "strict"],
    "PUT /v1/synchronous-mode",
    { mode: "strict", author: "ctl" },
    "The mode is strict\n",
  ],
  [["mode"], "GET /v1/explain", null, "quorum\n"],
  [
    ["tags", "3", "nofailover=true", "nosync=no", "failover_priority=0"],
    "PUT /v1/nodes/3/tags",
    { nofailover: true, nosync: false, failover_priority: 0 },
    "Node 3: nofailover=true nosync=false failover_priority=100\n",
  ],
  [
    ["tags", "3", "nofailover"],
    "PUT /v1/nodes/3/tags",
    { nofailover: true },
    "Node 3: nofailover=true nosync=false failover_priority=100\n",
  ],
  [
    ["tags", "3"],
    "GET /v1/cluster",
    null,
    "Node 3: nofailover=true nosync=false failover_priority=100\n",
  ],
];

for (const [line, route, body, want] of cases) {
  Deno.test(`ctl ${line.join(" ")} sends ${route}`, async () => {
    const { code, out, err, seen } = await ctl(line, NODE);
    const [first] = seen;

    assertEquals([code, err, out], [0, "", want]);
    assertEquals(`${first?.method} ${first?.path}`, route);
    assertEquals(first?.body, body);
  });
}

Deno.test("mode off warns, unless --quiet is given", async () => {
  const { err } = await ctl(["mode", "off"], NODE);
  assertStringIncludes(err, "may lose acknowledged commits");
  assertEquals((await ctl(["mode", "off", "-q"], NODE)).err, "");
});

Deno.test("settings print what the API answered with --json", async () => {
  const { out } = await ctl(["tags", "3", "nosync=true", "--json"], NODE);
  assertEquals(JSON.parse(out), { id: 3, tags: TAGS });
  assertEquals(JSON.parse((await ctl(["pause", "-j"], NODE)).out), {
    paused: true,
  });
});

const wrong: string[][] = [
  ["tags", "3", "nofailover=maybe"],
  ["tags", "3", "nofailovr=true"],
  ["tags", "3", "failover_priority=1001"],
  ["tags", "3", "failover_priority"],
  ["tags", "3", "nosync=true=false"],
  ["mode", "sync"],
];

for (const line of wrong) {
  Deno.test(`ctl ${line.join(" ")} exits 2 and asks nobody`, async () => {
    const { code, seen } = await ctl(line, NODE);
    assertEquals([code, seen.length], [2, 0]);
  });
}

Deno.test("tags of a node without PostgreSQL are refused with where to look", async () => {
  const { code, err } = await ctl(["tags", "4"], NODE);
  assertEquals(code, 1);
  assertStringIncludes(err, "Node 4 is no member with PostgreSQL");
});

Deno.test("pause is repeated when its outcome is not known: twice is as once", async () => {
  const { code, seen } = await ctl(
    ["pause"],
    (_seen, count) =>
      count === 1
        ? problem(504, "outcome_unknown")
        : Response.json({ paused: true }),
  );
  assertEquals([code, seen.length], [0, 2]);
});
