import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { freePort } from "../../base/mod.ts";
import { type Answer, problem, runMain, standIn } from "../test_support.ts";

const GET = ["kv", "get", "k"];
const PUT = ["kv", "put", "k", "v"];
const ADD = ["nodes", "add", "4", "h:1", "--incarnation", "1"];

/** The first answers with a problem, all others with this. */
function after(
  times: number,
  refusal: () => Response,
  answer: unknown = { value: "v" },
): Answer {
  return (_seen, count) => count <= times ? refusal() : Response.json(answer);
}

const repeated: Array<[string, string[], () => Response]> = [
  ["a read without a leader", GET, () => problem(503, "not_leader")],
  ["a read without a quorum", GET, () => problem(503, "no_quorum")],
  ["a read of unknown outcome", GET, () => problem(504, "outcome_unknown")],
  ["a read of a busy node", GET, () => problem(429, "busy")],
  [
    "a read that something before the node refused",
    GET,
    () => new Response("bad gateway", { status: 502 }),
  ],
  ["a change without a leader", PUT, () => problem(503, "not_leader")],
  ["a change of unknown outcome", PUT, () => problem(504, "outcome_unknown")],
  ["a change while the node stops", PUT, () => problem(503, "stopping")],
  [
    "a change of members without a leader",
    ADD,
    () => problem(503, "not_leader"),
  ],
];

for (const [name, line, refusal] of repeated) {
  Deno.test(`ctl repeats ${name}, under the same key`, async () => {
    await using node = standIn(after(2, refusal));
    const { code } = await runMain(["ctl", "--api", node.api, ...line]);
    const keys = node.seen.map(({ headers }) => headers.get("idempotency-key"));

    assertEquals([code, node.seen.length], [0, 3]);
    assertEquals(new Set(keys).size, 1);
    assertEquals(keys[0] === null, line === GET);
  });
}

const final: Array<[string, string[], () => Response, number, string]> = [
  [
    "a missing key",
    GET,
    () => problem(404, "not_found"),
    1,
    "Detail of not_found (not_found)",
  ],
  [
    "a missing token",
    GET,
    () => problem(401, "unauthorized"),
    1,
    "--token-file",
  ],
  [
    "a compare-and-set that did not match",
    PUT,
    () => problem(412, "precondition_failed", { current: { value: "x" } }),
    1,
    'There is {"value":"x"}',
  ],
  [
    "a change of members of unknown outcome",
    ADD,
    () => problem(504, "outcome_unknown"),
    4,
    "look before you repeat it",
  ],
  [
    "a change of members while the node stops",
    ADD,
    () => problem(503, "stopping"),
    1,
    "Detail of stopping",
  ],
  [
    "what is no API",
    GET,
    () => new Response("<html>", { status: 404 }),
    1,
    "no explanation (404)",
  ],
];

for (const [name, line, refusal, code, words] of final) {
  Deno.test(`ctl does not repeat ${name}, and exits ${code}`, async () => {
    await using node = standIn(() => refusal());
    const ended = await runMain(["ctl", "--api", node.api, ...line]);

    assertEquals([ended.code, ended.out, node.seen.length], [code, "", 1]);
    assertStringIncludes(ended.err, words);
  });
}

const exhausted: Array<[string, string[], () => Response, number]> = [
  ["no leader", GET, () => problem(503, "not_leader"), 3],
  ["no quorum for a change", PUT, () => problem(503, "no_quorum"), 3],
  [
    "an unknown outcome of a change",
    PUT,
    () => problem(504, "outcome_unknown"),
    4,
  ],
  [
    "an unknown outcome of a read",
    GET,
    () => problem(504, "outcome_unknown"),
    4,
  ],
];

for (const [name, line, refusal, code] of exhausted) {
  Deno.test(`ctl gives up at --timeout with ${name}, and exits ${code}`, async () => {
    await using node = standIn(() => refusal());
    const ended = await runMain([
      "ctl",
      "--api",
      node.api,
      "-t",
      "0.2",
      ...line,
    ]);

    assertEquals(ended.code, code);
    assert(node.seen.length > 1);
  });
}

Deno.test("ctl names the leader, the node that spoke and the request", async () => {
  await using node = standIn(() =>
    problem(503, "not_leader", { leader: { id: 2, api: "10.0.0.2:8008" } })
  );
  const { err } = await runMain(["ctl", "--api", node.api, "-t0.1", ...GET]);

  assertStringIncludes(err, "Node 2 leads; try --api 10.0.0.2:8008");
  assertStringIncludes(err, `Said by ${node.api}, request c0ffee`);
});

Deno.test("ctl tells once that it is trying on, unless --quiet", async () => {
  for (const [flags, times] of [[[], 1], [["-q"], 0]] as const) {
    await using node = standIn(after(3, () => problem(503, "no_quorum")));
    const { err } = await runMain(["ctl", "--api", node.api, ...flags, ...GET]);

    assertEquals(err.split("trying on").length - 1, times);
  }
});

/** Takes connections and answers nothing. */
async function withSilence<T>(run: (api: string) => Promise<T>): Promise<T> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: freePort() });
  try {
    return await run(`127.0.0.1:${listener.addr.port}`);
  } finally {
    listener.close();
  }
}

