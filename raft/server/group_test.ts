import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  fileStores,
  followerOf,
  has,
  inDirectory,
  keysOf,
  leaderOf,
  memoryStores,
  nodeOf,
  put,
  putAll,
  raftError,
  restart,
  runs,
  stopAll,
  type TestGroup,
  type TestServer,
  until,
  withGroup,
} from "./group_test_kit.ts";

const three = (): {
  size: number;
  storeOf: ReturnType<typeof memoryStores>;
} => ({
  size: 3,
  storeOf: memoryStores(),
});

async function assertAlike(group: TestGroup): Promise<void> {
  const running = [...group.nodes.values()].filter(runs);
  const digests: number[] = [];
  for (const { server, machine } of running) {
    digests.push(await server.read(() => machine.digest()));
  }
  assertEquals(new Set(digests).size, 1, `digests ${digests}`);
}

function others(group: TestGroup, node: TestServer): TestServer[] {
  return [...group.nodes.values()].filter((other) => other !== node);
}

Deno.test("RaftServer elects one leader, whom all members name", async () => {
  await withGroup(three(), async (group) => {
    const leader = await leaderOf(group);

    const roles = [...group.nodes.values()]
      .map(({ server }) => server.status().role).sort();
    assertEquals(roles, ["follower", "follower", "leader"]);
    assertEquals(leader.server.status().members.length, 3);
  });
});

Deno.test("proposeOperation() on a follower is handed to the leader, and answered once applied there", async () => {
  await withGroup(three(), async (group) => {
    const follower = await followerOf(group);

    const [applied] = await putAll(follower, ["forwarded"]);

    assert(has(follower, "forwarded"));
    assertGreater(applied?.index ?? 0, 1);
    await assertAlike(group);
  });
});

Deno.test("read() on a follower sees what was acknowledged on the leader before", async () => {
  await withGroup(three(), async (group) => {
    const leader = await leaderOf(group);
    const follower = await followerOf(group);
    for (const key of keysOf("k", 50)) {
      await putAll(leader, [key]);
      assert(await follower.server.read(() => has(follower, key)), key);
    }
  });
});

Deno.test("read() passes on what the query throws, and the node goes on", async () => {
  await withGroup(three(), async (group) => {
    const leader = await leaderOf(group);
    const thrown = new TypeError("the query is wrong");

    const seen = await leader.server.read(() => {
      throw thrown;
    }).catch((error) => error);

    assertEquals(seen, thrown);
    await putAll(leader, ["after"]);
  });
});

Deno.test("transferLeadership() ends when the target leads", async () => {
  await withGroup(three(), async (group) => {
    const leader = await leaderOf(group);
    const follower = await followerOf(group);

    await leader.server.transferLeadership(follower.id);

    assertEquals(leader.server.status().leaderId, follower.id);
    await until(
      group,
      "the target leads",
      () => follower.server.status().role === "leader",
    );
    await putAll(leader, ["after"]);
  });
});

Deno.test("forceElection() on a follower makes it the leader", async () => {
  await withGroup(three(), async (group) => {
    const follower = await followerOf(group);

    follower.server.forceElection();

    await until(
      group,
      "it leads",
      () => follower.server.status().role === "leader",
    );
  });
});

Deno.test("stop() of a leader hands leadership over, and the others go on", async () => {
  await withGroup(three(), async (group) => {
    const leader = await leaderOf(group);
    await putAll(leader, keysOf("before", 10));

    await leader.server.stop();

    assertEquals(await leader.server.stopped, null);
    const rest = others(group, leader).map(({ id }) => id);
    const next = await leaderOf(group, rest);
    await putAll(next, keysOf("after", 10));
    for (const key of keysOf("before", 10)) assert(has(next, key), key);
  });
});

Deno.test("a leader that dies is replaced, and comes back without losing anything", async () => {
  await withGroup(three(), async (group) => {
    const leader = await leaderOf(group);
    const rest = others(group, leader).map(({ id }) => id);
    await putAll(leader, keysOf("before", 20));

    await leader.server.stop({ handOver: false });
    const next = await leaderOf(group, rest);
    await putAll(next, keysOf("without", 20));
    const back = await restart(group, leader.id);

    const keys = [...keysOf("before", 20), ...keysOf("without", 20)];
    await until(
      group,
      "it catches up",
      () => keys.every((key) => has(back, key)),
    );
    await assertAlike(group);
  });
});

Deno.test("an isolated leader refuses reads and names no leader, the others go on, and it catches up", async () => {
  await withGroup(three(), async (group) => {
    const leader = await leaderOf(group);
    await putAll(leader, ["before"]);
    group.network.isolate(leader.id, true);

    const read = leader.server.read(() => null, { timeoutMs: 1000 });
    assertEquals((await raftError(read)).code, "no_quorum");
    await until(
      group,
      "no leader",
      () => leader.server.status().leaderId === 0,
    );
    const rest = others(group, leader).map(({ id }) => id);
    const next = await leaderOf(group, rest);
    await putAll(next, ["meanwhile"]);
    assertEquals(has(leader, "meanwhile"), false);
    const stale = await leader.server.read(() => has(leader, "before"), {
      consistency: "stale",
    });
    assert(stale);

    group.network.isolate(leader.id, false);
    await until(group, "it catches up", () => has(leader, "meanwhile"));
    await assertAlike(group);
  });
});

