import {
  applyCommand,
  type ClusterCommand,
  EMPTY_STATE,
} from "../../pg/cluster/mod.ts";
import { between, chance, pick, schedule, tell } from "../mod.ts";
import { checkCommitted } from "./checks.ts";
import { passes, passesBoth, sendOver } from "./net.ts";
import {
  type Consensus,
  count,
  isFrozen,
  type Pending,
  type PgNode,
  type PgSim,
} from "./node.ts";

/** How long a leader is not heard of before another stands. */
export const ELECTION_TIMEOUT_MS = 1000;
const HEARTBEAT_MS = 50;
const PROPOSAL_TIMEOUT_MS = 2000;

/** Makes an empty log. */
export function createConsensus(members: Iterable<number>): Consensus {
  return {
    states: [EMPTY_STATE],
    results: [],
    members: new Set(members),
    term: 0,
    leader: 0,
    leaderGoodAtMs: -Infinity,
    timeoutMs: 100,
    pending: [],
  };
}

function isUp(sim: PgSim, node: PgNode | undefined): node is PgNode {
  return node?.agent !== null && node !== undefined && !isFrozen(sim, node);
}

/** Whether a node reaches a majority of the members, itself included. */
export function hasMajority(sim: PgSim, node: PgNode): boolean {
  const { members } = sim.consensus;
  let reached = 0;
  for (const id of members) {
    const other = sim.nodes.get(id);
    if (isUp(sim, other) && passesBoth(sim.net, node.id, id)) reached += 1;
  }
  return reached * 2 > members.size;
}

/** Watches over leadership from now on. */
export function superviseElections(sim: PgSim): void {
  const { world, consensus } = sim;
  const leader = sim.nodes.get(consensus.leader);
  const leads = leader?.agent?.leads === consensus.term;
  if (isUp(sim, leader) && leads && hasMajority(sim, leader)) {
    consensus.leaderGoodAtMs = world.nowMs;
  } else {
    const goneMs = world.nowMs - consensus.leaderGoodAtMs;
    const isGone = !leads && leader !== undefined && !isFrozen(sim, leader);
    if (goneMs > (isGone ? 30 : consensus.timeoutMs)) elect(sim);
  }
  schedule(world, 20, () => superviseElections(sim));
}

/** Gives the term to somebody who can lead. */
export function elect(sim: PgSim): void {
  const { world, consensus, nodes } = sim;
  const able = [...nodes.values()].filter((node) =>
    consensus.members.has(node.id) && isUp(sim, node) && hasMajority(sim, node)
  );
  const winner = pick(world, able);
  if (!winner?.agent) return;
  consensus.term += 1;
  consensus.leader = winner.id;
  consensus.leaderGoodAtMs = world.nowMs;
  consensus.timeoutMs = ELECTION_TIMEOUT_MS * between(world, 1, 1.3);
  const { pending } = consensus;
  consensus.pending = [];
  for (const one of pending) if (chance(world, 0.5)) commit(sim, one);
  const { agent } = winner;
  agent.leads = consensus.term;
  agent.term = consensus.term;
  agent.leaderHint = winner.id;
  agent.ownIndex = Infinity;
  count(sim, "leader changes");
  tell(world, () => `${winner.id} leads term ${consensus.term}`);
  const { term } = consensus;
  schedule(world, between(world, 2, 20), () => {
    if (consensus.term !== term || winner.agent !== agent) return;
    agent.ownIndex = consensus.states.length - 1;
    announceCommit(sim, winner);
  });
  beat(sim, winner, term);
}

function beat(sim: PgSim, node: PgNode, term: number): void {
  const { agent } = node;
  if (!agent || agent.leads !== term) return;
  if (sim.consensus.term === term && hasMajority(sim, node)) {
    announceCommit(sim, node);
    agent.leaderAtMs = sim.world.nowMs;
  } else if (sim.world.nowMs - agent.leaderAtMs > ELECTION_TIMEOUT_MS) {
    // Check-quorum: it finds out by itself, late.
    agent.leads = 0;
    agent.leaderHint = 0;
    return;
  }
  schedule(sim.world, HEARTBEAT_MS, () => beat(sim, node, term));
}

