import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { MAX_MEMBERS, type NodeId } from "../core/mod.ts";
import { RaftError, type RaftErrorCode } from "../errors.ts";
import { createMemoryLogStore, createMemoryNetwork } from "../memory/mod.ts";
import type { RaftOperation, RaftOperationKind } from "../ports.ts";
import { createKvMachine } from "../machines/mod.ts";
import { createRaftServer } from "./server.ts";
import {
  followerOf,
  type GroupSettings,
  has,
  keysOf,
  leaderOf,
  memoryStores,
  put,
  putAll,
  raftError,
  stopAll,
  until,
  withGroup,
} from "./group_test_kit.ts";
import type { NewMember, RaftServer, RaftServerOptions } from "./types.ts";

/** As the driver bounds it. */
const MAX_PENDING_PROPOSALS = 8192;

const settings = (size = 3): GroupSettings => ({
  size,
  storeOf: memoryStores(),
});

async function assertRefused(
  work: Promise<unknown>,
  code: RaftErrorCode,
  says: RegExp,
): Promise<RaftError> {
  const error = await raftError(work);
  assertEquals(error.code, code, error.message);
  assertMatch(error.message, says);
  return error;
}

function member(id: NodeId, incarnation = 7): NewMember {
  return { id, incarnation, address: "" };
}

Deno.test("proposeOperation() without forwarding names the leader", async () => {
  await withGroup(settings(), async (group) => {
    const leader = await leaderOf(group);
    const { server } = await followerOf(group);

    const work = server.proposeOperation(put("k"), { forward: false });

    const error = await assertRefused(work, "not_leader", /send .* leader/);
    assertEquals(error.leader, { id: leader.id, address: "" });
    assertEquals(has(leader, "k"), false);
  });
});

Deno.test("changes and transfers on a follower name the leader", async () => {
  await withGroup(settings(), async (group) => {
    const { id } = await leaderOf(group);
    const { server } = await followerOf(group);
    for (
      const work of [
        server.addMember(member(4)),
        server.removeMember(1),
        server.setLeaseReads(true),
        server.transferLeadership(),
      ]
    ) {
      const error = await assertRefused(work, "not_leader", /ask the leader/);
      assertEquals(error.leader?.id, id);
    }
  });
});

Deno.test("a proposal that no leader takes ends as no_quorum, and is applied nowhere", async () => {
  await withGroup(settings(), async (group) => {
    const { id } = await leaderOf(group);
    const cutOff = await followerOf(group);
    group.network.isolate(cutOff.id, true);
    await until(
      group,
      "no leader",
      () => cutOff.server.status().leaderId === 0,
    );

    const work = cutOff.server.proposeOperation(put("k"), { timeoutMs: 100 });
    await assertRefused(work, "no_quorum", /nothing happened/);

    group.network.isolate(cutOff.id, false);
    const leader = await leaderOf(group);
    await putAll(leader, ["after"]);
    await cutOff.server.read(() => null);
    assertEquals(has(cutOff, "k"), false, `after ${id} led`);
  });
});

Deno.test("a proposal in the log of a leader that is cut off ends as outcome_unknown", async () => {
  await withGroup(settings(), async (group) => {
    const leader = await leaderOf(group);
    await putAll(leader, ["before"]);
    group.network.isolate(leader.id, true);

    const work = leader.server.proposeOperation(put("k"), { timeoutMs: 100 });

    await assertRefused(work, "outcome_unknown", /may be applied yet/);
  });
});

Deno.test("a change in the log of a leader that is cut off ends as outcome_unknown", async () => {
  await withGroup(settings(), async (group) => {
    const leader = await leaderOf(group);
    await putAll(leader, ["before"]);
    group.network.isolate(leader.id, true);

    const work = leader.server.addMember(member(4), { timeoutMs: 100 });

    await assertRefused(work, "outcome_unknown", /look at the members/);
  });
});

Deno.test("one proposal too many is refused as busy, and those before it are kept", async () => {
  await withGroup(settings(1), async (group) => {
    const { server } = await leaderOf(group);
    const keys = keysOf("k", MAX_PENDING_PROPOSALS);

    const taken = keys.map((key) => server.proposeOperation(put(key)));
    const tooMany = server.proposeOperation(put("one too many"));

    await assertRefused(tooMany, "busy", /try again/);
    await Promise.all(taken);
    await server.proposeOperation(put("now it fits"));
  });
});