Deno.test("ctl exits 4 when nobody answers a read in time", async () => {
  await withSilence(async (api) => {
    const { code, err } = await runMain(["ctl", "--api", api, "-t0.2", ...GET]);

    assertEquals(code, 4);
    assertStringIncludes(err, "No node answered within 200ms");
    assertStringIncludes(err, api);
  });
});

Deno.test("ctl exits 4 when nobody answers a change in time, and says what that means", async () => {
  await withSilence(async (api) => {
    const { code, err } = await runMain(["ctl", "--api", api, "-t0.2", ...ADD]);

    assertEquals(code, 4);
    assertStringIncludes(err, "not known whether this happened");
  });
});

/** Breaks every connection once a request has come, and counts them. */
async function withBreaking<T>(
  run: (api: string) => Promise<T>,
): Promise<number> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: freePort() });
  let count = 0;
  const breaking = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4096));
      count += 1;
      connection.close();
    }
  })();
  try {
    await run(`127.0.0.1:${listener.addr.port}`);
  } finally {
    listener.close();
    await breaking;
  }
  return count;
}

Deno.test("ctl sends a change of members once when the connection breaks, and exits 4", async () => {
  const count = await withBreaking(async (api) => {
    const { code, err } = await runMain(["ctl", "--api", api, ...ADD]);

    assertEquals(code, 4);
    assertStringIncludes(err, "not known whether this happened");
  });

  assertEquals(count, 1);
});

Deno.test("ctl repeats a change with a key when the connection breaks", async () => {
  const count = await withBreaking(async (api) => {
    const { code } = await runMain(["ctl", "--api", api, "-t0.2", ...PUT]);

    assertEquals(code, 4);
  });

  assert(count > 1);
});

Deno.test("ctl goes on to the next address when the first is dead", async () => {
  await using node = standIn(() => Response.json({ value: "v" }));
  const api = `127.0.0.1:${freePort()},${node.api}`;
  const { code } = await runMain(["ctl", "--api", api, ...GET]);

  assertEquals([code, node.seen.length], [0, 1]);
});

Deno.test("ctl stays with the node that answered", async () => {
  await using first = standIn(() => problem(503, "no_quorum"));
  await using second = standIn(({ path }) =>
    Response.json(
      path === "/v1/cluster" ? { leader_id: 1, has_quorum: true } : {},
    )
  );
  const api = `${first.api},${second.api}`;
  const { code } = await runMain(["ctl", "--api", api, "status"]);

  assertEquals([code, first.seen.length, second.seen.length], [0, 1, 2]);
});

Deno.test("ctl goes on to the next address when the first is silent", async () => {
  await withSilence(async (silent) => {
    await using node = standIn(() => Response.json({ value: "v" }));
    const line = ["ctl", "--api", silent, "--api", node.api, "-t", "1", ...GET];
    const { code, out } = await runMain(line);

    assertEquals([code, out], [0, "v"]);
  });
});

Deno.test("ctl takes the addresses of the environment", async () => {
  await using node = standIn(() => Response.json({ value: "v" }));
  const { code } = await runMain(["ctl", ...GET], {
    env: { PGRAFT_API: node.api },
  });

  assertEquals([code, node.seen.length], [0, 1]);
});

Deno.test("ctl shows the token of a file, and refuses one that others can read", async () => {
  await using node = standIn(() => Response.json({ value: "v" }));
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "token-of-sixteen-or-more\n");
    await Deno.chmod(path, 0o600);
    const line = ["ctl", "--api", node.api, "--token-file", path, ...GET];
    assertEquals((await runMain(line)).code, 0);
    const { headers } = node.seen[0] ?? {};
    assertEquals(
      headers?.get("authorization"),
      "Bearer token-of-sixteen-or-more",
    );

    await Deno.chmod(path, 0o644);
    const refused = await runMain(line);
    assertEquals([refused.code, node.seen.length], [1, 1]);
    assertStringIncludes(refused.err, "chmod 600");
    assertEquals(refused.err.includes("sixteen"), false);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("ctl shows no token where none is given", async () => {
  await using node = standIn(() => Response.json({ value: "v" }));
  await runMain(["ctl", "--api", node.api, ...GET]);

  assertEquals(node.seen[0]?.headers.has("authorization"), false);
});

Deno.test("ctl does not follow a node to another place", async () => {
  await using other = standIn(() => Response.json({ value: "v" }));
  await using node = standIn(() =>
    new Response(null, {
      status: 307,
      headers: { location: `http://${other.api}/v1/kv/k` },
    })
  );
  const { code } = await runMain(["ctl", "--api", node.api, ...GET]);

  assertEquals([code, other.seen.length], [1, 0]);
});

Deno.test("Ctrl-C ends a call with 130", async () => {
  await withSilence(async (api) => {
    const stopped = runMain(["ctl", "--api", api, "log", "tail"], {
      onListen: (interrupt) => queueMicrotask(interrupt),
    });
    const { code, err } = await stopped;

    assertEquals(code, 130);
    assertStringIncludes(err, "Interrupted");
  });
});
