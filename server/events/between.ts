import { clusterEvents } from "./between_cluster.ts";
import type { EventDraft } from "./journal.ts";
import type { Picture, PictureMember, PicturePostgres } from "./picture.ts";

const ROLES: Readonly<Record<string, string>> = {
  follower: "a follower",
  pre_candidate: "asking for an election",
  candidate: "a candidate",
  leader: "the leader",
};

/**
 * Says what happened between two pictures of a node and its cluster.
 *
 * @param before The earlier one.
 * @param after The later one.
 * @returns The events, in an order that can be told.
 */
export function eventsBetween(before: Picture, after: Picture): EventDraft[] {
  return [
    ...stageEvents(before, after),
    ...raftEvents(before, after),
    ...memberEvents(before, after),
    ...diskEvents(before, after),
    ...clusterEvents(before.cluster, after.cluster),
    ...settingsEvents(before, after),
    ...postgresEvents(before, after),
  ];
}

function stageEvents(
  before: Picture,
  { stage, waitingFor }: Picture,
): EventDraft[] {
  // What it waits for may change with every peer that is asked.
  if (before.stage === stage) return [];
  const text = waitingFor === null
    ? `This node is ${stage}`
    : `This node is ${stage}: ${waitingFor}`;
  return [{ kind: "stage", text, fields: { stage, waiting_for: waitingFor } }];
}

function raftEvents(
  { raft: was }: Picture,
  { raft: is }: Picture,
): EventDraft[] {
  if (!is) return [];
  const events: EventDraft[] = [];
  const { leaderId, term, role } = is;
  // A leader who is elected again, in a later term, is news as well.
  const isSame = was?.leaderId === leaderId &&
    (leaderId === 0 || was.term === term);
  if (!isSame && (leaderId !== 0 || was)) {
    const text = leaderId === 0
      ? `No leader is known, in term ${term}`
      : `Node ${leaderId} leads in term ${term}`;
    const fields = { leader_id: leaderId, term };
    events.push({ kind: "leader", text, fields });
  }
  if (was?.role !== role) {
    const text = `This node is ${ROLES[role] ?? role}, in term ${term}`;
    events.push({ kind: "raft_role", text, fields: { role, term } });
  }
  return events;
}

function memberEvents(before: Picture, after: Picture): EventDraft[] {
  const index = after.raft?.configurationIndex ?? 0;
  if (index === 0 || index === before.raft?.configurationIndex) return [];
  const former = byId(before.members);
  const present = byId(after.members);
  const added = after.members.filter(({ id }) => !former.has(id));
  const removed = before.members.filter(({ id }) => !present.has(id));
  const changed = after.members.filter((one) => {
    const old = former.get(one.id);
    return old && (old.role !== one.role || old.address !== one.address);
  });
  const parts = [
    ...added.map(({ id, role }) => `node ${id} came in as a ${role}`),
    ...removed.map(({ id }) => `node ${id} was removed`),
    ...changed.map(({ id, role, address }) =>
      `node ${id} is a ${role} at ${address}`
    ),
  ];
  if (parts.length === 0) return [];
  return [{
    kind: "members",
    text: `The members changed: ${parts.join(", ")}`,
    fields: {
      configuration_index: index,
      added: added.map(({ id }) => id),
      removed: removed.map(({ id }) => id),
      changed: changed.map(({ id }) => id),
      members: after.members.map(({ id, role, address }) => ({
        id,
        role,
        raft_address: address,
      })),
    },
  }];
}

function byId(
  members: readonly PictureMember[],
): Map<number, PictureMember> {
  return new Map(members.map((one) => [one.id, one]));
}

function diskEvents(before: Picture, { isDiskFull }: Picture): EventDraft[] {
  if (before.isDiskFull === isDiskFull) return [];
  const text = isDiskFull
    ? "This node's disk is full: writes wait until there is space"
    : "This node's disk has space again";
  return [{ kind: "disk", text, fields: { full: isDiskFull } }];
}

function settingsEvents(before: Picture, { settings }: Picture): EventDraft[] {
  const { heartbeatIntervalMs, electionTimeoutMs } = settings;
  const isSame = before.settings.heartbeatIntervalMs === heartbeatIntervalMs &&
    before.settings.electionTimeoutMs === electionTimeoutMs;
  if (isSame) return [];
  return [{
    kind: "settings",
    text: `All nodes have a heartbeat interval of ${heartbeatIntervalMs} ms ` +
      `and an election timeout of ${electionTimeoutMs} ms`,
    fields: {
      heartbeat_interval_ms: heartbeatIntervalMs,
      election_timeout_ms: electionTimeoutMs,
    },
  }];
}

function postgresEvents(before: Picture, after: Picture): EventDraft[] {
  return [...after.postgres].flatMap(([id, now]) => {
    const former = before.postgres.get(id);
    if (former && isSamePostgres(former, now)) return [];
    const { role, state, trouble } = now;
    const what = role === "none" ? "" : ` as ${role}`;
    const why = trouble === null ? "" : `: ${trouble}`;
    return [{
      kind: "postgres" as const,
      text: `PostgreSQL of node ${id} is ${state}${what}${why}`,
      fields: { id, role, state, trouble },
    }];
  });
}

/** Whether an event would tell nothing new: a trouble whose numbers move is still the same. */
export function isSamePostgres(
  one: PicturePostgres,
  other: PicturePostgres,
): boolean {
  return one.role === other.role && one.state === other.state &&
    (one.trouble === other.trouble ||
      withoutNumbers(one.trouble) === withoutNumbers(other.trouble));
}

function withoutNumbers(text: string | null): string | null {
  return text?.replaceAll(/[\dA-F]+/g, "0") ?? null;
}
