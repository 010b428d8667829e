import { type Clock, messageOf, pause } from "../../base/mod.ts";
import {
  type HttpTransport,
  OpeningRefusedError,
} from "../../raft/http/mod.ts";
import type { NodeId, RaftServer } from "../../raft/mod.ts";
import {
  askFounding,
  decideFounding,
  type Founder,
  type FoundingAnswer,
  type FoundingDecision,
  foundingIdOf,
  type FoundingMember,
  orderAnywhere,
} from "../peers/mod.ts";
import { writeFounding } from "./founding_file.ts";

/** How often an empty node asks the others. */
const ASK_INTERVAL_MS = 150;
/** How often a node that wants in asks for it. */
const JOIN_INTERVAL_MS = 500;

/** What a node with an empty directory is about to do. */
export interface Entry {
  readonly clusterId: string;
  readonly own: Founder;
  /** The members that found the cluster; empty for one that joins. */
  readonly members: readonly FoundingMember[];
  /** Members of a running cluster. */
  readonly join: readonly string[];
  readonly directory: string;
  readonly http: HttpTransport;
  readonly raft: RaftServer;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Is told where members are, so that their messages can be received. */
  readonly seed: (peers: ReadonlyMap<NodeId, string>) => void;
  /** Is told what the node waits for, in words, whenever that changes; null when for nothing. */
  readonly progress: (waitingFor: string | null) => void;
  /** Is told what this node now knows of the founding, for peers that ask. */
  readonly know: (answer: FoundingAnswer) => void;
}

/** How an empty node came in: it founded the cluster, or it must ask to be let in. */
export type EntryOutcome = "founded" | "must_join" | "stopped";

/**
 * Founds the cluster together with the other members, if all of them are empty (FAILOVER R34).
 *
 * @param entry The node and whom to ask.
 * @returns Whether the cluster is founded, or exists already without this directory.
 */
export async function foundTogether(entry: Entry): Promise<EntryOutcome> {
  if (entry.members.length === 0) return "must_join";
  const { own, clusterId, clock, signal } = entry;
  while (!signal.aborted) {
    const refusals = new Map<NodeId, string>();
    const answers = await askAll(entry, refusals);
    const decision = decideFounding(clusterId, own, entry.members, answers);
    if (decision.kind === "found") {
      await found(entry, decision.founders);
      return "founded";
    }
    if (decision.kind === "wiped") return "must_join";
    tellWhatIKnow(entry, answers);
    entry.progress(describeWait(decision, refusals));
    await pause(clock, ASK_INTERVAL_MS, signal);
  }
  return "stopped";
}

/** Asks all others; why one would not talk to this node goes into `refusals`. */
async function askAll(
  { members, own, http, signal }: Entry,
  refusals: Map<NodeId, string>,
): Promise<Map<NodeId, FoundingAnswer | null>> {
  const others = members.filter(({ id }) => id !== own.id);
  const answers = await Promise.all(others.map(async (member) => {
    try {
      return await askFounding(http, member, signal);
    } catch (error) {
      if (error instanceof OpeningRefusedError) {
        refusals.set(member.id, error.message);
      }
      return null;
    }
  }));
  return new Map(others.map(({ id }, i) => [id, answers[i] ?? null]));
}

function tellWhatIKnow(
  { clusterId, own, members, know }: Entry,
  answers: ReadonlyMap<NodeId, FoundingAnswer | null>,
): void {
  const founders: Founder[] = [own];
  for (const { id, address } of members) {
    const answer = answers.get(id);
    if (answer) founders.push({ id, address, incarnation: answer.incarnation });
  }
  const complete = founders.length === answers.size + 1;
  know({
    incarnation: own.incarnation,
    foundingId: complete ? foundingIdOf(clusterId, founders) : "",
    founded: null,
  });
}

async function found(
  entry: Entry,
  founders: readonly Founder[],
): Promise<void> {
  const { own, clusterId, directory, raft } = entry;
  await writeFounding(directory, founders);
  await raft.bootstrap(founders);
  entry.know({
    incarnation: own.incarnation,
    foundingId: foundingIdOf(clusterId, founders),
    founded: founders,
  });
  entry.progress(null);
}

function describeWait(
  { silent, disagreeing }: Extract<FoundingDecision, { kind: "wait" }>,
  refusals: ReadonlyMap<NodeId, string>,
): string {
  if (silent.length > 0) {
    const why = [...refusals.values()].map((refusal) => `; ${refusal}`);
    const who = silent.join(", ");
    return `Waiting for node ${who} to found the cluster${why.join("")}`;
  }
  const who = disagreeing.join(", ");
  return `Waiting for node ${who} to agree on the founding: it has not heard ` +
    "from all yet, or cluster.members or cluster.adopt differs there";
}

/**
 * Asks members of a running cluster to be let in, until this node finds itself a member.
 *
 * @param entry The node and whom to ask.
 * @param isMember Whether it is one.
 */
export async function joinCluster(
  entry: Entry,
  isMember: () => boolean,
): Promise<EntryOutcome> {
  const { own, http, signal, clock } = entry;
  const peers = [
    ...entry.join,
    ...entry.members.filter(({ id }) => id !== own.id).map((m) => m.address),
  ];
  const { id } = own;
  const order = { kind: "join", ...own } as const;
  for (let at = 0; !signal.aborted && !isMember(); at++) {
    const where = peers[at % peers.length];
    if (!where) break;
    try {
      const members = new Map(await orderAnywhere(http, where, order, signal));
      members.delete(id);
      entry.seed(members);
      entry.progress(`Let in by ${where}; waiting to hear from the leader`);
    } catch (error) {
      if (signal.aborted) break;
      entry.progress(`Asking ${where} to be let in: ${messageOf(error)}`);
    }
    await pause(clock, JOIN_INTERVAL_MS, signal);
  }
  if (signal.aborted) return "stopped";
  entry.progress(null);
  return "founded";
}
