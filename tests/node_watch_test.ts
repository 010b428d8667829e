import { assert, assertEquals } from "@std/assert";
import { type Cluster, until, withCluster } from "./nodes/mod.ts";

/** One revision, as a watcher was told of it. */
interface Told {
  readonly revision: number;
  readonly text: string;
}

/** A watcher that comes back, to another node if need be, behind the last event that it was told. */
interface Follower {
  readonly told: Told[];
  readonly reconnects: () => number;
  stop(): Promise<void>;
}

function follow(cluster: Cluster, first: number): Follower {
  const told: Told[] = [];
  const stopping = new AbortController();
  let last = 0;
  let at = first;
  let connects = 0;

  async function once(): Promise<void> {
    const { api } = cluster.node(1 + at % cluster.nodes.length);
    const response = await fetch(`http://${api}/v1/watch?from=1`, {
      headers: last === 0 ? {} : { "last-event-id": String(last) },
      signal: stopping.signal,
    });
    assert(response.body);
    if (response.status !== 200) return await response.body.cancel();
    connects += 1;
    let text = "";
    for await (
      const part of response.body.pipeThrough(new TextDecoderStream())
    ) {
      text += part;
      const events = text.split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) take(event);
    }
  }

  function take(event: string): void {
    const id = /^id:(\d+)$/m.exec(event)?.[1];
    if (id !== undefined) last = Number(id);
    if (!/^event:change$/m.test(event)) return;
    const [, data = ""] = /^data:(.*)$/m.exec(event) ?? [];
    told.push({ revision: JSON.parse(data).revision, text: data });
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      await once().catch(() => {});
      at += 1;
      if (stopping.signal.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return {
    told,
    reconnects: () => connects - 1,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

/** Writes one key after the other through whoever takes it; what is repeated has a key of its own. */
async function write(cluster: Cluster, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await until(async () => {
      const node = cluster.up()[n % cluster.up().length];
      if (!node) return null;
      const response = await fetch(`http://${node.api}/v1/kv/key${n % 7}`, {
        method: "PUT",
        headers: {
          "content-type": "application/json",
          "idempotency-key": `${writes}-${n}`,
        },
        body: JSON.stringify({ value: `${writes} ${n}` }),
        signal: AbortSignal.timeout(2000),
      }).catch(() => null);
      await response?.body?.cancel();
      return response?.status === 200 || null;
    }, { what: `write ${n} is acknowledged` });
  }
  writes += 1;
}

let writes = 0;

async function newestRevision(cluster: Cluster): Promise<number> {
  const { api } = await cluster.leader();
  const response = await fetch(`http://${api}/v1/kv?limit=0`);
  return (await response.json()).revision;
}

Deno.test("watchers see every revision once and in order across leaders that are killed and frozen", () =>
  withCluster({}, async (cluster) => {
    const followers = [0, 1, 2].map((first) => follow(cluster, first));
    try {
      await write(cluster, 30);
      const killed = await cluster.leader();
      await killed.kill();
      await write(cluster, 30);
      killed.restart();
      await killed.ready();
      const frozen = await cluster.leader();
      frozen.freeze();
      await write(cluster, 30);
      frozen.thaw();
      await write(cluster, 10);

      const newest = await newestRevision(cluster);
      assert(newest >= 100);
      for (const { told } of followers) {
        await until(
          () => Promise.resolve(told.at(-1)?.revision === newest || null),
          { what: `a watcher is told of revision ${newest}` },
        );
        assertEquals(
          told.map(({ revision }) => revision),
          Array.from({ length: newest }, (_, n) => n + 1),
        );
      }
      const [one, ...others] = followers.map(({ told }) =>
        told.map(({ text }) => text)
      );
      for (const other of others) assertEquals(other, one);
      assert(followers.some(({ reconnects }) => reconnects() > 0));
    } finally {
      await Promise.all(followers.map((one) => one.stop()));
    }
  }));

Deno.test("a node that took in a snapshot tells watchers of what it never saw, and skips nothing", () =>
  withCluster(
    { flags: { "raft-snapshot-distance": "100" } },
    async (cluster) => {
      const leader = await cluster.leader();
      const behind = cluster.nodes.find(({ id }) => id !== leader.id);
      assert(behind);
      await write(cluster, 5);
      await behind.kill();
      await write(cluster, 150);
      await fetch(`http://${leader.api}/v1/snapshot`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      }).then((response) => response.body?.cancel());
      await write(cluster, 110);
      behind.restart();
      await behind.ready();
      const newest = await newestRevision(cluster);
      const told = await until(async () => {
        const response = await fetch(`http://${behind.api}/v1/watch?from=6`);
        if (response.status === 410) return await response.json();
        await response.body?.cancel();
        return null;
      }, { what: "the node says that it has forgotten" });
      assertEquals(told.code, "compacted");
      assert(told.oldest_revision > 6 && told.oldest_revision <= newest + 1);
    },
  ));

const TRANSACTION_PUTS = 128;
const VALUE = btoa("x".repeat(2048));

/** Changes 128 keys in one revision, 256 KB of values. */
async function changeMany(api: string, round: number): Promise<void> {
  const success = Array.from({ length: TRANSACTION_PUTS }, (_, at) => ({
    request_put: { key: btoa(`many${at}`), value: VALUE },
  }));
  const response = await fetch(`http://${api}/v3/kv/txn`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ success }),
  });
  assertEquals(response.status, 200, `round ${round}`);
  await response.body?.cancel();
}

Deno.test("a watcher that does not read costs its node nothing, and is told that it fell behind", () =>
  withCluster({ size: 1 }, async (cluster) => {
    const { api } = await cluster.leader();
    const response = await fetch(`http://${api}/v1/watch`);
    assert(response.body);
    const reader = response.body.getReader();
    await reader.read();
    // More than sockets hold and the node remembers: 32 MiB.
    for (let round = 0; round < 160; round++) await changeMany(api, round);
    const decoder = new TextDecoder();
    let end = "";
    let revisions: number[] = [];
    for (let text = ""; end === "";) {
      const { done, value } = await reader.read();
      assert(!done, "the stream ends with a reason");
      text += decoder.decode(value, { stream: true });
      const events = text.split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) {
        const id = /^id:(\d+)$/m.exec(event)?.[1];
        if (/^event:change$/m.test(event)) {
          revisions = [...revisions, Number(id)];
        }
        if (/^event:compacted$/m.test(event)) end = event;
      }
    }
    assertEquals(revisions, revisions.map((_, at) => at + 1));
    const [, data = ""] = /^data:(.*)$/m.exec(end) ?? [];
    const told = JSON.parse(data);
    assertEquals(told.code, "compacted");
    assert(told.oldest_revision > revisions.length + 1);
    assertEquals((await reader.read()).done, true);
  }));