Deno.test("an operation over the limit is refused on any node, one at the limit is applied", async () => {
  const cluster = { maxEntrySizeBytes: 1000 };
  await withGroup({ ...settings(), cluster }, async (group) => {
    const follower = await followerOf(group);
    const { server } = follower;
    const fits = put("key", "v".repeat(1000 - put("key", "").data.length - 1));
    assertEquals(fits.data.length, 1000);
    const tooLarge: RaftOperation = {
      kind: "custom",
      data: new Uint8Array(1001),
    };

    await assertRefused(
      server.proposeOperation(tooLarge),
      "too_large",
      /1001 bytes exceeds the limit of 1000; split it/,
    );
    await server.proposeOperation(fits);

    assertEquals(has(follower, "key"), true);
  });
});

Deno.test("an operation of no known kind is refused, and the node goes on", async () => {
  await withGroup(settings(1), async (group) => {
    const leader = await leaderOf(group);
    const kind: RaftOperationKind = JSON.parse('"no such kind"');
    const work = leader.server.proposeOperation({ ...put("k"), kind });
    await assertRefused(work, "bad_call", /"no such kind" is unknown; choose/);
    await putAll(leader, ["after"]);
  });
});

Deno.test("changes of membership that make no sense are refused, and change nothing", async () => {
  await withGroup(settings(), async (group) => {
    const leader = await leaderOf(group);
    await putAll(leader, ["the term is open"]);
    const { server } = leader;
    const before = server.status();

    const table: readonly (readonly [() => Promise<void>, RegExp])[] = [
      [() => server.addMember(member(1)), /id exists; remove it first/],
      [() => server.addMember(member(0)), /not a whole number from 1 to 1000/],
      [() => server.addMember(member(1.5)), /not a whole number/],
      [() => server.addMember(member(4, 0)), /initialize\(\) tells/],
      [() => server.removeMember(9), /no member has this id; look/],
      [() => server.promoteMember(9), /no member has this id/],
      [() => server.promoteMember(1), /votes already/],
      [() => server.moveMember(9, "x"), /no member has this id/],
      [() => server.removeMember(2, { expectedIndex: 999 }), /decide anew/],
      [() => server.transferLeadership(9), /name one that is alive/],
    ];
    for (const [call, says] of table) {
      await assertRefused(call(), "membership", says);
    }

    assertEquals(server.status().configuration, before.configuration);
    assertEquals(server.status().lastIndex, before.lastIndex);
  });
});

Deno.test("of two changes at once the second is refused", async () => {
  await withGroup(settings(), async (group) => {
    const leader = await leaderOf(group);
    await putAll(leader, ["the term is open"]);

    const first = leader.server.addMember({ ...member(4), role: "learner" });
    const second = leader.server.addMember({ ...member(5), role: "learner" });

    await assertRefused(second, "membership", /another change is under way/);
    await first;
    const ids = leader.server.status().members.map(({ id }) => id);
    assertEquals(ids, [1, 2, 3, 4]);
  });
});

Deno.test("removeMember() does not leave the leader with a dead majority", async () => {
  await withGroup(settings(), async (group) => {
    const leader = await leaderOf(group);
    await putAll(leader, ["the term is open"]);
    const [first, second] = [...group.nodes.values()]
      .filter((node) => node !== leader);
    await second?.server.stop();
    await until(
      group,
      "the leader sees it",
      () => leader.server.status().members.some(({ gone }) => gone),
    );

    const work = leader.server.removeMember(first?.id ?? 0);
    await assertRefused(work, "membership", /bring one back first/);
  });
});

Deno.test("a group takes as many members as it can, and refuses one more", async () => {
  await withGroup(settings(1), async (group) => {
    const { server } = await leaderOf(group);
    await server.proposeOperation(put("the term is open"));
    const learner = (id: NodeId): NewMember => ({
      ...member(id),
      role: "learner",
    });
    for (let id = 2; id <= MAX_MEMBERS; id++) {
      await server.addMember(learner(id));
    }
    const work = server.addMember(learner(MAX_MEMBERS + 1));
    await assertRefused(work, "membership", /31 already; remove one first/);
  });
});