function announceCommit(sim: PgSim, leader: PgNode): void {
  const { consensus, nodes, net } = sim;
  const index = consensus.states.length - 1;
  const { term } = consensus;
  for (const node of nodes.values()) {
    sendOver(net, leader.id, node.id, () => {
      const { agent } = node;
      if (!agent || term < agent.term) return;
      const hear = (): void => {
        if (node.agent !== agent) return;
        if (isFrozen(sim, node)) {
          schedule(
            sim.world,
            node.frozenUntilMs - sim.world.nowMs + 0.01,
            hear,
          );
          return;
        }
        if (term > agent.term) agent.leads = 0;
        agent.term = Math.max(agent.term, term);
        agent.leaderHint = leader.id;
        agent.commit = Math.max(agent.commit, index);
        // Hearing of a leader is not enough: its log may have ended this node's reign (R28).
        if (agent.applied >= index) agent.leaderAtMs = sim.world.nowMs;
        applySoon(sim, node);
      };
      hear();
    });
  }
}

function applySoon(sim: PgSim, node: PgNode): void {
  const { agent } = node;
  const { world } = sim;
  if (!agent || agent.applied >= agent.commit) return;
  const lagMs = Math.max(0, agent.lagUntilMs - world.nowMs);
  const laterMs = chance(world, 0.2) ? between(world, 0, 15) : 0.05;
  schedule(world, lagMs + laterMs, () => {
    if (node.agent !== agent || agent.applied >= agent.commit) return;
    if (isFrozen(sim, node) || world.nowMs < agent.lagUntilMs) {
      applySoon(sim, node);
      return;
    }
    agent.applied = chance(world, 0.3) ? agent.applied + 1 : agent.commit;
    if (agent.applied === agent.commit) agent.leaderAtMs = world.nowMs;
    if (chance(world, 0.5)) node.durableApplied = agent.applied;
    applySoon(sim, node);
  });
}

/** Has a command committed, if that can be; `done` hears of the index, or null when nobody can say. */
export function propose(
  sim: PgSim,
  node: PgNode,
  command: ClusterCommand,
  done: (index: number | null) => void,
): void {
  const { world, consensus, net } = sim;
  let isOver = false;
  const { agent } = node;
  const end = (index: number | null): void => {
    if (isOver || node.agent !== agent) return;
    isOver = true;
    done(index);
  };
  schedule(world, PROPOSAL_TIMEOUT_MS, () => end(null));
  const leaderId = agent?.leaderHint ?? 0;
  const leader = sim.nodes.get(leaderId);
  if (!leader) return;
  sendOver(net, node.id, leaderId, () => {
    const term = leader.agent?.leads ?? 0;
    if (term === 0) return;
    const one: Pending = {
      command,
      term,
      done: (index) =>
        sendOver(net, leaderId, node.id, () => {
          end(index);
        }),
    };
    if (term !== consensus.term) {
      // A deposed leader takes what nobody will commit, unless it had a majority when it took it.
      count(sim, "proposals to a deposed leader");
      return;
    }
    consensus.pending.push(one);
    replicate(sim, leader, one);
  });
}

function replicate(sim: PgSim, leader: PgNode, one: Pending): void {
  const { world, consensus } = sim;
  schedule(world, between(world, 0.5, 5), () => {
    if (!consensus.pending.includes(one) || one.term !== consensus.term) return;
    if (!isUp(sim, leader) || !hasMajority(sim, leader)) {
      schedule(world, 20, () => replicate(sim, leader, one));
      return;
    }
    consensus.pending = consensus.pending.filter((other) => other !== one);
    commit(sim, one);
    announceCommit(sim, leader);
  });
}

function commit(sim: PgSim, { command, done }: Pending): void {
  const { states, results } = sim.consensus;
  const before = states.at(-1) ?? EMPTY_STATE;
  const { state, result } = applyCommand(before, command);
  states.push(state);
  results.push(result);
  const index = states.length - 1;
  tell(sim.world, () => {
    const short = JSON.stringify(command).slice(0, 220);
    const why = result.kind === "refused" ? ` REFUSED: ${result.why}` : "";
    return `log ${index}: ${short}${why}`;
  });
  checkCommitted(sim, before, state, command, result);
  done(index);
}

/** Confirms the state: `done` hears how far the node must apply (R15). */
export function readIndex(
  sim: PgSim,
  node: PgNode,
  done: (index: number) => void,
): void {
  const { net, consensus } = sim;
  const leaderId = node.agent?.leaderHint ?? 0;
  const leader = sim.nodes.get(leaderId);
  if (!leader) return;
  sendOver(net, node.id, leaderId, () => {
    const { agent } = leader;
    if (!agent || agent.leads !== consensus.term) return;
    if (consensus.leader !== leaderId || agent.ownIndex === Infinity) return;
    const index = consensus.states.length - 1;
    if (!hasMajority(sim, leader)) return;
    if (passes(net, leaderId, node.id)) {
      sendOver(net, leaderId, node.id, () => done(index));
    }
  });
}
