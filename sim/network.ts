import type { Message, NodeId } from "../raft/core/mod.ts";
import { between, chance, schedule, type World } from "./world.ts";

/** How late a message may come. */
const MAX_TARDY_MS = 6000;

/** A network that loses, repeats, delays and reorders, and is cut one way or both. */
export interface Network {
  readonly world: World;
  /** `from>to` pairs that nothing passes. */
  readonly cut: Set<string>;
  lossRatio: number;
  repeatRatio: number;
  maxDelayMs: number;
  /** Of these messages each takes up to {@linkcode MAX_TARDY_MS}: they come when nobody thinks of them. */
  tardyRatio: number;
  /** Nodes that refuse connections although they live, as behind a firewall that rejects. */
  readonly refusing: Set<NodeId>;
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
    tardyRatio: 0,
    refusing: new Set(),
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
    const tardy = chance(world, network.tardyRatio);
    const maxDelayMs = tardy ? MAX_TARDY_MS : network.maxDelayMs;
    const delayMs = between(world, 0.05, maxDelayMs);
    const { from, to } = message;
    // What is that late was on its way before a link was cut, and is let through afterwards.
    const underWay = tardy && passes(network, from, to);
    schedule(world, delayMs, () => {
      if (underWay || passes(network, from, to)) network.deliver(message);
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
  network.tardyRatio = 0;
}
