import type { ClusterCommand } from "../../pg/cluster/mod.ts";
import { Violation } from "../mod.ts";
import { crashAgent, startAgent } from "./agent.ts";
import { startClients } from "./clients.ts";
import { elect } from "./consensus.ts";
import { cutOff, isWhole, killNode, reigning } from "./faults.ts";
import { command } from "./faults.ts";
import { setCut } from "./net.ts";
import { type PgNode, type PgSim, truth } from "./node.ts";
import { createPgSim, heal, recover, runUntil, type Shape } from "./run.ts";

/** A cluster in which a script brings events about. */
export interface Stage {
  readonly sim: PgSim;
  /** Lets time pass. */
  wait(ms: number): void;
  /** Lets time pass until something holds; it must, in time. */
  until(what: string, holds: () => boolean, ms?: number): void;
  /** Who reigns. */
  primary(): PgNode;
  /** The other data members, lowest number first. */
  standbys(): PgNode[];
  /** Some node by its number. */
  node(id: number): PgNode;
  /** Ends a machine, or starts it again. */
  kill(node: PgNode): void;
  revive(node: PgNode): void;
  crashAgent(node: PgNode): void;
  /** Cuts both ways between two machines, or one from all. */
  cut(a: PgNode, b: PgNode): void;
  isolate(...nodes: PgNode[]): void;
  mend(): void;
  order(command: ClusterCommand): void;
  /** The epoch that is open; 0 for none. */
  openEpoch(): number;
  acknowledged(): number;
  /** Says that something is not as the rule has it. */
  expect(holds: boolean, what: string): void;
}

/** A run of events that breaks a cluster without the rule. */
export interface Scenario {
  readonly name: string;
  readonly shape: Shape;
  readonly play: (stage: Stage) => void;
}

/** Forms a cluster with clients. */
export function createStage(
  seed: number,
  shape: Shape,
  trace: ((line: string) => void) | null,
): Stage {
  const sim = createPgSim(seed, shape, trace);
  startClients(sim, 6);
  const stage = stageOf(sim);
  const hasFormed = (): boolean =>
    truth(sim).members.size === shape.data && isWhole(sim);
  stage.until("the cluster has formed", hasFormed, 15_000);
  stage.wait(300);
  return stage;
}

function stageOf(sim: PgSim): Stage {
  const expect = (holds: boolean, what: string): void => {
    if (!holds) throw new Violation(what);
  };
  const present = (node: PgNode | undefined): PgNode => {
    if (!node) throw new Violation("There is no such node");
    return node;
  };
  const stage: Stage = {
    sim,
    expect,
    wait: (ms) => void runUntil(sim, ms, () => false),
    until: (what, holds, ms = 20_000) =>
      expect(holds() || runUntil(sim, ms, holds), `Not in ${ms} ms: ${what}`),
    primary: () => present(reigning(sim)),
    standbys: () =>
      [...sim.nodes.values()].filter((node) =>
        !node.isWitness && node !== reigning(sim)
      ),
    node: (id) => present(sim.nodes.get(id)),
    kill: (node) => killNode(sim, node),
    revive: (node) => startAgent(sim, node),
    crashAgent: (node) => crashAgent(sim, node),
    cut: (a, b) => {
      setCut(sim.net, a.id, b.id, true);
      setCut(sim.net, b.id, a.id, true);
    },
    isolate: (...nodes) => cutOff(sim, nodes.map(({ id }) => id)),
    mend: () => sim.net.cut.clear(),
    order: (one) => command(sim, one),
    openEpoch: () => {
      const { phase } = truth(sim);
      return phase.kind === "open" ? phase.epoch : 0;
    },
    acknowledged: () => sim.counts.get("acknowledged") ?? 0,
  };
  return stage;
}

/** Makes a given node lead, as far as that can be. */
export function letLead({ sim }: Stage, node: PgNode): void {
  for (let tries = 0; tries < 50 && sim.consensus.leader !== node.id; tries++) {
    elect(sim);
  }
}

/** Ends a scenario: healed, the cluster must be whole again and hold what it promised. */
export function endStage({ sim }: Stage): void {
  sim.running = false;
  heal(sim);
  recover(sim);
}
