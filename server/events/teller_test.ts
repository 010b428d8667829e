import { assertEquals } from "@std/assert";
import { EMPTY_STATE } from "../../pg/cluster/mod.ts";
import type { Leadership } from "../../raft/mod.ts";
import { createJournal, type Journal } from "./journal.ts";
import type { PicturePostgres } from "./picture.ts";
import { createTeller, type Sights } from "./teller.ts";

const LED: Leadership = {
  role: "follower",
  term: 2,
  leaderId: 1,
  removedAt: 0,
  configurationIndex: 1,
};

function sightsOf(): { -readonly [K in keyof Sights]: Sights[K] } {
  return {
    stage: () => "running",
    waitingFor: () => null,
    isDiskFull: () => false,
    leadership: () => null,
    members: () => [{ id: 1, role: "voter", address: "a:1" }],
    cluster: () => EMPTY_STATE,
    settings: () => ({ heartbeatIntervalMs: null, electionTimeoutMs: null }),
    postgres: () => null,
  };
}

function textsOf(journal: Journal): string[] {
  return Array.from(
    { length: journal.last() },
    (_, at) => journal.at(at + 1)?.kind ?? "",
  );
}

Deno.test("what a node finds in its log while it catches up is no news, and what comes then is", () => {
  const sights = sightsOf();
  const settings = { heartbeatIntervalMs: null, electionTimeoutMs: null };
  sights.settings = () => settings;
  const journal = createJournal(() => 0);
  const teller = createTeller(journal, sights);
  teller.look();
  const old = { ...EMPTY_STATE, paused: true };
  sights.leadership = () => LED;
  sights.cluster = () => old;
  teller.look();
  assertEquals(textsOf(journal), ["stage", "leader", "raft_role"]);

  teller.caughtUp();
  const news = { ...EMPTY_STATE, paused: false };
  sights.cluster = () => news;
  teller.look();
  teller.look();
  assertEquals(textsOf(journal).slice(3), ["paused"]);
});

Deno.test("members who were there while it caught up have not come in, and one more has", () => {
  const sights = sightsOf();
  sights.leadership = () => LED;
  const journal = createJournal(() => 0);
  const teller = createTeller(journal, sights);
  teller.look();
  sights.leadership = () => ({ ...LED, configurationIndex: 3 });
  sights.members = () =>
    [1, 2].map((id) => ({
      id,
      role: "voter",
      address: `a:${id}`,
    }));
  teller.look();
  teller.caughtUp();
  assertEquals(textsOf(journal).includes("members"), false);
  sights.leadership = () => ({ ...LED, configurationIndex: 5 });
  sights.members = () =>
    [1, 2, 3].map((id) => ({
      id,
      role: "learner",
      address: `a:${id}`,
    }));
  teller.look();
  assertEquals(textsOf(journal).at(-1), "members");
});

Deno.test("members are asked for only when their configuration is another", () => {
  let asked = 0;
  const sights = sightsOf();
  sights.members = () => {
    asked += 1;
    return [];
  };
  let term = 2;
  sights.leadership = () => ({ ...LED, term });
  const teller = createTeller(createJournal(() => 0), sights);
  for (; term < 10; term++) teller.look();
  assertEquals(asked, 1);
});

Deno.test("what is heard of a PostgreSQL is told once, and again when it is another", () => {
  const sights = sightsOf();
  const members = new Map([[2, {} as never]]);
  const state = { ...EMPTY_STATE, members };
  sights.cluster = () => state;
  const journal = createJournal(() => 0);
  const teller = createTeller(journal, sights);
  teller.caughtUp();
  teller.look();
  const before = journal.last();
  let heard: PicturePostgres | null = null;
  sights.postgres = () => heard;
  teller.lookAtPostgres();
  heard = { role: "standby", state: "streaming", trouble: null };
  teller.lookAtPostgres();
  teller.lookAtPostgres();
  heard = { ...heard, state: "stopped" };
  teller.lookAtPostgres();
  assertEquals(journal.last() - before, 2);
});
