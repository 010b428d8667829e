import { assert, assertEquals } from "@std/assert";
import { readEvents, type StreamEvent } from "../../base/mod.ts";
import { createJournal, type Journal, MAX_EVENTS } from "../events/mod.ts";
import { type TestNode, withNode } from "./api_test_kit.ts";
import { createFollowers, type FollowFormat } from "./event_followers.ts";

/** The events of a stream that ends by itself. */
async function eventsOf(
  { api }: TestNode,
  query: string,
  headers: Record<string, string> = {},
): Promise<StreamEvent[]> {
  const response = await fetch(`http://${api}/v1/events${query}`, { headers });
  assertEquals(response.status, 200);
  assert(response.body);
  return await Array.fromAsync(readEvents(response.body));
}

Deno.test("events tell how things are, and what happened before on request", () =>
  withNode(async (node) => {
    const [now, ...before] = await eventsOf(node, "?last=1024&once=true");
    const is = JSON.parse(now?.data ?? "");
    assertEquals([now?.event, is.node, is.leader_id, is.members], [
      "now",
      1,
      1,
      [1],
    ]);
    const kinds = before.map(({ event }) => event);
    assert(kinds.includes("leader") && kinds.includes("raft_role"));
    assertEquals((await eventsOf(node, "?once=true")).length, 1);
  }));

Deno.test("events come as they happen, and those of other kinds don't", () =>
  withNode(async (node) => {
    const response = await fetch(
      `http://${node.api}/v1/events?kinds=paused,log_level`,
    );
    assert(response.body);
    const events = readEvents(response.body);
    assertEquals((await events.next()).value?.event, "now");
    await node.ask("PUT", "/v1/log-level", { level: "warning" });
    await node.ask("POST", "/v1/metrics/reset", {});
    await node.ask("POST", "/v1/pause", {});
    for (const want of ["log_level", "paused"]) {
      assertEquals((await events.next()).value?.event, want);
    }
    await events.return(undefined);
  }));

Deno.test("a client that comes back is told of what it missed, once", () =>
  withNode(async (node) => {
    const [now] = await eventsOf(node, "?once=true");
    assert(now?.id);
    await node.ask("POST", "/v1/pause", {});
    await node.ask("POST", "/v1/resume", {});
    const missed = await eventsOf(node, "?once=true&kinds=paused", {
      "last-event-id": now.id,
    });
    assertEquals(
      missed.map(({ event, data }) => [event, /true|false/.exec(data)?.[0]]),
      [
        ["now", "false"],
        ["paused", "true"],
        ["paused", "false"],
      ],
    );
    const last = missed.at(-1)?.id ?? "";
    const none = await eventsOf(node, "?once=true&kinds=paused", {
      "last-event-id": last,
    });
    assertEquals(none.map(({ event }) => event), ["now"]);
  }));

Deno.test("a client with another node's place is told that something is lost, and all that is remembered", () =>
  withNode(async (node) => {
    const told = await eventsOf(node, "?once=true", {
      "last-event-id": "00000000-7",
    });
    const [now, lost, ...others] = told;
    assertEquals([now?.event, lost?.event], ["now", "lost"]);
    assertEquals(JSON.parse(lost?.data ?? "").lost, null);
    assert(others.length > 0);
  }));

Deno.test("followers are told when the node stops", async () => {
  const seen: Promise<StreamEvent[]>[] = [];
  await withNode(async ({ api }) => {
    const response = await fetch(`http://${api}/v1/events`);
    assert(response.body);
    seen.push(Array.fromAsync(readEvents(response.body)));
  });
  const [events] = await Promise.all(seen);
  assertEquals(events?.at(-1)?.event, "end");
});

Deno.test("malformed questions for events are refused", () =>
  withNode(async ({ ask }) => {
    const cases: [string, Record<string, string>][] = [
      ["?kinds=leader,nonsense", {}],
      ["?last=many", {}],
      ["?once=maybe", {}],
      ["", { "last-event-id": "17" }],
    ];
    for (const [query, headers] of cases) {
      const path = `/v1/events${query}`;
      const { status, body } = await ask("GET", path, undefined, headers);
      assertEquals([status, body.code], [400, "bad_request"], path);
    }
  }));

const FORMAT: FollowFormat<string> = {
  started: (after) => `after ${after}`,
  event: ({ sequence }) => `${sequence}`,
  lost: (count, after) => `lost ${count} to ${after}`,
  alive: () => "alive",
  stopping: () => "stopping",
};

function tell(journal: Journal, count: number): void {
  for (let n = 0; n < count; n++) {
    journal.tell({ kind: "paused", text: "", fields: {} });
  }
}

Deno.test("a follower that does not read holds nothing, and is told how much it has lost", async () => {
  const journal = createJournal(() => 0);
  const gone = new AbortController();
  const stream = createFollowers(1).follow({
    journal,
    after: 0,
    once: false,
    signal: gone.signal,
    stopSignal: new AbortController().signal,
    format: FORMAT,
  });
  const reader = stream.getReader();
  assertEquals((await reader.read()).value, "after 0");
  tell(journal, 1);
  assertEquals((await reader.read()).value, "1");
  tell(journal, 1);
  assertEquals((await reader.read()).value, "2");
  tell(journal, 3 * MAX_EVENTS);
  const next = [(await reader.read()).value, (await reader.read()).value];
  const oldest = journal.oldest();
  assertEquals(next, [`lost ${oldest - 3} to ${oldest - 1}`, `${oldest}`]);
  gone.abort();
  await reader.cancel();
});

Deno.test("followers beyond the most are refused, until one goes", async () => {
  const journal = createJournal(() => 0);
  const followers = createFollowers(1);
  const options = {
    journal,
    after: 0,
    once: false,
    signal: new AbortController().signal,
    stopSignal: new AbortController().signal,
    format: FORMAT,
  };
  const first = followers.follow(options);
  let code = "";
  try {
    followers.follow(options);
  } catch (error) {
    code = error instanceof Error && "code" in error ? String(error.code) : "";
  }
  assertEquals(code, "busy");
  await first.cancel();
  await followers.follow(options).cancel();
});
