import { lastIndex } from "../raft/core/mod.ts";
import { input } from "../raft/driver/mod.ts";
import { watchReads } from "./clients.ts";
import { cutOff, later, leaderOf, type Nemesis, restart } from "./nemesis.ts";
import { healNetwork, setCut } from "./network.ts";
import type { SimNode } from "./node.ts";
import { between, chance, pick } from "./world.ts";

/**
 * Another node comes to lead while the old leader does not hear of it: whatever that still answers is
 * old. Reads are asked of everybody meanwhile.
 */
export function overthrow(nemesis: Nemesis): void {
  const { cluster } = nemesis;
  const leader = leaderOf(cluster);
  const others = [...cluster.nodes.values()].filter((it) => it !== leader);
  const heir = pick(cluster.world, others);
  const way = pick(cluster.world, PLOTS);
  if (!leader || !heir || !way) return;
  // Most plots need that the others still reach each other.
  if (chance(cluster.world, 0.8)) healNetwork(cluster.network);
  way({ nemesis, leader, heir, others });
}

const PLOTS: readonly ((plot: Plot) => void)[] = [
  (plot): void => byTransfer(plot),
  byLateOrder,
  byLateAnswer,
  byNamesake,
  byElection,
  byQuietElection,
];

/** How many milliseconds a transfer waits for a good moment. */
const LEVEL_TRIES = 300;

interface Plot {
  readonly nemesis: Nemesis;
  readonly leader: SimNode;
  readonly heir: SimNode;
  readonly others: readonly SimNode[];
}

/** The leader hands over, then hears nothing more. */
function byTransfer(plot: Plot, leftTries: number = LEVEL_TRIES): void {
  const { nemesis, leader, heir } = plot;
  const { cluster } = nemesis;
  const { world } = cluster;
  if (!isLevel(leader, heir) && leftTries > 0) {
    later(nemesis, 1, () => byTransfer(plot, leftTries - 1));
    return;
  }
  handOver(leader, heir);
  later(nemesis, between(world, 0, 2), () => {
    cutOff(cluster, leader, "in");
    watchReads(cluster);
  });
  later(nemesis, between(world, 4, 500), () => cutOff(cluster, leader));
}

/** Whether the heir has all of the leader's log, so that a transfer does not wait for its answer. */
function isLevel({ driver }: SimNode, heir: SimNode): boolean {
  const match = driver?.core.leader?.progress.get(heir.id)?.match;
  return driver !== null && match === lastIndex(driver.core.log);
}

/** The order to stand comes seconds late, when the leader has taken the transfer for failed. */
function byLateOrder({ nemesis, leader, heir }: Plot): void {
  const { cluster } = nemesis;
  const { network } = cluster;
  const { tardyRatio } = network;
  network.tardyRatio = 1;
  handOver(leader, heir);
  later(nemesis, 1, () => network.tardyRatio = tardyRatio);
  for (const startMs of [1100, 2100, 3100, 4100, 5100]) {
    later(nemesis, startMs, () => {
      cutOff(cluster, leader, "both");
      watchReads(cluster, 800);
    });
    later(nemesis, startMs + 700, () => healNetwork(network));
  }
}

/** Answers come seconds late and look as if the leader still had followers. */
function byLateAnswer({ nemesis, leader }: Plot): void {
  const { cluster } = nemesis;
  const { world, network } = cluster;
  network.tardyRatio = 0.5;
  later(nemesis, between(world, 300, 1500), () => {
    cutOff(cluster, leader, "both");
    network.tardyRatio = 0;
    watchReads(cluster, 4000);
  });
}

/** A reader restarts twice, so that answers to its former self come when it asks the same anew. */
function byNamesake({ nemesis, heir }: Plot): void {
  const { cluster } = nemesis;
  const { world, network } = cluster;
  network.tardyRatio = 0.5;
  restart(nemesis, heir);
  watchReads(cluster);
  later(nemesis, between(world, 100, 1000), () => {
    restart(nemesis, heir);
    watchReads(cluster);
  });
  later(nemesis, 2000, () => network.tardyRatio = 0);
}

/** An heir with all that the others have stands while they may still be bound, or have restarted. */
function byElection({ nemesis, leader, heir, others }: Plot): void {
  const { cluster } = nemesis;
  const { world } = cluster;
  cutOff(cluster, leader, "both");
  watchReads(cluster);
  // A process that restarts knows of no leader, so it may stand at once.
  restart(nemesis, heir);
  if (chance(world, 0.5)) {
    for (const other of others) if (other !== heir) restart(nemesis, other);
  }
  standAgain(nemesis, heir);
}

/** An heir that has not heard the leader for long is bound by nothing; the others still are. */
function byQuietElection({ nemesis, leader, heir }: Plot): void {
  const { cluster } = nemesis;
  const { world, network } = cluster;
  cluster.quietUntilMs = world.nowMs + 1500;
  later(nemesis, 50, () => {
    setCut(network, leader.id, heir.id, true);
    setCut(network, heir.id, leader.id, true);
  });
  later(nemesis, 1450, () => {
    cutOff(cluster, leader, "both");
    watchReads(cluster);
    standAgain(nemesis, heir);
  });
}

/** Stands so often that it wins as soon as anybody lets it. */
function standAgain(nemesis: Nemesis, heir: SimNode): void {
  const { world } = nemesis.cluster;
  for (let delayMs = 8; delayMs < 1200; delayMs += between(world, 10, 60)) {
    later(nemesis, delayMs, () => stand(heir));
  }
}

function handOver(leader: SimNode, heir: SimNode): void {
  if (!leader.driver) return;
  input(leader.driver, { kind: "transfer", target: heir.id });
}

function stand({ driver }: SimNode): void {
  if (driver && driver.core.leaderId === 0) input(driver, { kind: "campaign" });
}
