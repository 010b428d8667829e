import type { Message, NodeId } from "../raft/core/mod.ts";
import { between, chance, schedule, type World } from "./world.ts";

/** A network that loses, repeats, delays and reorders, and is cut one way or both. */
export interface Network {
  readonly world: World;
  /** `from>to` pairs that nothing passes. */
  readonly cut: Set<string>;
  lossRatio: number;
  repeatRatio: number;
  maxDelayMs: number;
  /** Hands a message to its node, if that runs. */
  deliver: (message: Message) => void;
  sent: number;
}

/** Makes a network without faults. */
export function createNetwork(world: World): Network {
  return {
    world,
    cut: new Set(),
    lossRatio: 0,
    repeatRatio: 0,
    maxDelayMs: 2,
    deliver: () => {},
    sent: 0,
  };
}

/** Whether messages pass from one node to another. */
export function passes(network: Network, from: NodeId, to: NodeId): boolean {
  return !network.cut.has(`${from}>${to}`);
}

/** Sends a message on its way. */
export function sendOver(network: Network, message: Message): void {
  const { world } = network;
  network.sent += 1;
  const copies = chance(world, network.repeatRatio) ? 2 : 1;
  for (let copy = 0; copy < copies; copy++) {
    if (chance(world, network.lossRatio)) continue;
    const delayMs = between(world, 0.05, network.maxDelayMs);
    schedule(world, delayMs, () => {
      if (passes(network, message.from, message.to)) network.deliver(message);
    });
  }
}

/** Cuts or mends a link one way. */
export function setCut(
  network: Network,
  from: NodeId,
  to: NodeId,
  isCut: boolean,
): void {
  const link = `${from}>${to}`;
  if (isCut) network.cut.add(link);
  else network.cut.delete(link);
}

/** Takes all faults away. */
export function healNetwork(network: Network): void {
  network.cut.clear();
  network.lossRatio = 0;
  network.repeatRatio = 0;
  network.maxDelayMs = 2;
}
