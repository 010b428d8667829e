import { between, chance, schedule, type World } from "../mod.ts";

/** Links between machines: late, lossy, cut one way or both. */
export interface Net {
  readonly world: World;
  readonly cut: Set<string>;
  lossRatio: number;
  repeatRatio: number;
  maxDelayMs: number;
  /** Of these messages each takes seconds, and comes when nobody thinks of it. */
  tardyRatio: number;
}

const MAX_TARDY_MS = 3000;

/** Makes links without faults. */
export function createNet(world: World): Net {
  return {
    world,
    cut: new Set(),
    lossRatio: 0,
    repeatRatio: 0,
    maxDelayMs: 2,
    tardyRatio: 0,
  };
}

/** Whether anything passes from one machine to another. */
export function passes({ cut }: Net, from: number, to: number): boolean {
  return from === to || !cut.has(`${from}>${to}`);
}

/** Whether two machines hear each other. */
export function passesBoth(net: Net, a: number, b: number): boolean {
  return passes(net, a, b) && passes(net, b, a);
}

/** Cuts or mends a link one way. */
export function setCut(
  { cut }: Net,
  from: number,
  to: number,
  isCut: boolean,
): void {
  if (isCut) cut.add(`${from}>${to}`);
  else cut.delete(`${from}>${to}`);
}

/** Sends a message that may be lost, repeated or late. */
export function sendOver(
  net: Net,
  from: number,
  to: number,
  deliver: () => void,
): void {
  const { world } = net;
  const copies = chance(world, net.repeatRatio) ? 2 : 1;
  for (let copy = 0; copy < copies; copy++) {
    if (from !== to && chance(world, net.lossRatio)) continue;
    const isTardy = chance(world, net.tardyRatio);
    const maxMs = isTardy ? MAX_TARDY_MS : net.maxDelayMs;
    const underWay = isTardy && passes(net, from, to);
    schedule(world, between(world, 0.05, maxMs), () => {
      if (underWay || passes(net, from, to)) deliver();
    });
  }
}

/** Takes all faults away. */
export function healNet(net: Net): void {
  net.cut.clear();
  net.lossRatio = 0;
  net.repeatRatio = 0;
  net.maxDelayMs = 2;
  net.tardyRatio = 0;
}
