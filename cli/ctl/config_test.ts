import { assertEquals, assertStringIncludes } from "@std/assert";
import { ctl, routes } from "./ctl_test_kit.ts";

const CONFIG = {
  version: 3,
  author: "ann",
  comment: "slow",
  at_ms: 0,
  parameters: { jit: "off", work_mem: "64MB" },
  cluster: { synchronous_mode: "strict" },
  members: [
    { id: 1, version: 3, pending_restart: [], fault: null },
    { id: 2, version: 3, pending_restart: ["max_connections"], fault: null },
    { id: 3, version: 2, pending_restart: [], fault: "It does not start" },
  ],
};
const CHANGES = [
  { name: "jit", from: null, to: "off" },
  { name: "port", from: "1", to: null },
  { name: "work_mem", from: "4MB", to: "64MB" },
];
const SHOWN_CHANGES = "+ jit = off\n- port = 1\n~ work_mem = 64MB (was 4MB)\n";

const NODE = routes({
  "GET /v1/config": CONFIG,
  "GET /v1/config?version=2": {
    ...CONFIG,
    parameters: { work_mem: "4MB" },
    // As of before it was kept.
    cluster: null,
  },
  "GET /v1/config/history": {
    versions: [{ ...CONFIG, changes: CHANGES }],
  },
  "POST /v1/config": { ...CONFIG, version: 4, changes: CHANGES },
  "POST /v1/config/rollback": { ...CONFIG, version: 4, changes: [] },
});

Deno.test("config show tells what is in force, and who lacks what", async () => {
  const { code, out } = await ctl(["config", "show"], NODE);
  assertEquals(code, 0);
  assertEquals(
    out,
    "Version 3, 1970-01-01T00:00:00.000Z, by ann: slow\n" +
      "synchronous_mode = strict\njit = off\nwork_mem = 64MB\n" +
      "Node 2 waits for a restart: max_connections\n" +
      "Node 3 has version 2 so far\nNode 3: It does not start\n",
  );
});

Deno.test("config get prints a value, and refuses what is not set", async () => {
  assertEquals((await ctl(["config", "get", "JIT"], NODE)).out, "off\n");
  const mode = await ctl(["config", "get", "synchronous_mode"], NODE);
  assertEquals(mode.out, "strict\n");
  const { code, err } = await ctl(["config", "get", "fsync"], NODE);
  assertEquals(code, 1);
  assertStringIncludes(err, `"fsync" is not set`);
});

Deno.test("config set decides on the version that it saw", async () => {
  const line = [
    ...["config", "set", "work_mem=64MB", "a.b=x=y", "synchronous_mode=off"],
    ...["--unset", "port"],
  ];
  const { code, out, err, seen } = await ctl(line, NODE, {
    env: { USER: "ann" },
  });
  assertEquals([code, out], [0, `Version 4 is in force\n${SHOWN_CHANGES}`]);
  assertStringIncludes(err, "restart --pending");
  assertEquals(seen[1]?.body, {
    parameters: { work_mem: "64MB", "a.b": "x=y", port: null },
    cluster: { synchronous_mode: "off" },
    author: "ann",
    comment: "",
    expected_version: 3,
  });
});

Deno.test("config diff compares with what is in force", async () => {
  const { out } = await ctl(["config", "diff", "2"], NODE);
  assertEquals(
    out,
    "+ jit = off\n+ synchronous_mode = strict\n~ work_mem = 64MB (was 4MB)\n",
  );
});

Deno.test("config history shows what each version changed", async () => {
  const { out } = await ctl(["config", "history"], NODE);
  assertStringIncludes(out, "Version 3");
  assertStringIncludes(out, "  ~ work_mem = 64MB (was 4MB)");
});

Deno.test("config rollback says when nothing differs", async () => {
  const line = ["config", "rollback", "2", "--expect", "3"];
  const { out, seen } = await ctl(line, NODE);
  assertEquals(out, "Nothing differs from what is in force\n");
  assertEquals((seen[1]?.body as { version: number }).version, 2);
});

for (const line of [["config", "set"], ["config", "set", "work_mem"]]) {
  Deno.test(`ctl ${line.join(" ")} exits 2 and changes nothing`, async () => {
    const { code, seen } = await ctl(line, NODE);
    assertEquals([code, seen.length], [2, 0]);
  });
}
