import { assert, assertEquals } from "@std/assert";
import type { Leadership } from "../../raft/mod.ts";
import { orderRoutes } from "./orders.ts";

/** So many turns after its call at the latest a handler listens. */
const MAX_TURNS = 100;

const FORMER: Leadership = {
  role: "follower",
  term: 3,
  leaderId: 1,
  removedAt: 0,
  configurationIndex: 1,
};

Deno.test("a transfer waits until this node hears of the leader that it made", async () => {
  const listeners = new Set<() => void>();
  let seen = FORMER;
  const routes = orderRoutes({
    ha: () => null,
    id: 2,
    stage: () => "running",
    waitingFor: () => null,
    // Carried out; the news of it comes later.
    order: () => Promise.resolve(),
    raft: {
      leadership: () => seen,
      onChange: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      forceElection: () => {},
      takeSnapshot: () => {},
    },
  });
  const route = routes.find(({ path }) => path === "/v1/transfer");
  assert(route);
  const answer = Promise.resolve(route.handle({
    request: new Request("http://node/v1/transfer", { method: "POST" }),
    params: {},
    query: new URLSearchParams(),
    body: '{"target":3}',
    requestId: "r",
  }));
  for (let turns = 0; turns < MAX_TURNS && listeners.size === 0; turns++) {
    await Promise.resolve();
  }

  for (const news of [{ term: 4, leaderId: 0 }, { term: 4, leaderId: 3 }]) {
    seen = { ...FORMER, ...news };
    for (const listener of listeners) listener();
  }

  const { status, text } = await answer;
  assertEquals(status, 200);
  assertEquals(JSON.parse(text), { leader_id: 3, term: 4 });
  assertEquals(listeners.size, 0);
});
