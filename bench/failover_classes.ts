import { present } from "../base/mod.ts";
import type { ClusterNode } from "../tests/nodes/mod.ts";
import type { PgCluster, PgNode, Reign } from "../tests/postgres/mod.ts";

/** A way in which writes come to a stop, and how the cluster is made whole again. */
export interface FailureClass {
  /** Its name on the command line and in the table. */
  readonly name: string;
  /** What it is. */
  readonly what: string;
  /** What must be reached, and what is wanted. */
  readonly barMs: number;
  readonly goalMs: number;
  /** How many nodes have PostgreSQL; a witness makes three of two. */
  readonly size: 2 | 3;
  /**
   * Whether the time is counted from the fault to the next acknowledged write; else it is the longest time
   * between two acknowledgements, since writes may go on.
   */
  readonly fromFault: boolean;
  /** Whether another reign begins. */
  readonly changesReign: boolean;
  /** Lets it happen; resolves when it has, with when it began. */
  strike(round: FailureRound): Promise<number>;
  /** Makes everything whole that does not mend itself. */
  heal(round: FailureRound): Promise<void>;
}

/** One round: a cluster that is whole, and who reigns. */
export interface FailureRound {
  readonly cluster: PgCluster;
  readonly reign: Reign;
}

const nothing = (): Promise<void> => Promise.resolve();

async function otherNode({ cluster, reign }: FailureRound): Promise<PgNode> {
  const others = await cluster.standbys();
  return present(others.find((one) => one !== reign.primary), "a standby");
}

function restart({ agent }: PgNode): void {
  if (agent.process().status() !== null) agent.restart();
}

/** The failure classes of the design. */
export const FAILURE_CLASSES: readonly FailureClass[] = [
  {
    name: "postmaster",
    what: "the primary's postmaster is killed",
    barMs: 600,
    goalMs: 200,
    size: 3,
    fromFault: true,
    changesReign: true,
    strike: ({ reign }) => Promise.resolve(reign.primary.killPostmaster()),
    heal: nothing,
  },
  {
    name: "node",
    what: "the primary's agent and server are killed",
    barMs: 600,
    goalMs: 250,
    size: 3,
    fromFault: true,
    changesReign: true,
    strike: ({ reign }) => reign.primary.kill(),
    heal: ({ reign }) => {
      restart(reign.primary);
      return nothing();
    },
  },
  {
    name: "frozen",
    what: "the primary's agent and server are frozen",
    barMs: 2000,
    goalMs: 1300,
    size: 3,
    fromFault: true,
    changesReign: true,
    strike: ({ reign }) => Promise.resolve(reign.primary.freeze()),
    heal: ({ reign }) => {
      reign.primary.thaw();
      return nothing();
    },
  },
  {
    name: "hung",
    what: "the primary's server is frozen, its agent lives",
    barMs: 4000,
    goalMs: 2000,
    size: 3,
    fromFault: true,
    changesReign: true,
    strike: ({ reign }) => Promise.resolve(reign.primary.freezePostgres()),
    heal: ({ reign }) => {
      reign.primary.thaw();
      return nothing();
    },
  },
  {
    name: "switchover",
    what: "a planned switchover",
    barMs: 400,
    goalMs: 150,
    size: 3,
    fromFault: false,
    changesReign: true,
    strike: async ({ reign }) => {
      const startMs = performance.now();
      const { client } = reign.primary.agent;
      const options = { timeoutMs: 60_000 };
      const answer = await client.request(
        "POST",
        "/v1/switchover",
        {},
        options,
      );
      if (answer.kind !== "ok") throw new Error(answer.detail);
      return startMs;
    },
    heal: nothing,
  },
  {
    name: "agent",
    what: "the primary's agent is killed and restarted at once",
    barMs: 0,
    goalMs: 0,
    size: 3,
    fromFault: false,
    changesReign: false,
    strike: async ({ reign }) => {
      const startMs = performance.now();
      await reign.primary.killAgent();
      restart(reign.primary);
      await reign.primary.agent.ready();
      return startMs;
    },
    heal: nothing,
  },
  {
    name: "standby",
    what: "the standby of two data members is killed, a witness stays",
    barMs: 2500,
    goalMs: 1500,
    size: 2,
    fromFault: true,
    changesReign: false,
    strike: async (round) => await (await otherNode(round)).kill(),
    heal: async (round) => restart(await otherNode(round)),
  },
];

/** Which node is to lead the Raft group, for a placement of leader and primary. */
export function wantedLeader(
  { cluster, reign }: FailureRound,
  placement: string,
): ClusterNode | null {
  const { agent } = reign.primary;
  if (placement === "same") return agent;
  if (placement !== "apart") return null;
  const others = cluster.cluster.nodes.filter(({ id }) => id !== agent.id);
  // A witness where there is one: a standby that is to be killed leads nothing.
  return others.at(-1) ?? null;
}
