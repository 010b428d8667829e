import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { present } from "../base/mod.ts";
import {
  type ClusterNode,
  startProcess,
  until,
  withCluster,
} from "./nodes/mod.ts";
import {
  membersOf,
  type MemberView,
  statusOf,
  unreadyReason,
  untilWritten,
  valueOf,
} from "./node_test_kit.ts";

const MAIN = join(import.meta.dirname ?? ".", "..", "main.ts");

async function untilMember(
  at: ClusterNode,
  id: number,
  holds: (member: MemberView) => boolean,
): Promise<MemberView> {
  return await until(async () => {
    const members = await membersOf(at);
    return members.find((member) => member.id === id && holds(member)) ?? null;
  }, { what: `node ${at.id} sees node ${id} as expected` });
}

Deno.test("a member whose disk was wiped comes back as a learner of a new incarnation and is promoted", () =>
  withCluster({}, async (cluster) => {
    const leader = await cluster.leader();
    const wiped = present(
      cluster.nodes.find((node) => node !== leader),
      "node",
    );
    valueOf(await leader.client.put("a", "kept"));
    const before = await untilMember(leader, wiped.id, () => true);

    await wiped.kill();
    await Deno.remove(wiped.directory, { recursive: true });
    wiped.restart();
    await wiped.ready();

    const after = await untilMember(
      leader,
      wiped.id,
      ({ role }) => role === "voter",
    );
    assert(after.incarnation !== before.incarnation);
    assertMatch(wiped.process().output(), /Joining a cluster/);
    const read = valueOf(await wiped.client.get("a"));
    assertEquals(read?.value, "kept");

    // Its vote counts: without the third member the two must be able to elect.
    const third = present(
      cluster.nodes.find((node) => node !== leader && node !== wiped),
      "node",
    );
    await third.kill();
    await until(
      async () => (await wiped.client.put("a", "2")).kind === "ok" || null,
      { what: "the two write" },
    );
    await wiped.terminate();
    wiped.restart();
    await wiped.ready();
    assertEquals((await membersOf(wiped)).length, 3);
  }));

Deno.test("a fourth node joins, is removed, says so, and takes no part any more", () =>
  withCluster({}, async (cluster) => {
    const leader = await cluster.leader();
    valueOf(await leader.client.put("a", "1"));
    const peers = cluster.nodes.map(({ raft }) => raft).join(",");

    const fourth = cluster.add(4, {
      "cluster-join": peers,
      "node-name": "late",
    });
    await fourth.ready();

    const member = await untilMember(
      leader,
      4,
      ({ role, name }) => role === "voter" && name === "late",
    );
    assertEquals(member.leader, false);
    assertEquals(valueOf(await fourth.client.get("a"))?.value, "1");
    valueOf(await fourth.client.put("a", "2"));

    valueOf(await fourth.client.request("DELETE", "/v1/nodes/4"));

    await until(
      async () => (await statusOf(fourth)).state === "removed" || null,
      { what: "the node knows that it was removed" },
    );
    assertMatch(
      await unreadyReason(fourth),
      /The node was removed from the cluster/,
    );
    assertMatch(
      (await statusOf(fourth)).waiting_for ?? "",
      /was removed; give it an empty directory and let it join/,
    );
    assertMatch(fourth.output(), /The node was removed/);
    const put = await fourth.client.put("a", "3", { timeoutMs: 10_000 });
    assert(put.kind === "refused", JSON.stringify(put));
    assertEquals((await membersOf(leader)).map(({ id }) => id), [1, 2, 3]);

    // Also after it was started again.
    assertEquals(await fourth.terminate(), 0);
    fourth.restart();
    await untilWritten(fourth, /The node was removed/);
    assertMatch(await unreadyReason(fourth), /removed/);
    assertEquals((await membersOf(leader)).map(({ id }) => id), [1, 2, 3]);
    assertEquals(await fourth.terminate(), 0);
  }));

Deno.test("a node with another secret, name or directory is turned away, and says why", () =>
  withCluster({}, async (cluster) => {
    const [one, two] = cluster.nodes;
    assert(one && two);
    const peers = cluster.nodes.map(({ raft }) => raft).join(",");
    const secret = join(one.directory, "..", "another-secret");
    await Deno.writeTextFile(secret, crypto.randomUUID(), { mode: 0o600 });

    const cases: [string, Record<string, string | null>, RegExp][] = [
      [
        "secret",
        { "cluster-secret-file": secret },
        /Asking \S+ to be let in: .*the secrets of the two differ/,
      ],
      [
        "name",
        { "cluster-name": "another" },
        /Asking \S+ to be let in: .*it belongs to another cluster/,
      ],
    ];
    for (const [at, [what, flags, pattern]] of cases.entries()) {
      const stranger = cluster.add(10 + at, {
        "cluster-join": peers,
        ...flags,
      });
      await untilWritten(stranger, pattern);
      const { state, waiting_for } = await statusOf(stranger);
      assertEquals(state, "joining", what);
      assertMatch(waiting_for ?? "", pattern);
      assertMatch(await unreadyReason(stranger), pattern);
      assertEquals(await stranger.terminate(), 0);
    }

    // A founding member hears the same.
    await two.kill();
    const members = cluster.nodes.slice(0, 3)
      .map(({ id, raft }) => `${id}@${raft}`).join(",");
    const founder = cluster.add(2, {
      "cluster-members": members,
      "cluster-secret-file": secret,
      "node-data-dir": `${two.directory}-fresh`,
      "raft-listen": two.raft,
    });
    await untilWritten(
      founder,
      /Waiting for node 1, 3 to found the cluster; .*the secrets of the two differ/,
    );
    assertEquals((await statusOf(founder)).state, "founding");
    assertEquals(await founder.terminate(), 0);

    const foreign = cluster.add(2, {
      "cluster-join": one.raft,
      "cluster-name": "another",
      "node-data-dir": two.directory,
    });
    assertEquals((await foreign.process().ended).code, 1);
    assertMatch(
      foreign.output(),
      /belongs to node 2 of cluster "pgraft_cluster", not to node 2 of cluster "another"/,
    );

    two.restart();
    await two.ready();
    assertEquals((await membersOf(one)).map(({ id }) => id), [1, 2, 3]);
  }));

Deno.test("a node beyond loopback without a secret refuses to start and says what to set", async () => {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-open-" });
  try {
    await using process = startProcess({
      name: "open",
      command: Deno.execPath(),
      args: [
        "run",
        "-A",
        MAIN,
        "serve",
        "--node-id=1",
        `--node-data-dir=${directory}/data`,
        "--cluster-members=1@10.0.0.1:7400",
        "--raft-listen=0.0.0.0:7400",
        "--raft-advertise=10.0.0.1:7400",
        "--postgresql-managed=false",
      ],
    });

    assertEquals((await process.ended).code, 2);
    assertMatch(
      process.output(),
      /set cluster\.secret_file to a file with the same secret on all nodes/,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
