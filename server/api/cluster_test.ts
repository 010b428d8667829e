import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Json, withNode } from "./api_test_kit.ts";

Deno.test("a node shows itself, its cluster and its members", () =>
  withNode(async ({ ask, api }) => {
    const status = (await ask("GET", "/v1/status")).body;
    const { raft, uptime_ms, raft_address, incarnation: own, ...rest } = status;
    assertEquals(rest, {
      id: 1,
      name: "node1",
      version: "1.2.3",
      cluster: "pgraft_cluster",
      state: "running",
      waiting_for: null,
      server_log: null,
      disk_full: false,
      api,
    });
    assert(Number(uptime_ms) >= 0);
    assertEquals(Object.keys(raft as Json), [
      "role",
      "term",
      "leader_id",
      "commit_index",
      "applied_index",
      "last_index",
      "durable_index",
      "first_index",
      "snapshot_index",
      "log_bytes",
      "configuration_index",
    ]);

    const { members, term, ...cluster } =
      (await ask("GET", "/v1/cluster")).body;
    assertEquals(cluster, {
      name: "pgraft_cluster",
      leader_id: 1,
      has_quorum: true,
      paused: false,
      primary: null,
      sync: null,
    });
    assert(Number(term) > 0);
    assertEquals(members, [{
      id: 1,
      name: "node1",
      kind: "witness",
      role: "none",
      state: "running",
      raft: "leader",
      raft_address,
      api,
      last_contact_ms: 0,
      tags: {},
    }]);

    const nodes = (await ask("GET", "/v1/nodes")).body;
    assertEquals(nodes.configuration_index, 1);
    const [node] = nodes.nodes as Json[];
    assert(node);
    const { incarnation, match_index, ...shown } = node;
    assertEquals(incarnation, own);
    assert(Number(incarnation) > 0 && Number(match_index) > 0);
    assertEquals(shown, {
      id: 1,
      name: "node1",
      role: "voter",
      raft_address,
      api,
      version: "1.2.3",
      leader: true,
      last_contact_ms: 0,
      active: true,
    });
    const one = (await ask("GET", "/v1/nodes/1")).body;
    assertEquals([one.id, one.incarnation], [1, incarnation]);
    assertEquals((await ask("GET", "/v1/nodes/2")).body.code, "not_found");
  }));

Deno.test("members are added, promoted and removed as far as the group bears it", () =>
  withNode(async ({ ask }) => {
    const learner = {
      id: 2,
      incarnation: 7,
      raft_address: "127.0.0.1:8",
      role: "learner",
    };
    const stale = { ...learner, expected_configuration_index: 99 };
    assertEquals((await ask("POST", "/v1/nodes", stale)).body.code, "conflict");
    const added = await ask("POST", "/v1/nodes", learner);
    assertEquals([added.status, added.body], [201, { id: 2, added: true }]);
    const { body } = await ask("GET", "/v1/nodes/2");
    assertEquals([body.role, body.name], ["learner", "node2"]);
    const other = { ...learner, incarnation: 8 };
    assertEquals((await ask("POST", "/v1/nodes", other)).body.code, "conflict");

    // It never caught up.
    const promoted = await ask("POST", "/v1/nodes/2/promote", {});
    assertEquals([promoted.status, promoted.body.code], [409, "conflict"]);
    const target = await ask("POST", "/v1/transfer", { target: 2 });
    assert(target.status >= 409, JSON.stringify(target.body));

    const removed = await ask("DELETE", "/v1/nodes/2");
    assertEquals([removed.status, removed.body], [200, {
      id: 2,
      removed: true,
    }]);
    assertEquals((await ask("GET", "/v1/nodes/2")).status, 404);
    for (
      const [method, path] of [["DELETE", "/v1/nodes/2"], [
        "POST",
        "/v1/nodes/2/promote",
      ]] as const
    ) {
      const gone = await ask(method, path, method === "POST" ? {} : undefined);
      assertEquals([gone.status, gone.body.code], [404, "not_found"]);
    }
    const last = await ask("DELETE", "/v1/nodes/1");
    assertEquals([last.status, last.body.code], [409, "conflict"]);
    assertEquals((await ask("PUT", "/v1/kv/a", { value: "1" })).status, 200);
  }));

Deno.test("an election and a snapshot can be asked for; a node alone has nobody to hand over to", () =>
  withNode(async ({ ask }) => {
    const election = await ask("POST", "/v1/election", {});
    assertEquals([election.status, election.body.leader_id], [200, 1]);
    const transfer = await ask("POST", "/v1/transfer", {});
    assertEquals([transfer.status, transfer.body.code], [409, "conflict"]);
    await ask("PUT", "/v1/kv/a", { value: "1" });
    const snapshot = await ask("POST", "/v1/snapshot", {});
    assertEquals([snapshot.status, snapshot.body], [202, { started: true }]);
  }));

Deno.test("malformed orders are refused, and name their field", () =>
  withNode(async ({ ask }) => {
    const node = { id: 2, incarnation: 7, raft_address: "127.0.0.1:8" };
    const cases: [
      method: string,
      path: string,
      body: unknown,
      detail: RegExp,
    ][] = [
      ["POST", "/v1/nodes", {}, /id: .*incarnation: .*raft_address: /],
      ["POST", "/v1/nodes", { ...node, id: 1001 }, /^id: /],
      ["POST", "/v1/nodes", { ...node, role: "boss" }, /^role: /],
      ["POST", "/v1/nodes", { ...node, raft_address: "" }, /^raft_address: /],
      [
        "POST",
        "/v1/nodes",
        { ...node, raft_address: "nowhere" },
        /^raft_address: /,
      ],
      [
        "POST",
        "/v1/nodes",
        { ...node, raft_address: "10.0.0.4:10080" },
        /^raft_address: .*a port that clients of HTTP refuse/,
      ],
      ["DELETE", "/v1/nodes/0", undefined, /^id: /],
      ["DELETE", "/v1/nodes/x", undefined, /^id: /],
      ["DELETE", "/v1/nodes/2?force=maybe", undefined, /^force: /],
      ["GET", "/v1/nodes/x", undefined, /^id: /],
      ["POST", "/v1/transfer", { target: "2" }, /^target: /],
      ["POST", "/v1/transfer", { to: 2 }, /to/],
      ["POST", "/v1/election", { id: 1 }, /id/],
      ["POST", "/v1/snapshot", { now: true }, /now/],
    ];
    for (const [method, path, body, detail] of cases) {
      const answer = await ask(method, path, body);
      assertEquals(
        [answer.status, answer.body.code],
        [400, "bad_request"],
        path,
      );
      assertMatch(String(answer.body.detail), detail);
    }
  }));
