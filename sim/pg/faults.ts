import { NO_TAGS } from "../../pg/cluster/mod.ts";
import type { ClusterCommand } from "../../pg/cluster/mod.ts";
import { between, chance, pick, schedule, tell } from "../mod.ts";
import { crashAgent, startAgent } from "./agent.ts";
import { elect, propose } from "./consensus.ts";
import { setCut } from "./net.ts";
import { count, type PgNode, type PgSim, truth } from "./node.ts";
import { FREEZE_MS } from "./observe.ts";
import {
  killServer,
  orphanServer,
  promoteServer,
  startServer,
} from "./server.ts";
import { cancelWaits } from "./waits.ts";

/** Step kinds in whose middle an agent dies. */
const STEP_KINDS = [
  "pledge",
  "start",
  "cut_upstream",
  "follow",
  "recover_from",
  "catch_up",
  "close",
  "open",
  "set_rule",
  "own",
  "promote",
  "announce_promotion",
  "barrier",
  "announce_opening",
  "retire_rules",
  "rewind",
  "clone",
  "stop",
  "finish_replay",
  "propose",
];

type Fault = (sim: PgSim) => void;

function dataNodes(sim: PgSim): PgNode[] {
  return [...sim.nodes.values()].filter(({ isWitness }) => !isWitness);
}

function anyData(sim: PgSim): PgNode | undefined {
  return pick(sim.world, dataNodes(sim));
}

/** The node that reigns as far as the log says. */
export function reigning(sim: PgSim): PgNode | undefined {
  const { phase, grants } = truth(sim);
  if (phase.kind !== "open" && phase.kind !== "granted") return undefined;
  return sim.nodes.get(grants.at(-1)?.winner.id ?? 0);
}

function victim(sim: PgSim): PgNode | undefined {
  return chance(sim.world, 0.6) ? reigning(sim) ?? anyData(sim) : anyData(sim);
}

function reviveLater(sim: PgSim, node: PgNode): void {
  const quick = chance(sim.world, 0.4);
  const downMs = quick
    ? between(sim.world, 5, 300)
    : between(sim.world, 300, 9000);
  schedule(sim.world, downMs, () => startAgent(sim, node));
}

/** Kills the agent behind so many sub-actions of its next step of a kind, and starts it again. */
export function setAmbush(sim: PgSim, kind: string, after: number): void {
  const strike = (node: PgNode): void => {
    crashAgent(sim, node);
    const downMs = between(sim.world, 5, 4500);
    schedule(sim.world, downMs, () => startAgent(sim, node));
  };
  sim.ambush = { kind, after, strike };
}

/** Everything of a machine ends at once. */
export function killNode(sim: PgSim, node: PgNode): void {
  crashAgent(sim, node);
  killServer(sim, node);
}

/** Cuts a node off, one way or both. */
export function cutOff(
  sim: PgSim,
  inside: readonly number[],
  way: "in" | "out" | "both" = "both",
): void {
  for (const a of inside) {
    for (const b of sim.nodes.keys()) {
      if (inside.includes(b)) continue;
      if (way !== "in") setCut(sim.net, a, b, true);
      if (way !== "out") setCut(sim.net, b, a, true);
    }
  }
}

function cutFor(sim: PgSim, inside: readonly number[]): void {
  const way = pick(sim.world, ["in", "out", "both", "both", "both"] as const);
  cutOff(sim, inside, way);
  const quick = chance(sim.world, 0.3);
  const ms = quick
    ? between(sim.world, 50, 900)
    : between(sim.world, 900, 9000);
  schedule(sim.world, ms, () => {
    for (const a of inside) {
      for (const b of sim.nodes.keys()) {
        setCut(sim.net, a, b, false);
        setCut(sim.net, b, a, false);
      }
    }
  });
}

/** Proposes an operator's command through some node. */
export function command(sim: PgSim, one: ClusterCommand): void {
  const alive = [...sim.nodes.values()].filter(({ agent }) => agent);
  const node = pick(sim.world, alive);
  if (node) propose(sim, node, one, () => {});
}

/** Whether all that count are there: only then may a copy be destroyed by the run. */
export function isWhole(sim: PgSim): boolean {
  const { phase, rules, members } = truth(sim);
  if (phase.kind !== "open" || rules.length !== 1) return false;
  const primary = reigning(sim);
  return dataNodes(sim).every((node) =>
    node === primary || !members.has(node.id) ||
    (node.proc?.receiver?.upstream === primary &&
      members.get(node.id)?.incarnation === node.saved.incarnation &&
      rules[0]?.standbys.some((copy) =>
        copy.id === node.id && copy.incarnation === node.saved.incarnation
      ))
  ) && primary?.proc?.mode === "primary";
}

