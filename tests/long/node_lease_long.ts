import { assert, assertEquals } from "@std/assert";
import { type Cluster, until, withCluster } from "../nodes/mod.ts";

const TTL_SECONDS = 2;
const CALL_TIMEOUT_MS = 2000;
/** The key that goes with the lease, in base64: "a". */
const KEY = "YQ==";

type Json = Readonly<Record<string, unknown>>;

/** Asks whichever node answers; null when none did. */
async function ask(
  cluster: Cluster,
  path: string,
  body: Json,
): Promise<Json | null> {
  for (const { api } of cluster.up()) {
    const response = await fetch(`http://${api}/v3/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    }).catch(() => null);
    if (response?.status === 200) return await response.json();
    await response?.body?.cancel();
  }
  return null;
}

/** Keeps a lease alive once; the moment before the call that did it, by this test's own clock. */
function keepAlive(cluster: Cluster, id: number): Promise<number> {
  return until(async () => {
    const sentMs = performance.now();
    const answer = await ask(cluster, "lease/keepalive", { ID: id });
    if (!answer) return null;
    const { TTL } = answer.result as Json;
    assertEquals(TTL, String(TTL_SECONDS), "the lease has ended early");
    return sentMs;
  }, { what: `lease ${id} is kept alive` });
}

async function grant(cluster: Cluster, id: number): Promise<void> {
  const lease = { ID: id, TTL: TTL_SECONDS };
  assert(await ask(cluster, "lease/grant", lease));
  const put = await ask(cluster, "kv/put", { key: KEY, lease: id });
  assert(put);
}

/** When the key was first seen to be gone. */
function whenGone(cluster: Cluster): Promise<number> {
  return until(async () => {
    const answer = await ask(cluster, "kv/range", { key: KEY });
    return answer && !("kvs" in answer) ? performance.now() : null;
  }, { what: "the key goes with its lease" });
}

type Overthrow = (cluster: Cluster) => Promise<() => Promise<void>>;

const kill: Overthrow = async (cluster) => {
  const leader = await cluster.leader();
  await leader.kill();
  return async () => {
    leader.restart();
    await leader.ready();
  };
};

const freeze: Overthrow = async (cluster) => {
  const leader = await cluster.leader();
  leader.freeze();
  return () => Promise.resolve(leader.thaw());
};

const hand: Overthrow = async (cluster) => {
  const leader = await cluster.leader();
  const response = await fetch(`http://${leader.api}/v1/transfer`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  await response.body?.cancel();
  return () => Promise.resolve();
};

Deno.test("a lease never ends early across leaders that are killed, frozen and replaced", () =>
  withCluster({}, async (cluster) => {
    const overthrows = [kill, freeze, hand];
    for (const [at, overthrow] of overthrows.entries()) {
      const id = at + 1;
      await grant(cluster, id);
      await keepAlive(cluster, id);
      const restore = await overthrow(cluster);
      // Kept alive through another leader, for longer than it lives by itself.
      const fromMs = performance.now();
      let aliveMs = fromMs;
      while (aliveMs < fromMs + 2 * TTL_SECONDS * 1000) {
        aliveMs = await keepAlive(cluster, id);
        await until(
          () => Promise.resolve(performance.now() > aliveMs + 500 || null),
          { what: "it is time to keep it alive again" },
        );
      }
      await restore();
      aliveMs = await keepAlive(cluster, id);
      const again = await overthrow(cluster);
      const livedMs = await whenGone(cluster) - aliveMs;
      assert(livedMs >= TTL_SECONDS * 1000, `it lived for ${livedMs} ms only`);
      await again();
    }
  }));
