import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Answer } from "../test_support.ts";
import { ctl } from "./ctl_test_kit.ts";

interface Member {
  readonly id: number;
  readonly role?: string;
  readonly pending?: readonly string[];
  /** What it waits for its primary to have less of; that has it after a restart. */
  readonly lowers?: readonly string[];
}

/** A cluster that does what it is asked at once; `refusal` is why it does not. */
function cluster(members: readonly Member[], refusal = ""): Answer {
  let number = 0;
  const asked = new Map<number, number>();
  return ({ method, path }) => {
    if (method === "GET" && path === "/v1/cluster") {
      return Response.json({
        members: members.map((
          { id, role = "standby", pending = [], lowers = [] },
        ) => ({
          id,
          kind: "data",
          role,
          state: role === "primary" ? "running" : "streaming",
          config: asked.size === 0
            ? { pending_restart: pending, pending_primary: lowers }
            : { pending_restart: asked.has(id) ? [] : lowers },
          order: {
            number: asked.get(id) ?? 0,
            state: refusal === "" ? "done" : "refused",
            why: refusal,
          },
        })),
      });
    }
    const id = Number(path.split("/")[3]);
    number += 1;
    asked.set(id, number);
    return Response.json({ id, order: number, maintenance: true });
  };
}

const THREE: readonly Member[] = [
  { id: 1, role: "primary", pending: ["shared_buffers"] },
  { id: 2, pending: ["shared_buffers"] },
  { id: 3 },
];

async function orders(
  line: readonly string[],
  members = THREE,
): Promise<{ code: number; paths: string[]; out: string }> {
  const { code, out, seen } = await ctl(line, cluster(members));
  const paths = seen.filter(({ method }) => method !== "GET")
    .map(({ method, path }) => `${method} ${path}`);
  return { code, paths, out };
}

Deno.test("restart --pending takes standbys first, and only who waits for it", async () => {
  const { code, paths, out } = await orders(["restart", "--pending"]);
  assertEquals(code, 0);
  assertEquals(paths, ["POST /v1/nodes/2/restart", "POST /v1/nodes/1/restart"]);
  assertEquals(out, "Node 2 is restarted\nNode 1 is restarted\n");
});

Deno.test("restart --pending lowers the primary first, then the standbys", async () => {
  const lowers = ["max_connections"];
  const { code, paths, out } = await orders(["restart", "--pending"], [
    { id: 1, role: "primary", pending: lowers },
    { id: 2, lowers },
    { id: 3, lowers },
  ]);
  assertEquals(code, 0);
  assertEquals(paths.map((path) => path.split("/")[3]), ["1", "2", "3"]);
  assertEquals(
    out,
    "Node 1 is restarted\nNode 2 is restarted\nNode 3 is restarted\n",
  );
});

Deno.test("restart --all takes everybody, the primary last", async () => {
  const { paths } = await orders(["restart", "--all"]);
  assertEquals(paths.map((path) => path.split("/")[3]), ["2", "3", "1"]);
});

Deno.test("reload, reinit and maintenance ask the node that is named", async () => {
  const cases: [string[], string][] = [
    [["reload", "2"], "POST /v1/nodes/2/reload"],
    [["reinit", "3", "--yes"], "POST /v1/nodes/3/reinit"],
    [["maintenance", "2", "on"], "PUT /v1/nodes/2/maintenance"],
  ];
  for (const [line, path] of cases) {
    const { code, paths } = await orders(line);
    assertEquals([code, paths], [0, [path]]);
  }
});

Deno.test("reinit tells how far the copy is until the node streams again", async () => {
  const states = [
    { state: "cloning", copy: { done_bytes: 1, total_bytes: 4 } },
    { state: "cloning", copy: { done_bytes: 26, total_bytes: 100 } },
    { state: "cloning", copy: { done_bytes: 3, total_bytes: 4 } },
    { state: "streaming", copy: null },
  ];
  let looks = 0;
  const { code, err } = await ctl(["reinit", "2", "--yes"], ({ method }) => {
    if (method !== "GET") return Response.json({ id: 2, order: 1 });
    const now = states[Math.min(looks++, states.length - 1)];
    const state = looks < states.length ? "under way" : "done";
    return Response.json({
      members: [{ id: 2, kind: "data", ...now, order: { number: 1, state } }],
    });
  });
  assertEquals(code, 0);
  assertEquals(
    err,
    ["cloning 25 %", "cloning 75 %", "streaming"].map((state) =>
      `pgraft: Node 2: ${state}\n`
    ).join(""),
  );
});

Deno.test("what a node refuses is told with its reason", async () => {
  const { code, err } = await ctl(
    ["reinit", "2", "--yes"],
    cluster(THREE, "It is the primary"),
  );
  assertEquals(code, 1);
  assertStringIncludes(err, "Node 2 refuses: It is the primary");
});

const wrong: string[][] = [
  ["restart"],
  ["restart", "2", "--all"],
  ["restart", "--all", "--pending"],
  ["reload"],
  ["maintenance", "2", "maybe"],
  ["reinit", "2"],
];

for (const line of wrong) {
  Deno.test(`ctl ${line.join(" ")} exits 2 and asks for nothing`, async () => {
    const { code, paths } = await orders(line);
    assertEquals([code, paths], [2, []]);
  });
}