/** Whether every copy is whole and on a history that was granted: one at a time may be spoilt by hand. */
function isUnspoilt(sim: PgSim): boolean {
  return dataNodes(sim).every(({ disk }) =>
    disk.kind === "present" && !disk.marker &&
    disk.wal.records.at(-1)?.epoch !== -1
  );
}

/**
 * Whether a promotion by hand leaves another copy that would do: who is told to stream from it follows it. A winner
 * that is about to promote has its rule already: by hand it would acknowledge under no grant.
 */
function maySpoil(sim: PgSim, node: PgNode): boolean {
  const { id } = node;
  return node !== reigning(sim) && isUnspoilt(sim) &&
    dataNodes(sim).every(({ disk, proc, saved }) =>
      disk.conninfo?.upstream !== id && proc?.conninfo?.upstream !== id &&
      saved.upstream?.id !== id
    );
}

/** PostgreSQL dies, and its data directory with it. */
export function loseDirectory(sim: PgSim, node: PgNode): void {
  const { disk } = node;
  killServer(sim, node);
  disk.kind = "empty";
  disk.wiped = { wal: disk.wal, atMs: sim.world.nowMs };
  disk.wal = { records: [], tail: 0, history: [] };
  disk.shutdownLsn = null;
}

/** Promotes a standby as an operator does who knows no better. */
export function promoteByHand(sim: PgSim, node: PgNode): void {
  const { proc } = node;
  if (!proc?.hasPostmaster || proc.mode !== "standby" || proc.promoting) return;
  promoteServer(sim, node, proc, { epoch: -1, timeline: 0 });
}

const FAULTS: readonly (readonly [string, number, Fault])[] = [
  ["kill PostgreSQL", 8, (sim) => {
    const node = victim(sim);
    if (node) killServer(sim, node);
  }],
  ["kill postmaster only", 3, (sim) => {
    const node = victim(sim);
    if (node) orphanServer(sim, node);
  }],
  ["kill agent", 8, (sim) => {
    const node = victim(sim);
    if (!node?.agent) return;
    crashAgent(sim, node);
    reviveLater(sim, node);
  }],
  ["kill node", 10, (sim) => {
    const node = victim(sim);
    if (!node?.agent) return;
    killNode(sim, node);
    reviveLater(sim, node);
  }],
  ["kill all", 1, (sim) => {
    for (const node of sim.nodes.values()) {
      if (!node.agent) continue;
      killNode(sim, node);
      reviveLater(sim, node);
    }
  }],
  ["freeze node", 4, (sim) => {
    const node = victim(sim);
    if (node) {
      node.frozenUntilMs = sim.world.nowMs + between(sim.world, 50, 5000);
    }
  }],
  ["freeze postmaster", 2, (sim) => {
    const { proc } = victim(sim) ?? {};
    if (proc) proc.postmasterFrozenUntilMs = sim.world.nowMs + FREEZE_MS;
  }],
  ["cut node off", 9, (sim) => {
    const node = victim(sim);
    if (node) cutFor(sim, [node.id]);
  }],
  ["cut pair off", 5, (sim) => {
    const primary = reigning(sim);
    const other = anyData(sim);
    if (primary && other && primary !== other) {
      cutFor(sim, [primary.id, other.id]);
    }
  }],
  ["cut link", 4, (sim) => {
    const a = anyData(sim);
    const b = anyData(sim);
    if (!a || !b || a === b) return;
    setCut(sim.net, a.id, b.id, true);
    schedule(sim.world, between(sim.world, 100, 6000), () => {
      setCut(sim.net, a.id, b.id, false);
    });
  }],
  ["bad network", 3, (sim) => {
    Object.assign(sim.net, {
      lossRatio: between(sim.world, 0, 0.3),
      repeatRatio: between(sim.world, 0, 0.3),
      maxDelayMs: between(sim.world, 2, 80),
      tardyRatio: between(sim.world, 0, 0.05),
    });
    schedule(sim.world, between(sim.world, 300, 5000), () => {
      Object.assign(sim.net, {
        lossRatio: 0,
        repeatRatio: 0,
        maxDelayMs: 2,
        tardyRatio: 0,
      });
    });
  }],
  ["full disk", 2, (sim) => {
    const node = victim(sim);
    if (!node) return;
    node.diskFullUntilMs = sim.world.nowMs + between(sim.world, 200, 4000);
  }],
  ["hung disk", 2, (sim) => {
    const node = victim(sim);
    if (!node) return;
    node.diskHungUntilMs = sim.world.nowMs + between(sim.world, 200, 5000);
  }],
  ["ambush", 14, (sim) => {
    const kind = pick(sim.world, STEP_KINDS) ?? "pledge";
    setAmbush(sim, kind, Math.floor(between(sim.world, 0, 6)));
  }],
  ["change leader", 5, (sim) => elect(sim)],
  ["lagging applier", 4, (sim) => {
    const { agent } = pick(sim.world, [...sim.nodes.values()]) ?? {};
    if (agent) {
      agent.lagUntilMs = sim.world.nowMs + between(sim.world, 50, 2500);
    }
  }],
  ["cancelled waits", 3, (sim) => {
    const { proc } = reigning(sim) ?? {};
    if (proc) cancelWaits(sim, proc);
  }],
  ["stalled checkpointer", 3, (sim) => {
    for (const { proc } of dataNodes(sim)) {
      if (proc) {
        proc.checkpointerStalledUntilMs = sim.world.nowMs +
          between(sim.world, 100, 3000);
      }
    }
  }],
  ["held replay", 4, (sim) => {
    const { proc } = anyData(sim) ?? {};
    if (proc) {
      proc.replayHeldUntilMs = sim.world.nowMs + between(sim.world, 200, 4000);
    }
  }],
  ["start by the system", 3, (sim) => {
    const node = dataNodes(sim).find(({ proc, disk }) =>
      !proc && disk.kind === "present" && !disk.marker
    );
    if (node) startServer(sim, node);
  }],
  ["promotion by hand", 1, (sim) => {
    const node = anyData(sim);
    if (!node || !maySpoil(sim, node)) return;
    promoteByHand(sim, node);
  }],
  ["promotion on an island", 1, (sim) => {
    const node = anyData(sim);
    if (!node || !maySpoil(sim, node)) return;
    cutFor(sim, [node.id]);
    schedule(sim.world, between(sim.world, 10, 300), () => {
      if (maySpoil(sim, node)) promoteByHand(sim, node);
    });
  }],
  ["wiped directory", 2, (sim) => {
    const node = victim(sim);
    if (node && isWhole(sim)) loseDirectory(sim, node);
  }],
  ["switchover", 8, (sim) => {
    const { phase } = truth(sim);
    if (phase.kind !== "open") return;
    const { epoch } = phase;
    const target = chance(sim.world, 0.5) ? anyData(sim)?.id ?? null : null;
    command(sim, { type: "handover", epoch, target });
  }],
  ["tags", 3, (sim) => {
    const node = anyData(sim);
    if (!node) return;
    const tags = {
      ...NO_TAGS,
      nofailover: chance(sim.world, 0.4),
      nosync: chance(sim.world, 0.25),
      failoverPriority: pick(sim.world, [50, 100, 200]) ?? 100,
      cascadeFrom: chance(sim.world, 0.25) ? anyData(sim)?.id ?? null : null,
    };
    command(sim, { type: "tags", id: node.id, tags });
  }],
  ["mode", 2, (sim) => {
    const modes = ["quorum", "strict", "off"] as const;
    const mode = pick(sim.world, modes) ?? "quorum";
    command(sim, { type: "mode", mode });
  }],
  ["pause", 1, (sim) => {
    command(sim, { type: "pause", paused: true });
    schedule(sim.world, between(sim.world, 500, 5000), () => {
      command(sim, { type: "pause", paused: false });
    });
  }],
  ["leave", 1, (sim) => {
    const node = anyData(sim);
    if (!node || !isWhole(sim) || sim.nodes.size < 4) return;
    if (node === reigning(sim)) return;
    command(sim, { type: "leave", id: node.id });
    leaveWhenFree(sim, node);
  }],
];

