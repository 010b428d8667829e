import type { Message, NodeId } from "../core/mod.ts";
import type { RaftTransport, TransportEvents } from "../ports.ts";

/** The nodes of a memory network that can be reached. */
export interface MemoryNetwork {
  /** Makes the transport of a node. */
  transport(id: NodeId): RaftTransport;
  /** Cuts a node off, or lets it back in: nothing passes, and nothing proves that it is gone. */
  isolate(id: NodeId, isolated: boolean): void;
}

/**
 * Makes a network inside this process.
 *
 * @returns The network, without nodes.
 *
 * @example Usage
 * ```ts
 * import { createMemoryNetwork } from "./transport.ts";
 *
 * const network = createMemoryNetwork();
 * const transport = network.transport(1);
 * await transport.start({ message() {}, gone() {}, present() {} });
 * await transport.stop();
 * ```
 */
export function createMemoryNetwork(): MemoryNetwork {
  const nodes = new Map<NodeId, TransportEvents>();
  const isolated = new Set<NodeId>();
  const passes = (from: NodeId, to: NodeId): boolean =>
    !isolated.has(from) && !isolated.has(to);
  const others = (id: NodeId): [NodeId, TransportEvents][] =>
    [...nodes].filter(([other]) => other !== id && passes(id, other));
  return {
    transport: (id) => ({
      start(events): Promise<void> {
        nodes.set(id, events);
        for (const [, other] of others(id)) later(() => other.present(id));
        return Promise.resolve();
      },
      send(message: Message): void {
        later(() => {
          if (!nodes.has(id) || !passes(id, message.to)) return;
          nodes.get(message.to)?.message(message);
        });
      },
      setPeers(): void {},
      probe(peer): void {
        later(() => {
          const gone = passes(id, peer) && !nodes.has(peer);
          const events = nodes.get(id);
          if (gone) events?.gone(peer);
          else events?.present(peer);
        });
      },
      stop(): Promise<void> {
        nodes.delete(id);
        for (const [, other] of others(id)) later(() => other.gone(id));
        return Promise.resolve();
      },
    }),
    isolate(id, isIsolated): void {
      if (isIsolated) isolated.add(id);
      else isolated.delete(id);
    },
  };
}

function later(run: () => void): void {
  queueMicrotask(run);
}
