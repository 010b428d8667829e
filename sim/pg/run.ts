import { NOTHING_SAVED } from "../../pg/policy/mod.ts";
import { NO_TAGS, requiredOf } from "../../pg/cluster/mod.ts";
import {
  between,
  chance,
  createWorld,
  pick,
  runNext,
  schedule,
  tell,
  Violation,
} from "../mod.ts";
import { startAgent } from "./agent.ts";
import { createChecks } from "./checks.ts";
import { startClients } from "./clients.ts";
import { createConsensus, superviseElections } from "./consensus.ts";
import {
  command,
  isNamedById,
  isWhole,
  reigning,
  startFaults,
} from "./faults.ts";
import { losePrimary } from "./losing.ts";
import { createNet, healNet } from "./net.ts";
import { count, createNode, type PgNode, type PgSim, truth } from "./node.ts";

/** What a run shall do. */
export interface PgSimOptions {
  readonly seed: number;
  /** Virtual time under faults; the healing comes on top. */
  readonly faultsMs?: number;
  readonly trace?: ((line: string) => void) | undefined;
}

/** What a run did. */
export interface PgSimReport {
  readonly seed: number;
  readonly simulatedMs: number;
  readonly events: number;
  readonly counts: ReadonlyMap<string, number>;
}

const FAULTS_MS = 60_000;
/** How long a healed cluster may take until everybody streams. */
const RECOVERY_MS = 60_000;

/** How long an operator watches a cluster that is stuck. */
const OPERATOR_MS = 20_000;

/** How a cluster is made up. */
export interface Shape {
  readonly data: number;
  readonly witness: boolean;
  /** @default {0} */
  readonly moreWitnesses?: number;
}

/** Makes a cluster of empty machines, whose agents found it. */
export function createPgSim(
  seed: number,
  shape: Shape | null = null,
  trace: ((line: string) => void) | null = null,
): PgSim {
  const world = createWorld(seed);
  world.trace = trace;
  const { data, witness, moreWitnesses = 0 } = shape ?? pick<Shape>(world, [
    { data: 3, witness: false },
    { data: 3, witness: false },
    { data: 2, witness: true },
    { data: 4, witness: false },
    { data: 5, witness: false },
  ]) ?? { data: 3, witness: false };
  const nodes = new Map<number, PgNode>();
  for (let id = 1; id <= data + moreWitnesses + (witness ? 1 : 0); id++) {
    const rate = between(world, 0.97, 1.03);
    nodes.set(id, createNode(id, id > data, rate, NOTHING_SAVED));
  }
  const sim: PgSim = {
    world,
    net: createNet(world),
    nodes,
    consensus: createConsensus(nodes.keys()),
    checks: createChecks(),
    ambush: null,
    nextRow: 1,
    nextIncarnation: 1001,
    running: true,
    rewindFailure: 1 / 6,
    gone: 0,
    counts: new Map(),
  };
  for (const node of nodes.values()) startAgent(sim, node);
  superviseElections(sim);
  return sim;
}

/**
 * Runs a cluster under faults, heals it, and checks every promise.
 *
 * @param options The seed, and how long.
 * @returns What happened.
 * @throws {Violation} When a promise was broken.
 */
export function simulatePg(options: PgSimOptions): PgSimReport {
  const { seed, faultsMs = FAULTS_MS, trace = null } = options;
  const sim = createPgSim(seed, null, trace);
  const { world } = sim;
  startClients(sim, 3 + Math.floor(between(world, 0, 4)));
  if (chance(world, 0.8)) runUntil(sim, 8000, () => isWhole(sim));
  startFaults(sim);
  runUntil(sim, faultsMs, () => false);
  sim.running = false;
  heal(sim);
  if (chance(world, 0.5)) {
    losePrimary(sim, (ms, holds) => runUntil(sim, ms, holds));
  }
  recover(sim);
  return {
    seed,
    simulatedMs: world.nowMs,
    events: world.ran,
    counts: sim.counts,
  };
}

/** Lets time pass, until something holds; tells whether it came to hold. */
export function runUntil(
  { world }: PgSim,
  ms: number,
  holds: () => boolean,
): boolean {
  const endMs = world.nowMs + ms;
  while (world.nowMs < endMs && runNext(world)) if (holds()) return true;
  return false;
}

