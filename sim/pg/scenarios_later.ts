import { newestEpoch, NO_TAGS } from "../../pg/cluster/mod.ts";
import { startClients } from "./clients.ts";
import { leaveWhenFree, promoteByHand, setAmbush } from "./faults.ts";
import { type PgNode, truth } from "./node.ts";
import { killServer, orphanServer } from "./server.ts";
import { letLead, type Scenario } from "./stage.ts";
import { cancelWaits } from "./waits.ts";
import { timelineOf } from "./wal.ts";

const THREE = { data: 3, witness: false };
const TWO = { data: 2, witness: true };

/** So many that some commit falls into the shortest moment. */
const MANY_CLIENTS = 40;

/** From R18 on. */
export const LATER_SCENARIOS: readonly Scenario[] = [
  {
    name: "R18: the rule changes and the primary dies in between",
    shape: { data: 4, witness: false },
    play: (stage) => {
      const [a] = stage.standbys();
      if (!a) return;
      stage.order({ type: "leave", id: a.id });
      stage.until("two rules", () => truth(stage.sim).rules.length > 1, 3000);
      stage.isolate(stage.primary(), a);
      stage.wait(2500);
      stage.mend();
      leaveWhenFree(stage.sim, a);
      stage.wait(8000);
    },
  },
  {
    name: "R18: a walsender that is late lets commits go by the list of before",
    shape: THREE,
    play: (stage) => {
      const old = stage.primary();
      const [a, b] = stage.standbys();
      if (!a || !b) return;
      const { sim } = stage;
      startClients(sim, MANY_CLIENTS);
      const order = { type: "tags", id: b.id } as const;
      stage.order({ ...order, tags: { ...NO_TAGS, nosync: true } });
      const rules = (): number => truth(sim).rules.length;
      stage.until("a second rule", () => rules() > 1);
      const late = [...old.proc?.senders ?? []].find(({ standby }) =>
        standby === b
      );
      const { list } = late ?? {};
      // It reads the new list only when it must.
      const isProved = (): boolean => {
        if (late && list) late.list = list;
        return old.agent?.barrier === truth(sim).rules.at(-1)?.number;
      };
      stage.until("the barrier", isProved);
      a.diskHungUntilMs = sim.world.nowMs + 500;
      stage.until("the rule before is retired", () => {
        if (late && list) late.list = list;
        return rules() === 1;
      });
      stage.kill(old);
      stage.kill(b);
      stage.wait(5000);
    },
  },
  {
    name: "R20, R24, T5: commits wait, and the postmaster dies",
    shape: THREE,
    play: (stage) => {
      const old = stage.primary();
      stage.isolate(old);
      stage.wait(300);
      killServer(stage.sim, old);
      stage.wait(500);
      stage.mend();
      stage.wait(3000);
    },
  },
  {
    name: "R20, T5: nobody else holds what a restarted primary has",
    shape: THREE,
    play: (stage) => {
      const old = stage.primary();
      const [a, b] = stage.standbys();
      if (!a || !b) return;
      letLead(stage, a);
      stage.wait(200);
      const { nowMs } = stage.sim.world;
      for (const one of [a, b]) one.diskHungUntilMs = nowMs + 6000;
      stage.wait(300);
      killServer(stage.sim, old);
      stage.wait(3500);
      stage.kill(old);
      stage.wait(4000);
    },
  },
  {
    name: "R21: who diverged must be cloned, and is the only one who can hold",
    shape: THREE,
    play: (stage) => {
      // Node 2 can't be rewound.
      const old = stage.node(2);
      const first = stage.openEpoch();
      if (stage.primary() !== old) {
        stage.order({ type: "handover", epoch: first, target: old.id });
        stage.until(
          "node 2 reigns",
          () => stage.openEpoch() > first && stage.primary() === old,
        );
        stage.wait(1500);
      }
      stage.isolate(old);
      stage.until(
        "a grant",
        () => truth(stage.sim).phase.kind === "granted",
        10_000,
      );
      const winner = stage.primary();
      for (const one of stage.standbys()) {
        if (one !== old) stage.kill(one);
      }
      stage.wait(300);
      stage.mend();
      const epoch = newestEpoch(truth(stage.sim));
      stage.until("they go on", () => stage.openEpoch() >= epoch, 15_000);
      stage.expect(stage.primary() === winner, "Another won");
    },
  },
  {
    name: "R22: sessions sit on the standby that is promoted",
    shape: THREE,
    play: (stage) => {
      stage.wait(1500);
      stage.kill(stage.primary());
      stage.until(
        "a grant",
        () => truth(stage.sim).phase.kind === "granted",
      );
      stage.wait(40);
      stage.kill(stage.primary());
      stage.wait(500);
      for (const node of stage.sim.nodes.values()) stage.revive(node);
      stage.wait(2000);
    },
  },
  {
    name: "R23: backends outlive their postmaster",
    shape: THREE,
    play: (stage) => {
      const old = stage.primary();
      orphanServer(stage.sim, old);
      stage.until("the next epoch", () => stage.openEpoch() > 1, 5000);
    },
  },
  {
    name: "R26, T1: waits are cancelled on a primary that is cut off",
    shape: THREE,
    play: (stage) => {
      const old = stage.primary();
      stage.isolate(old);
      for (let i = 0; i < 8; i++) {
        stage.wait(100);
        if (old.proc) cancelWaits(stage.sim, old.proc);
      }
      stage.wait(2500);
      stage.mend();
      stage.wait(1500);
    },
  },
  {
    name: "R28: primary and standby are cut off together, and go on",
    shape: { data: 2, witness: true, moreWitnesses: 2 },
    play: (stage) => {
      const old = stage.primary();
      const [a] = stage.standbys();
      if (!a) return;
      // Two of five: they have no leader, and commits are held all the same.
      stage.isolate(old, a);
      stage.wait(5000);
      const before = stage.acknowledged();
      stage.wait(1500);
      stage.expect(stage.acknowledged() > before, "The pair stopped writing");
    },
  },
  {
    name: "R12, R15: an agent dies between its note and telling the server",
    shape: THREE,
    play: (stage) => {
      const [a] = stage.standbys();
      if (!a) return;
      setAmbush(stage.sim, "follow", 2);
      killServer(stage.sim, a);
      stage.until("it died", () => stage.sim.ambush === null, 5000);
      stage.wait(6000);
    },
  },
  {
    name: "R28: an agent dies while it closes, and the next one does it",
    shape: THREE,
    play: (stage) => {
      const old = stage.primary();
      stage.order({ type: "pause", paused: true });
      stage.until("the pause", () => truth(stage.sim).paused, 3000);
      const strike = (node: PgNode): void => {
        stage.crashAgent(node);
        stage.revive(node);
      };
      stage.sim.ambush = { kind: "close", after: 1, strike };
      stage.isolate(old);
      stage.until("it died", () => stage.sim.ambush === null, 6000);
      stage.expect(old.proc?.hbaOpen === true, "It had closed itself already");
      const isClosed = (): boolean => old.proc?.hbaOpen === false;
      stage.until("the next one closes", isClosed, 6000);
      stage.mend();
    },
  },
  {
    name: "R28: a primary that closed itself opens behind a barrier only",
    shape: THREE,
    play: (stage) => {
      const old = stage.primary();
      const standbys = stage.standbys();
      stage.order({ type: "pause", paused: true });
      stage.until("the pause", () => truth(stage.sim).paused, 3000);
      stage.isolate(old);
      stage.wait(4500);
      stage.expect(old.proc?.hbaOpen === false, "It has not closed itself");
      // It hears of the leader, and its standbys do not stream yet.
      for (const one of standbys) killServer(stage.sim, one);
      for (const one of standbys) one.frozenUntilMs = 0;
      stage.mend();
      stage.wait(60);
      stage.kill(old);
      stage.order({ type: "pause", paused: false });
      stage.wait(3000);
    },
  },
  {
    name: "R29: a rewind dies in the middle",
    shape: THREE,
    play: (stage) => {
      const old = stage.primary();
      stage.isolate(old);
      stage.wait(300);
      stage.until("the next epoch", () => stage.openEpoch() > 1, 10_000);
      setAmbush(stage.sim, "rewind", 12);
      stage.mend();
      stage.wait(4000);
    },
  },
  {
    name: "R31: an operator gives up what nobody can cover",
    shape: THREE,
    play: (stage) => {
      const [a, b] = stage.standbys();
      if (!a || !b) return;
      stage.kill(stage.primary());
      stage.kill(b);
      const other = a;
      stage.wait(300);
      for (const node of [other]) stage.revive(node);
      stage.wait(1000);
      stage.expect(stage.openEpoch() <= 1, "One of three took over alone");
    },
  },
  {
    name: "R31: only a clone that has not entered is left, and it is taken",
    shape: TWO,
    play: (stage) => {
      const old = stage.primary();
      const [other] = stage.standbys();
      if (!other) return;
      const known = truth(stage.sim).members.get(other.id)?.incarnation;
      promoteByHand(stage.sim, other);
      const isCloned = (): boolean => {
        const { incarnation } = other.saved;
        return incarnation !== known && other.disk.marker === null;
      };
      stage.until("a clone", isCloned);
      stage.crashAgent(other);
      const isKnown = (): boolean =>
        truth(stage.sim).members.get(other.id)?.incarnation !== known;
      stage.expect(!isKnown(), "It has entered already");
      stage.order({
        type: "tags",
        id: old.id,
        tags: { ...NO_TAGS, nofailover: true },
      });
      stage.kill(old);
      stage.revive(old);
      const isSealed = (): boolean =>
        truth(stage.sim).phase.kind === "sealing" &&
        old.proc?.mode === "standby";
      stage.until("the old primary seals", isSealed);
      promoteByHand(stage.sim, old);
      stage.revive(other);
      stage.wait(2000);
      stage.expect(stage.openEpoch() <= 1, "Rows were given up unasked");
      stage.expect(!isKnown(), "It entered without a reign");
    },
  },
  {
    name: "R32: a switchover loses nothing, and its target gets it",
    shape: THREE,
    play: (stage) => {
      const [a] = stage.standbys();
      if (!a) return;
      const epoch = stage.openEpoch();
      stage.order({ type: "handover", epoch, target: a.id });
      stage.until("the next epoch", () => stage.openEpoch() > epoch, 4000);
      stage.expect(stage.primary() === a, "Another than the target won");
      stage.wait(500);
      const clones = stage.sim.counts.get("clones") ?? 0;
      stage.wait(1000);
      stage.expect(
        (stage.sim.counts.get("clones") ?? 0) === clones,
        "A switchover cost a clone",
      );
    },
  },
  {
    name: "R32: the target dies, and the old primary goes on",
    shape: THREE,
    play: (stage) => {
      const [a] = stage.standbys();
      if (!a) return;
      const epoch = stage.openEpoch();
      stage.order({ type: "handover", epoch, target: a.id });
      stage.until(
        "the attempt",
        () => truth(stage.sim).phase.kind === "sealing",
        4000,
      );
      stage.kill(a);
      stage.until("somebody opens", () => stage.openEpoch() > epoch, 8000);
    },
  },
  {
    name: "R33: a promotion without a grant ends at once",
    shape: THREE,
    play: (stage) => {
      const [a] = stage.standbys();
      if (!a) return;
      const before = timelineOf(a.disk.wal);
      promoteByHand(stage.sim, a);
      stage.expect(timelineOf(a.disk.wal) > before, "Nothing was promoted");
      stage.wait(300);
      stage.expect(a.proc?.mode !== "primary", "It was left running");
      stage.wait(3000);
      stage.expect(stage.openEpoch() === 1, "It cost the reign");
    },
  },
  {
    name: "R6: of two the standby's agent restarts, and they go on together",
    shape: TWO,
    play: (stage) => {
      const [other] = stage.standbys();
      if (!other) return;
      stage.crashAgent(other);
      stage.wait(2000);
      const isIn = truth(stage.sim).rules.every(({ required }) =>
        required === 1
      );
      stage.expect(isIn, "A standby that streams was left out");
      stage.revive(other);
      stage.wait(1000);
      stage.kill(stage.primary());
      stage.until("the standby takes over", () => stage.openEpoch() > 1, 5000);
    },
  },
  {
    name: "R6: of two the survivor goes on alone, and the other covers nothing",
    shape: TWO,
    play: (stage) => {
      const [other] = stage.standbys();
      if (!other) return;
      stage.kill(other);
      stage.until(
        "alone",
        () => truth(stage.sim).rules.at(-1)?.required === 0,
      );
      const before = stage.acknowledged();
      stage.wait(1500);
      stage.expect(stage.acknowledged() > before, "The survivor waits");
      stage.kill(stage.primary());
      stage.revive(other);
      stage.wait(4000);
      stage.expect(stage.openEpoch() <= 1, "Who lacks commits took over");
    },
  },
  {
    name: "T17, R20: who must be rewound is all that is left for the barrier",
    shape: THREE,
    play: (stage) => {
      const old = stage.primary();
      stage.isolate(old);
      stage.wait(500);
      stage.kill(old);
      stage.mend();
      stage.until("the second opens", () => stage.openEpoch() > 1, 8000);
      stage.kill(stage.primary());
      stage.revive(old);
      stage.until("the third opens", () => stage.openEpoch() > 2, 15_000);
    },
  },
  {
    name: "R29: no commit rests on a rewound copy before it is consistent",
    shape: THREE,
    play: (stage) => {
      stage.sim.rewindFailure = 0;
      // Node 2 can't be rewound.
      const old = stage.node(3);
      const first = stage.openEpoch();
      stage.order({ type: "handover", epoch: first, target: old.id });
      stage.until(
        "node 3 reigns",
        () => stage.openEpoch() > 0 && stage.primary() === old,
      );
      stage.isolate(old);
      stage.wait(500);
      stage.kill(old);
      stage.mend();
      stage.until(
        "another opens",
        () => stage.openEpoch() > 0 && stage.primary() !== old,
        8000,
      );
      stage.revive(old);
      stage.until("the first is rewound", () => old.saved.rewound > 0, 8000);
      old.disk.consistentLsn = Infinity;
      const hasStream = (): boolean => Boolean(old.proc?.receiver);
      stage.until("the first streams", hasStream, 8000);
      const [third] = stage.standbys().filter((node) => node !== old);
      if (third) stage.cut(stage.primary(), third);
      stage.wait(100);
      const before = stage.acknowledged();
      stage.wait(1500);
      stage.expect(stage.acknowledged() === before, "A commit rests on it");
      old.disk.consistentLsn = 0;
      const counts = (): boolean => stage.acknowledged() > before;
      stage.until("a commit rests on it", counts, 8000);
    },
  },
];