/** Whether a rule in force names a copy of a member. */
export function isNamedById(sim: PgSim, member: number): boolean {
  return truth(sim).rules.some(({ standbys, primary }) =>
    primary.id === member || standbys.some(({ id }) => id === member)
  );
}

/** The member leaves the group once no rule names it, and comes back as a new one. */
export function leaveWhenFree(sim: PgSim, node: PgNode): void {
  schedule(sim.world, 500, () => {
    if (!truth(sim).members.get(node.id)?.leaving) return;
    if (isNamedById(sim, node.id)) {
      leaveWhenFree(sim, node);
      return;
    }
    sim.consensus.members.delete(node.id);
    schedule(sim.world, between(sim.world, 500, 4000), () => {
      sim.consensus.members.add(node.id);
    });
  });
}

const TOTAL_WEIGHT = FAULTS.reduce((sum, [, weight]) => sum + weight, 0);

/** Lets faults come until the run ends them. */
export function startFaults(sim: PgSim): void {
  const { world } = sim;
  schedule(world, between(world, 100, 2500), () => {
    if (!sim.running) return;
    strike(sim);
    if (chance(world, 0.25)) strike(sim);
    startFaults(sim);
  });
}

function strike(sim: PgSim): void {
  let left = between(sim.world, 0, TOTAL_WEIGHT);
  for (const [name, weight, fault] of FAULTS) {
    left -= weight;
    if (left > 0) continue;
    count(sim, `fault: ${name}`);
    tell(sim.world, () => `== ${name}`);
    fault(sim);
    return;
  }
}