/** Takes every fault and every operator's wish away. */
export function heal(sim: PgSim): void {
  tell(sim.world, () => "== the faults end");
  const { world, net, nodes, consensus } = sim;
  sim.ambush = null;
  const healedAtMs = world.nowMs;
  healNet(net);
  for (const node of nodes.values()) {
    node.frozenUntilMs = 0;
    node.diskHungUntilMs = 0;
    node.diskFullUntilMs = 0;
    if (node.agent) node.agent.lagUntilMs = 0;
    if (node.proc) {
      node.proc.postmasterFrozenUntilMs = 0;
      node.proc.replayHeldUntilMs = 0;
      node.proc.checkpointerStalledUntilMs = 0;
    }
  }
  const again = (): void => {
    const state = truth(sim);
    for (const node of nodes.values()) {
      startAgent(sim, node);
      // Who was leaving leaves, and comes back as a new member once it is forgotten.
      if (!state.members.get(node.id)?.leaving) consensus.members.add(node.id);
      else if (!isNamedById(sim, node.id)) consensus.members.delete(node.id);
    }
    if (state.mode === "off") command(sim, { type: "mode", mode: "quorum" });
    if (state.paused) command(sim, { type: "pause", paused: false });
    for (const { id, tags } of state.members.values()) {
      if (tags.nofailover || tags.nosync || tags.cascadeFrom !== null) {
        command(sim, { type: "tags", id, tags: NO_TAGS });
      }
    }
    // Where a promotion by hand has spoilt the last copy that would do, or a rule counted on one that is
    // lost alone, an operator decides (R31).
    const { phase } = state;
    const isSpoilt = sim.counts.has("promotions without a grant");
    const isLate = world.nowMs > healedAtMs + OPERATOR_MS;
    if (
      phase.kind === "sealing" && isLate && (isSpoilt || isOnlyOneLost(sim))
    ) {
      const { epoch } = phase;
      command(sim, { type: "force", epoch, target: null, atMs: world.nowMs });
    }
    schedule(world, 300, again);
  };
  again();
}

/** Whether commits may have waited for nobody on a primary whose directory is lost. */
function isOnlyOneLost(sim: PgSim): boolean {
  return truth(sim).rules.some(({ primary, required }) =>
    required === 0 && sim.nodes.get(primary.id)?.disk.kind === "empty"
  );
}

/** Sees a healed cluster whole again and writing, within its bound. */
export function recover(sim: PgSim): void {
  const before = sim.counts.get("acknowledged") ?? 0;
  const isWritten = (): boolean =>
    (sim.counts.get("acknowledged") ?? 0) > before;
  let nextLookMs = 0;
  const isDone = runUntil(sim, RECOVERY_MS, () => {
    if (sim.world.nowMs < nextLookMs) return false;
    nextLookMs = sim.world.nowMs + 50;
    return isWritten() && isWhole(sim) && isComplete(sim);
  });
  if (!isDone && isLeftToAdoption(sim)) {
    count(sim, "left to adoption");
    return;
  }
  if (!isDone) {
    throw new Violation(
      `Healed, but after ${RECOVERY_MS} ms not everybody streams: ${
        describe(sim)
      }`,
    );
  }
}

/** Whether promotions by hand have spoilt every copy, directly or by a stream: no leave to lose data helps. */
function isLeftToAdoption(sim: PgSim): boolean {
  const { phase } = truth(sim);
  const leader = sim.nodes.get(sim.consensus.leader);
  return sim.counts.has("promotions without a grant") &&
    phase.kind === "sealing" && phase.attempt.kind === "forced" &&
    leader?.agent?.findings === "No sealed member has valid data";
}

function isComplete(sim: PgSim): boolean {
  const { members, rules } = truth(sim);
  const data = [...sim.nodes.values()].filter(({ isWitness }) => !isWitness);
  return members.size === data.length &&
    [...members.values()].every(({ counted, leaving }) =>
      counted && !leaving
    ) && rules.length === 1 && rules[0]?.required === requiredOf(truth(sim)) &&
    rules[0].standbys.length === data.length - 1 &&
    reigning(sim)?.proc?.hbaOpen === true;
}

function describe(sim: PgSim): string {
  const { phase, rules, members } = truth(sim);
  const nodes = [...sim.nodes.values()].map(({ id, saved, disk, proc }) =>
    `${id}: ${JSON.stringify(saved)} ${disk.marker ?? disk.kind} ${
      proc?.mode ?? "stopped"
    } broken=${proc?.broken} conninfo=${
      JSON.stringify(proc?.conninfo)
    } receiver=${Boolean(proc?.receiver)} ${
      disk.wal.records.length - (proc?.replayed ?? 0)
    } to replay, end ${disk.wal.records.at(-1)?.end}, timelines ${
      disk.wal.history.map(({ timeline, lsn }) => `${timeline}@${lsn}`).slice(
        -4,
      )
    }`
  );
  const leader = sim.nodes.get(sim.consensus.leader);
  return [
    JSON.stringify(phase),
    leader?.agent?.findings ?? "nobody leads",
    JSON.stringify(rules),
    JSON.stringify(
      [...members.values()].map(({ id, incarnation, counted, leaving, tags }) =>
        `${id}/${incarnation} ${counted ? "counted" : ""} ${
          leaving ? "leaving" : ""
        }${tags.nofailover ? " nofailover" : ""}`
      ),
    ),
    ...nodes,
  ].join("\n  ");
}
