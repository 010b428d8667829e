import { assert, assertEquals, assertMatch } from "@std/assert";
import { present } from "../../base/mod.ts";
import type { NodeId } from "../core/mod.ts";
import type { KvMachine } from "../machines/mod.ts";
import type { RaftStateMachine } from "../ports.ts";
import {
  followerOf,
  has,
  keysOf,
  leaderOf,
  memoryStores,
  putAll,
  raftError,
  restart,
  type TestGroup,
  until,
  withGroup,
} from "./group_test_kit.ts";

/** What is wrong with a machine. */
interface Fault {
  /** Which nodes' machines have it. */
  ids: NodeId[];
}

type Breaking = (
  machine: KvMachine,
  isBroken: () => boolean,
) => RaftStateMachine;

/** Throws when it applies anything. */
const throwsInApply: Breaking = (machine, isBroken) => ({
  ...machine,
  applyOperation: (operation, index) => {
    if (isBroken()) throw new RangeError("no such branch");
    return machine.applyOperation(operation, index);
  },
});

async function withFault(
  size: number,
  breaking: Breaking,
  run: (group: TestGroup, fault: Fault) => Promise<void>,
): Promise<void> {
  const fault: Fault = { ids: [] };
  const settings = {
    size,
    storeOf: memoryStores(),
    wrapMachine: (machine: KvMachine, id: NodeId) =>
      breaking(machine, () => fault.ids.includes(id)),
  };
  await withGroup(settings, (group) => run(group, fault));
}

Deno.test("a machine that throws stops its node before the entry, which is named and never skipped", async () => {
  await withFault(1, throwsInApply, async (group, fault) => {
    const leader = await leaderOf(group);
    const [last] = await putAll(leader, ["before"]);
    fault.ids = [1];

    const error = await raftError(putAll(leader, ["poison"]));

    const index = present(last, "the entry before").index + 1;
    assertEquals(error.code, "apply_failed");
    assertMatch(
      error.message,
      new RegExp(`entry ${index} of term \\d+ \\(custom`),
    );
    assertMatch(error.message, /no such branch; mend the machine/);
    assertEquals(await leader.server.stopped, error);

    // As long as the machine is broken, the node stops at the same place.
    const again = await restart(group, 1);
    const second = await again.server.stopped;
    assertEquals(second?.code, "apply_failed");

    fault.ids = [];
    const mended = await restart(group, 1);
    await until(group, "it goes on from there", () => has(mended, "poison"));
    assert(has(mended, "before"));
    await putAll(mended, ["after"]);
  });
});

Deno.test("a follower whose machine throws stops alone, and catches up once it is mended", async () => {
  await withFault(3, throwsInApply, async (group, fault) => {
    const leader = await leaderOf(group);
    const broken = await followerOf(group);
    await putAll(leader, ["before"]);
    fault.ids = [broken.id];

    await putAll(leader, keysOf("meanwhile", 20));
    assertEquals((await broken.server.stopped)?.code, "apply_failed");
    await putAll(leader, keysOf("without", 20));

    fault.ids = [];
    const mended = await restart(group, broken.id);
    const keys = [...keysOf("meanwhile", 20), ...keysOf("without", 20)];
    await until(
      group,
      "it catches up",
      () => keys.every((key) => has(mended, key)),
    );
    assertEquals(
      await mended.server.read(() => mended.machine.digest()),
      await leader.server.read(() => leader.machine.digest()),
    );
  });
});

Deno.test("a machine that forgets to count what it applied stops its node", async () => {
  const forgets: Breaking = (machine, isBroken) => ({
    ...machine,
    getLastAppliedIndex: () => isBroken() ? 0 : machine.getLastAppliedIndex(),
  });
  await withFault(1, forgets, async (group, fault) => {
    const leader = await leaderOf(group);
    fault.ids = [1];
    const error = await raftError(putAll(leader, ["k"]));
    assertEquals(error.code, "apply_failed");
    assertMatch(error.message, /its last applied index is 0 afterwards/);
  });
});

Deno.test("a machine that throws in its snapshot stops its node, and nothing is lost", async () => {
  const throwsInSnapshot: Breaking = (machine, isBroken) => ({
    ...machine,
    createSnapshot: (index) => {
      if (isBroken()) throw new RangeError("no such branch");
      return machine.createSnapshot(index);
    },
  });
  await withFault(1, throwsInSnapshot, async (group, fault) => {
    const leader = await leaderOf(group);
    const [last] = await putAll(leader, ["before"]);
    fault.ids = [1];

    leader.server.takeSnapshot();

    const error = await leader.server.stopped;
    assertEquals(error?.code, "apply_failed");
    const index = present(last, "the entry").index;
    assertMatch(
      error?.message ?? "",
      new RegExp(`in its snapshot at ${index}`),
    );
    fault.ids = [];
    const mended = await restart(group, 1);
    await until(group, "all of it", () => has(mended, "before"));
  });
});
