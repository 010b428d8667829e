import { newestEpoch, NO_TAGS } from "../../pg/cluster/mod.ts";
import { isWhole, loseDirectory, promoteByHand } from "./faults.ts";
import { type PgNode, truth } from "./node.ts";
import type { Shape } from "./run.ts";
import { killServer, startServer } from "./server.ts";
import { createStage, endStage, letLead, type Scenario } from "./stage.ts";
import { LATER_SCENARIOS } from "./scenarios_later.ts";
import { timelineOf } from "./wal.ts";

const THREE: Shape = { data: 3, witness: false };
const TWO: Shape = { data: 2, witness: true };
/** Each scenario is played with so many seeds, since delays decide what meets what. */
const SEEDS_EACH = 6;

const EARLIER_SCENARIOS: readonly Scenario[] = [
  {
    name: "R1: a winner acted on a grant that nobody heard of",
    shape: THREE,
    play: (stage) => {
      const [a] = stage.standbys();
      stage.kill(stage.primary());
      const granted = (): boolean => truth(stage.sim).phase.kind === "granted";
      stage.until("a grant", granted);
      stage.wait(60);
      stage.kill(stage.primary());
      if (a) stage.revive(a);
      stage.wait(2000);
    },
  },
  {
    name: "R2, R12, T13: a standby still streams from the primary that is lost",
    shape: THREE,
    play: (stage) => {
      const old = stage.primary();
      const [a, b] = stage.standbys();
      if (!a || !b) return;
      letLead(stage, b);
      stage.cut(old, b);
      stage.until("the next epoch", () => stage.openEpoch() > 1, 30_000);
      stage.wait(1500);
    },
  },
  {
    name: "R3, R15: a standby streams a reign that it was not told of",
    shape: THREE,
    play: (stage) => {
      const first = stage.primary();
      const [a, b] = stage.standbys();
      if (!a || !b) return;
      // The standby keeps the conninfo of this reign, without an agent to take it away.
      stage.kill(a);
      letLead(stage, b);
      stage.wait(200);
      const epoch = stage.openEpoch();
      stage.order({ type: "handover", epoch, target: b.id });
      stage.until("a switchover", () => stage.openEpoch() > epoch);
      stage.wait(300);
      const next = stage.openEpoch();
      stage.order({ type: "handover", epoch: next, target: first.id });
      stage.until("and back", () => stage.openEpoch() > next);
      a.disk.conninfo = { upstream: first.id, name: nameBefore(a, epoch) };
      startServer(stage.sim, a);
      stage.until("it streams", () => Boolean(a.proc?.receiver));
      stage.isolate(b);
      stage.wait(400);
      stage.mend();
      stage.kill(first);
      stage.revive(a);
      stage.wait(3000);
    },
  },
  {
    name: "R12, R25: the system starts a server just when its files are closed",
    shape: THREE,
    play: (stage) => {
      const old = stage.primary();
      const [a, b] = stage.standbys();
      if (!a || !b) return;
      stage.isolate(old);
      letLead(stage, a);
      const isSealing = (): boolean =>
        truth(stage.sim).phase.kind === "sealing";
      stage.until("an attempt", isSealing, 5000);
      stage.kill(b);
      // It has read its files before they were closed, and streams as soon as the old primary is there.
      b.saved = { ...b.saved, upstream: null };
      startServer(stage.sim, b);
      stage.revive(b);
      stage.until("another opens", () => stage.openEpoch() > 1, 8000);
      stage.mend();
      stage.wait(2000);
    },
  },
  {
    name:
      "R3, R14: who streams a reign unseen covers it, when its disk is lost",
    shape: THREE,
    play: (stage) => {
      const old = stage.primary();
      const [a, b] = stage.standbys();
      if (!a || !b) return;
      const before = timelineOf(b.disk.wal);
      stage.crashAgent(b);
      killServer(stage.sim, old);
      const isUnseen = (): boolean => timelineOf(b.disk.wal) > before;
      stage.until("it streams the next reign", isUnseen, 3000);
      stage.expect(b.saved.epoch === 1, "It was told of that reign");
      const epoch = newestEpoch(truth(stage.sim));
      loseDirectory(stage.sim, old);
      stage.isolate(old);
      stage.wait(4000);
      stage.revive(b);
      stage.until("another opens", () => stage.openEpoch() > epoch, 8000);
      stage.expect(stage.primary() === a, "Another than who knows it won");
    },
  },
  {
    name: "R4: a copy that holds commits is replaced",
    shape: THREE,
    play: (stage) => {
      const [a] = stage.standbys();
      if (!a) return;
      killServer(stage.sim, a);
      a.disk.kind = "empty";
      a.disk.wal = { records: [], tail: 0, history: [] };
      stage.wait(40);
      stage.kill(stage.primary());
      stage.wait(3000);
    },
  },
  {
    name: "R5, T8: the list was empty, and the checkpointer is late",
    shape: TWO,
    play: (stage) => {
      const [other] = stage.standbys();
      if (!other) return;
      stage.kill(other);
      stage.until(
        "the survivor goes on alone",
        () => truth(stage.sim).rules.at(-1)?.required === 0,
      );
      const { proc } = stage.primary();
      stage.wait(1500);
      if (proc) {
        proc.checkpointerStalledUntilMs = stage.sim.world.nowMs + 3000;
      }
      stage.revive(other);
      stage.until("k = 1 again", () => isWhole(stage.sim), 30_000);
      stage.isolate(stage.primary());
      stage.wait(4000);
    },
  },
  {
    name: "R7, R8: an agent restarts and nobody is deposed",
    shape: THREE,
    play: (stage) => {
      const primary = stage.primary();
      stage.crashAgent(primary);
      stage.wait(2000);
      const before = stage.acknowledged();
      stage.revive(primary);
      stage.wait(2500);
      stage.expect(stage.openEpoch() === 1, "Its restart cost the reign");
      stage.expect(stage.acknowledged() > before, "Its restart cost writes");
    },
  },
  {
    name: "R7: a dead node is replaced within its grace",
    shape: THREE,
    play: (stage) => {
      stage.kill(stage.primary());
      stage.until("the next epoch", () => stage.openEpoch() > 1, 2500);
    },
  },
  {
    name: "R14, R17, T27: an island promotes by hand and comes back",
    shape: THREE,
    play: (stage) => {
      const [a, b] = stage.standbys();
      if (!a || !b) return;
      stage.isolate(a);
      stage.wait(200);
      promoteByHand(stage.sim, a);
      stage.wait(100);
      stage.kill(stage.primary());
      stage.mend();
      stage.wait(2500);
      stage.expect(
        stage.sim.nodes.get(a.id)?.proc?.epoch !== -1,
        "What was promoted by hand is left running",
      );
    },
  },
  {
    name: "R16: who must not win has the most, and another streams it first",
    shape: THREE,
    play: (stage) => {
      const [a, b] = stage.standbys();
      if (!a || !b) return;
      const tags = { ...NO_TAGS, nofailover: true };
      stage.order({ type: "tags", id: a.id, tags });
      stage.until(
        "the tag",
        () => truth(stage.sim).members.get(a.id)?.tags.nofailover === true,
      );
      const old = stage.primary();
      stage.cut(old, b);
      stage.wait(700);
      stage.kill(old);
      stage.mend();
      stage.until("the other reigns", () => stage.openEpoch() > 1, 10_000);
      stage.expect(stage.primary() !== a, "Who must not win has won");
    },
  },
  {
    name: "R14, R16: it streams a reign first that it never saw",
    shape: THREE,
    play: (stage) => {
      const [a, b] = stage.standbys();
      const old = stage.primary();
      if (!a || !b) return;
      const tags = { ...NO_TAGS, nofailover: true };
      stage.order({ type: "tags", id: a.id, tags });
      stage.until(
        "the tag",
        () => truth(stage.sim).members.get(a.id)?.tags.nofailover === true,
      );
      stage.isolate(b);
      stage.wait(1500);
      killServer(stage.sim, old);
      stage.until("the old primary goes on", () => stage.openEpoch() === 2);
      stage.wait(700);
      stage.kill(old);
      stage.mend();
      stage.until("the other reigns", () => stage.openEpoch() > 2, 10_000);
      stage.expect(stage.primary() === b, "Who must not win has won");
    },
  },
];

function nameBefore({ id, saved }: PgNode, epoch: number): string {
  return `pgraft_${id}_${(saved.incarnation ?? 0).toString(36)}_${epoch}`;
}

/** All of them. */
export const SCENARIOS: readonly Scenario[] = [
  ...EARLIER_SCENARIOS,
  ...LATER_SCENARIOS,
];

/**
 * Plays a scenario, heals the cluster and checks every promise.
 *
 * @param scenario What to play.
 * @param trace Takes the lines of a trace.
 * @throws {Violation} When a promise was broken.
 */
export function runScenario(
  { shape, play }: Scenario,
  trace: ((line: string) => void) | null = null,
): void {
  for (let seed = 1; seed <= SEEDS_EACH; seed++) {
    const stage = createStage(seed, shape, trace);
    play(stage);
    endStage(stage);
  }
}