Deno.test("stop() ends every call that waits, and refuses every later one", async () => {
  await withGroup(settings(), async (group) => {
    const leader = await leaderOf(group);
    await putAll(leader, ["the term is open"]);
    group.network.isolate(leader.id, true);
    const { server } = leader;
    const timeoutMs = 60_000;
    const waiting = [
      server.proposeOperation(put("k"), { timeoutMs }),
      server.read(() => null, { timeoutMs }),
      server.addMember(member(4), { timeoutMs }),
      server.transferLeadership(0, { timeoutMs }),
    ].map(raftError);

    await server.stop({ handOver: false });

    for (const error of await Promise.all(waiting)) {
      assertEquals(error.code, "stopped");
      assertMatch(error.message, /make another on its store/);
    }
    for (
      const call of [
        server.proposeOperation(put("k")),
        server.read(() => null),
        server.read(() => null, { consistency: "stale" }),
        server.removeMember(1),
        server.transferLeadership(),
      ]
    ) {
      await assertRefused(call, "stopped", /ask another member/);
    }
    assertThrows(() => server.status(), RaftError);
    await server.stop();
  });
});

/** A node that belongs to no group yet. */
function loneServer(
  id: NodeId = 1,
  cluster: Partial<RaftServerOptions["cluster"]> = {},
  options: Partial<RaftServerOptions> = {},
): RaftServer {
  return createRaftServer({
    id,
    cluster: { clusterId: "test", ...cluster },
    stateMachine: createKvMachine(),
    store: createMemoryLogStore(),
    transport: createMemoryNetwork().transport(id),
    ...options,
  });
}

Deno.test("createRaftServer() refuses a configuration that does not fit together", () => {
  const address = "";
  const table: readonly (readonly [() => unknown, RegExp])[] = [
    [() => loneServer(0), /Member id 0 is not a whole number from 1 to 1000/],
    [() => loneServer(1001), /Member id 1001/],
    [() => loneServer(1, { clusterId: "" }), /id is empty; name it/],
    [() => loneServer(1, { heartbeatIntervalMs: 0 }), /must be above 0/],
    [() => loneServer(1, { electionTimeoutMs: 150 }), /at least twice/],
    [() => loneServer(1, { maxEntrySizeBytes: 0 }), /must be from 1 to/],
    [() => loneServer(1, { maxEntrySizeBytes: 2 ** 40 }), /must be from 1 to/],
    [() => loneServer(1, { snapshotDistance: -1 }), /0 for none/],
    [
      () =>
        loneServer(1, {
          nodeEndpoints: [{ id: 2, address }, { id: 2, address }],
        }),
      /Member id 2 is given twice/,
    ],
  ];
  for (const [call, says] of table) {
    const error = assertThrows(call, RaftError);
    assertEquals(error.code, "bad_call");
    assertMatch(error.message, says);
  }
});

Deno.test("bootstrap() refuses founding members that would never make a group", async () => {
  const learner = { ...member(1), role: "learner" } as const;
  const table: readonly (readonly [readonly NewMember[], RegExp])[] = [
    [[], /Node 1 is not among/],
    [[member(2)], /Node 1 is not among the founding members; add it/],
    [[member(1), member(1)], /Member id 1 is given twice/],
    [[member(1, 0)], /initialize\(\) tells/],
    [[learner], /make one a voter/],
  ];
  for (const [members, says] of table) {
    const server = loneServer();
    const { isEmpty } = await server.initialize();
    assertEquals(isEmpty, true);
    await assertRefused(server.bootstrap(members), "bad_call", says);
    await server.stop();
  }
});

Deno.test("calls in the wrong order are refused, and say what comes first", async () => {
  const server = loneServer();
  await assertRefused(server.proposeOperation(put("k")), "bad_call", /start/);
  await assertRefused(server.bootstrap([member(1)]), "bad_call", /founded/);
  const { identity } = await server.initialize();
  const founders = [member(1, identity.incarnation)];
  await server.bootstrap(founders);
  await assertRefused(
    server.bootstrap(founders),
    "bad_call",
    /cluster already/,
  );
  await server.start();
  await assertRefused(server.start(), "bad_call", /started before/);
  await assertRefused(server.initialize(), "bad_call", /before/);
  await server.stop();
});

Deno.test("start() refuses a machine that has applied entries in another life", async () => {
  await withGroup(settings(1), async (group) => {
    const used = await leaderOf(group);
    await putAll(used, ["k"]);
    await stopAll(group);

    const again = loneServer(1, {}, { stateMachine: used.machine });
    await assertRefused(again.start(), "bad_call", /give every start a new/);
    await again.stop();
  });
});

Deno.test("a store in memory refuses another cluster and another node", async () => {
  const store = createMemoryLogStore();
  await loneServer(1, {}, { store }).initialize();
  const others = [
    loneServer(1, { clusterId: "other" }, { store }),
    loneServer(2, {}, { store }),
  ];
  for (const server of others) {
    const work = server.initialize();
    await assertRefused(work, "bad_call", /node 1 of "test"; give each node/);
  }
});
