import { assertEquals } from "@std/assert";
import type { NodeId } from "../core/mod.ts";
import { createFileLogStore, createMemoryFileSystem } from "../file/mod.ts";
import type { RaftLogStore } from "../ports.ts";
import {
  followerOf,
  leaderOf,
  nodeOf,
  putAll,
  type TestGroup,
  until,
  withGroup,
} from "./group_test_kit.ts";

/** Disks that a test can slow down or hang, one each member. */
interface Disks {
  readonly storeOf: (id: NodeId) => RaftLogStore;
  /** Makes each sync of a member wait for what `wait` returns; null ends that. */
  setWait(id: NodeId, wait: (() => Promise<void>) | null): void;
}

function createDisks(): Disks {
  const waits = new Map<NodeId, () => Promise<void>>();
  return {
    storeOf: (id) => {
      const fileSystem = createMemoryFileSystem({
        before: ({ kind }) => kind === "sync" ? waits.get(id)?.() : undefined,
      });
      return createFileLogStore("memory", {
        fileSystem,
        segmentBytes: 64 * 1024,
      });
    },
    setWait(id, wait): void {
      if (wait) waits.set(id, wait);
      else waits.delete(id);
    },
  };
}

const KEYS = Array.from({ length: 40 }, (_, n) => `key ${n}`);

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function assertAlike(group: TestGroup): Promise<void> {
  const digests = new Set<number>();
  for (const { server, machine } of group.nodes.values()) {
    digests.add(await server.read(() => machine.digest()));
  }
  assertEquals(digests.size, 1);
}

Deno.test("a member with a slow disk holds nobody up and has everything in the end", async () => {
  const disks = createDisks();
  await withGroup({ size: 3, storeOf: disks.storeOf }, async (group) => {
    const leader = await leaderOf(group);
    const slow = await followerOf(group);
    disks.setWait(slow.id, () => pause(30));
    const applied = await putAll(leader, KEYS);
    assertEquals(applied.length, KEYS.length);
    await assertAlike(group);
  });
});

Deno.test("a leader whose disk hangs is replaced, and follows when the disk is back", async () => {
  const disks = createDisks();
  await withGroup({ size: 3, storeOf: disks.storeOf }, async (group) => {
    const old = await leaderOf(group);
    await putAll(old, ["before"]);
    const hung = Promise.withResolvers<void>();
    disks.setWait(old.id, () => hung.promise);
    try {
      const [first] = [...group.nodes.keys()].filter((id) => id !== old.id);
      const asked = nodeOf(group, first ?? 0);
      // The followers are a majority, so writes go on even before it steps down.
      await putAll(asked, KEYS.slice(0, 20));
      await until(group, "another leader", () => {
        const { leaderId } = asked.server.status();
        return leaderId !== 0 && leaderId !== old.id;
      });
      await putAll(asked, KEYS.slice(20));
    } finally {
      hung.resolve();
      disks.setWait(old.id, null);
    }
    await until(group, "the old leader follows", () => {
      const { role, leaderId } = old.server.status();
      return role === "follower" && leaderId !== 0;
    });
    await assertAlike(group);
  });
});