Deno.test("members are added as learners, become voters, and are removed again", async () => {
  await withGroup(three(), async (group) => {
    const leader = await leaderOf(group);
    await putAll(leader, keysOf("k", 100));
    const added = await restart(group, 4);
    const { incarnation } = added.server.status();

    await leader.server.addMember({ id: 4, incarnation, address: "four" });
    await until(
      group,
      "4 votes",
      () =>
        added.server.status().members.some(({ id, role, address }) =>
          id === 4 && role === "voter" && address === "four"
        ),
    );
    await until(
      group,
      "4 has everything",
      () => keysOf("k", 100).every((key) => has(added, key)),
    );
    await until(group, "the change is over", () => {
      const { commitIndex, configurationIndex } = leader.server.status();
      return commitIndex >= configurationIndex;
    });

    await leader.server.moveMember(4, "elsewhere");
    await leader.server.removeMember(4);
    const ids = leader.server.status().members.map(({ id }) => id);
    assertEquals(ids, [1, 2, 3]);
    await putAll(leader, ["after"]);
  });
});

Deno.test("promoteMember() makes a voter of a learner that stayed one", async () => {
  await withGroup(three(), async (group) => {
    const leader = await leaderOf(group);
    await putAll(leader, ["the term is open"]);
    const added = await restart(group, 4);
    const { incarnation } = added.server.status();
    const member = {
      id: 4,
      incarnation,
      address: "",
      role: "learner",
    } as const;

    await leader.server.addMember(member);
    await putAll(leader, ["x"]);
    await until(group, "4 has it", () => has(added, "x"));
    assertEquals(roleOf(leader, 4), "learner");
    // The leader hears of it a message later.
    await until(group, "the leader knows", () => {
      const { members, commitIndex } = leader.server.status();
      return members.some(({ id, matchIndex }) =>
        id === 4 && matchIndex === commitIndex
      );
    });
    await leader.server.promoteMember(4, "witness");

    assertEquals(roleOf(leader, 4), "witness");
  });
});

function roleOf({ server }: TestServer, id: number): string | undefined {
  return server.status().members.find((member) => member.id === id)?.role;
}

Deno.test("removeMember() of the leader itself hands leadership over", async () => {
  await withGroup(three(), async (group) => {
    const leader = await leaderOf(group);
    const rest = others(group, leader).map(({ id }) => id);
    await putAll(leader, ["the term is open"]);

    await leader.server.removeMember(leader.id);

    const next = await leaderOf(group, rest);
    assertEquals(next.server.status().members.map(({ id }) => id), rest);
    await putAll(next, ["after"]);
  });
});

Deno.test("all nodes restart over files with everything that was acknowledged", async () => {
  await inDirectory(async (path) => {
    const settings = {
      size: 3,
      storeOf: fileStores(path),
      cluster: { snapshotDistance: 40 },
    };
    await withGroup(settings, async (group) => {
      const keys = keysOf("k", 250);
      await putAll(await leaderOf(group), keys);
      const term = nodeOf(group, 1).server.status().term;

      for (let round = 0; round < 2; round++) {
        await stopAll(group);
        for (const id of [1, 2, 3]) await restart(group, id);
        const leader = await leaderOf(group);
        assertGreater(leader.server.status().term, term);
        await putAll(leader, [`round${round}`]);
        keys.push(`round${round}`);
        for (const node of group.nodes.values()) {
          await node.server.read(() => {
            for (const key of keys) assert(has(node, key), `${node.id} ${key}`);
          });
        }
        await assertAlike(group);
      }
      assertGreater(nodeOf(group, 1).server.status().snapshotIndex, 0);
    });
  });
});

for (const kind of ["memory", "files"] as const) {
  Deno.test(`a member that lags installs a snapshot while writes go on, over ${kind}`, async () => {
    await inDirectory(async (path) => {
      const storeOf = kind === "memory" ? memoryStores() : fileStores(path);
      const cluster = { snapshotDistance: 20 };
      await withGroup({ size: 3, storeOf, cluster }, async (group) => {
        const leader = await leaderOf(group);
        const lagging = await followerOf(group);
        group.network.isolate(lagging.id, true);
        await putAll(leader, keysOf("away", 150));
        const { lastIndex } = lagging.server.status();
        await until(
          group,
          "the leader's log to go on without it",
          () => leader.server.status().firstIndex > lastIndex + 1,
        );

        const writing = putAll(leader, keysOf("meanwhile", 200));
        group.network.isolate(lagging.id, false);
        await until(
          group,
          "the snapshot",
          () =>
            lagging.server.status().firstIndex > lastIndex + 1 &&
            has(lagging, "away99"),
        );
        await writing;
        await until(group, "it catches up", () => has(lagging, "meanwhile199"));
        await assertAlike(group);
      });
    });
  });
}

Deno.test("takeSnapshot() lets a node start from it", async () => {
  await withGroup({ ...three(), size: 1 }, async (group) => {
    const node = await leaderOf(group);
    await putAll(node, keysOf("k", 30));
    node.server.takeSnapshot();
    const index = await until(
      group,
      "the snapshot",
      () => node.server.status().snapshotIndex || null,
    );
    await putAll(node, ["after"]);
    await stopAll(group);

    const back = await restart(group, 1);
    assertEquals(back.server.status().snapshotIndex, index);
    await until(
      group,
      "all of it",
      () => [...keysOf("k", 30), "after"].every((key) => has(back, key)),
    );
  });
});

Deno.test("readLog() shows committed entries, and only those that are still there", async () => {
  await withGroup({ ...three(), size: 1 }, async (group) => {
    const { server } = await leaderOf(group);
    const { index } = await server.proposeOperation(put("k"));

    const indexes = server.readLog(index, 10).map((entry) => entry.index);
    assertEquals(indexes, [index]);
    assertEquals(server.readLog(index + 1, 10), []);
    assertEquals(server.readLog(1, 1)[0]?.kind, "configuration");
    assertEquals(server.readLog(-5, 1).length, 1);
  });
});
