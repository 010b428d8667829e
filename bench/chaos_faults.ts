import { present, type Random } from "../base/mod.ts";
import type { PgCluster, PgNode } from "../tests/postgres/mod.ts";

/** What a fault is let happen to. */
export interface ChaosRound {
  readonly cluster: PgCluster;
  readonly random: Random;
  readonly primary: PgNode;
  readonly standbys: readonly PgNode[];
}

/** Ends a fault. */
export type Heal = () => Promise<void>;

/** Something that befalls a cluster. */
export interface ChaosFault {
  readonly name: string;
  /** Lets it happen; what it returns makes everything whole that does not mend itself. */
  strike(round: ChaosRound): Promise<Heal>;
}

const ANSWER_TIMEOUT_MS = 90_000;

const nothing: Heal = () => Promise.resolve();

/** One of several, by chance. */
export function pick<T>(random: Random, list: readonly T[]): T {
  return present(list[Math.floor(random.next() * list.length)], "a choice");
}

function comeBack(...nodes: readonly PgNode[]): Heal {
  return () => {
    for (const node of nodes) {
      node.thaw();
      if (node.agent.process().status() !== null) node.restart();
    }
    return Promise.resolve();
  };
}

/** What an operator asks for may be refused while something else is under way. */
async function ask(
  { agent }: PgNode,
  method: "POST" | "PUT",
  path: string,
  body: unknown,
): Promise<void> {
  await agent.client.request(method, path, body, {
    timeoutMs: ANSWER_TIMEOUT_MS,
  });
}

function aStandby({ random, standbys }: ChaosRound): PgNode {
  return pick(random, standbys);
}

function anyNode({ random, cluster }: ChaosRound): PgNode {
  return pick(random, cluster.nodes);
}

type Victim = (round: ChaosRound) => PgNode;

const VICTIMS: readonly (readonly [string, Victim])[] = [
  ["primary", ({ primary }) => primary],
  ["standby", aStandby],
];

/** Faults that befall one node, the primary or another. */
function onOne(
  what: string,
  strike: (node: PgNode) => unknown,
): ChaosFault[] {
  return VICTIMS.map(([who, victim]) => ({
    name: `${what} (${who})`,
    async strike(round): Promise<Heal> {
      const node = victim(round);
      await strike(node);
      return comeBack(node);
    },
  }));
}

function order(kind: string, victim: Victim): ChaosFault {
  return {
    name: `order: ${kind}`,
    async strike(round): Promise<Heal> {
      const node = victim(round);
      await ask(round.primary, "POST", `/v1/nodes/${node.id}/${kind}`, {});
      return nothing;
    },
  };
}

/** Everything that may befall a cluster. */
export const CHAOS_FAULTS: readonly ChaosFault[] = [
  ...onOne("kill postmaster", (node) => {
    if (node.postmaster() !== null) node.killPostmaster();
  }),
  ...onOne("kill agent", (node) => node.killAgent()),
  ...onOne("stop agent", (node) => node.agent.terminate()),
  ...onOne("kill node", (node) => node.kill()),
  ...onOne("freeze node", (node) => node.freeze()),
  ...onOne("freeze server", (node) => node.freezePostgres()),
  ...onOne("freeze agent", (node) => node.agent.freeze()),
  {
    name: "kill all nodes",
    async strike({ cluster }): Promise<Heal> {
      await Promise.all(cluster.nodes.map((node) => node.kill()));
      return comeBack(...cluster.nodes);
    },
  },
  {
    name: "kill two nodes",
    async strike(round): Promise<Heal> {
      const victims = [round.primary, aStandby(round)];
      await Promise.all(victims.map((node) => node.kill()));
      return comeBack(...victims);
    },
  },
  {
    name: "lose a directory",
    async strike(round): Promise<Heal> {
      const node = anyNode(round);
      await node.kill();
      await Deno.remove(node.dataDir, { recursive: true });
      return comeBack(node);
    },
  },
  {
    name: "switchover",
    async strike(round): Promise<Heal> {
      const target = aStandby(round).id;
      await ask(round.primary, "POST", "/v1/switchover", { target });
      return nothing;
    },
  },
  {
    name: "transfer leadership",
    async strike(round): Promise<Heal> {
      await ask(anyNode(round), "POST", "/v1/transfer", {});
      return nothing;
    },
  },
  {
    name: "change configuration",
    async strike(round): Promise<Heal> {
      const work_mem = `${4 + Math.floor(round.random.next() * 60)}MB`;
      const parameters = { work_mem };
      await ask(anyNode(round), "POST", "/v1/config", { parameters });
      return nothing;
    },
  },
  order("restart", anyNode),
  order("reload", anyNode),
  order("reinit", aStandby),
];
