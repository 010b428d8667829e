import {
  type ClusterState,
  currentPrimary,
  type DataMember,
  type HistoryRecord,
  type MemberOrder,
  newestGrant,
  type Phase,
} from "../../pg/cluster/mod.ts";
import { tagsToJson } from "../ha/mod.ts";
import type { EventDraft } from "./journal.ts";

/**
 * Says what happened between two states of PostgreSQL's cluster.
 *
 * @param before The earlier one.
 * @param after The later one.
 */
export function clusterEvents(
  before: ClusterState,
  after: ClusterState,
): EventDraft[] {
  if (before === after) return [];
  return [
    ...phaseEvents(before.phase, after.phase),
    ...primaryEvents(before, after),
    ...failoverEvents(before.history, after.history),
    ...wishEvents(before, after),
    ...memberEvents(before, after),
    ...configEvents(before, after),
  ];
}

function phaseEvents(before: Phase, after: Phase): EventDraft[] {
  const [was, is] = [phaseText(before), phaseText(after)];
  if (was.text === is.text) return [];
  return [{ kind: "phase", ...is }];
}

function phaseText(
  phase: Phase,
): Pick<EventDraft, "text" | "fields"> {
  const { kind } = phase;
  switch (kind) {
    case "unformed":
      return {
        text: "There is no database yet",
        fields: { phase: kind, epoch: 0 },
      };
    case "founding": {
      const { founder, attempt } = phase;
      return {
        text: `Node ${founder} makes the database, attempt ${attempt}`,
        fields: { phase: kind, epoch: 0, founder, attempt },
      };
    }
    case "sealing": {
      const { epoch, attempt, catchUp } = phase;
      const how = attempt.kind === "planned"
        ? "for a switchover"
        : attempt.kind === "forced"
        ? "for a forced failover"
        : "because the primary is lost";
      const waits = catchUp
        ? `; node ${catchUp.target.id} catches up from node ${catchUp.source.id}`
        : "";
      return {
        text: `Every member seals for epoch ${epoch}, ${how}${waits}`,
        fields: { phase: kind, epoch, attempt: attempt.kind },
      };
    }
    case "granted":
      return {
        text: `Epoch ${phase.epoch} is granted; its primary promotes`,
        fields: { phase: kind, epoch: phase.epoch },
      };
    case "open": {
      const { epoch, handover } = phase;
      return {
        text: handover
          ? `A switchover from the primary of epoch ${epoch} is prepared`
          : `The primary of epoch ${epoch} is open for clients`,
        fields: { phase: kind, epoch, handover: handover !== null },
      };
    }
  }
}

/** The open primary; 0 while there is none. */
function openPrimary(state: ClusterState): { id: number; epoch: number } {
  const { phase } = state;
  if (phase.kind !== "open") return { id: 0, epoch: 0 };
  return { id: currentPrimary(state)?.id ?? 0, epoch: phase.epoch };
}

function primaryEvents(
  before: ClusterState,
  after: ClusterState,
): EventDraft[] {
  const [was, is] = [openPrimary(before), openPrimary(after)];
  if (was.id === is.id && was.epoch === is.epoch) return [];
  const timeline = is.id === 0 ? 0 : newestGrant(after)?.timeline ?? 0;
  return [{
    kind: "primary",
    text: is.id === 0
      ? "No primary is open"
      : `Node ${is.id} is the primary, in epoch ${is.epoch}`,
    fields: { ...is, timeline },
  }];
}

/** A change of primary that has come to its end. */
function failoverEvents(
  before: readonly HistoryRecord[],
  after: readonly HistoryRecord[],
): EventDraft[] {
  const wasOpen = new Set(
    before.filter(({ openedAtMs }) => openedAtMs !== null)
      .map(({ epoch }) => epoch),
  );
  return after.filter(({ epoch, openedAtMs }) =>
    openedAtMs !== null && !wasOpen.has(epoch)
  ).map(({ epoch, kind, reason, detail, from, to, lostAtMs, openedAtMs }) => {
    const tookMs = (openedAtMs ?? lostAtMs) - lostAtMs;
    const whom = from === 0 ? `node ${to}` : `node ${to} after node ${from}`;
    return {
      kind: "failover",
      text: `The ${kind} to epoch ${epoch} is complete: ${whom}`,
      fields: { epoch, kind, reason, detail, from, to, took_ms: tookMs },
    };
  });
}

function wishEvents(before: ClusterState, after: ClusterState): EventDraft[] {
  const events: EventDraft[] = [];
  const { paused, mode } = after;
  if (before.paused !== paused) {
    const text = paused
      ? "Automatic failover is paused"
      : "Automatic failover is resumed";
    events.push({ kind: "paused", text, fields: { paused } });
  }
  if (before.mode !== mode) {
    const text = `The synchronous mode is ${mode}`;
    events.push({ kind: "mode", text, fields: { mode } });
  }
  return events;
}

function memberEvents(before: ClusterState, after: ClusterState): EventDraft[] {
  const ids = new Set([...before.members.keys(), ...after.members.keys()]);
  return [...ids].flatMap((id) => {
    const [was, is] = [before.members.get(id), after.members.get(id)];
    if (was === is) return [];
    if (!is) return [dataMember(id, "gone", "is no member any more")];
    return [
      ...was ? [] : [dataMember(id, "there", "is a member with PostgreSQL")],
      ...oneMemberEvents(was ?? null, is),
    ];
  });
}

function dataMember(id: number, change: string, text: string): EventDraft {
  const fields = { id, change };
  return { kind: "data_member", text: `Node ${id} ${text}`, fields };
}

function oneMemberEvents(
  was: DataMember | null,
  is: DataMember,
): EventDraft[] {
  const { id } = is;
  const events: EventDraft[] = [];
  if ((was?.away ?? false) !== is.away) {
    events.push(
      is.away
        ? dataMember(id, "away", "was stopped and left its PostgreSQL running")
        : dataMember(id, "back", "is back at its PostgreSQL"),
    );
  }
  if (!was?.leaving && is.leaving) {
    events.push(dataMember(id, "leaving", "is about to leave"));
  }
  const tags = tagsToJson(is.tags);
  if (was && JSON.stringify(tagsToJson(was.tags)) !== JSON.stringify(tags)) {
    const text = `Node ${id} has other tags`;
    events.push({ kind: "tags", text, fields: { id, tags } });
  }
  if ((was?.maintenance ?? false) !== is.maintenance) {
    const text = `Node ${id} is ${
      is.maintenance ? "under" : "out of"
    } maintenance`;
    const fields = { id, maintenance: is.maintenance };
    events.push({ kind: "maintenance", text, fields });
  }
  if (is.order && was?.order !== is.order) {
    events.push(orderEvent(id, is.order));
  }
  return events;
}

function orderEvent(
  id: number,
  { number, kind, outcome }: MemberOrder,
): EventDraft {
  const state = outcome === null
    ? "under way"
    : outcome.done
    ? "done"
    : "refused";
  const why = outcome?.why ?? "";
  return {
    kind: "order",
    text: `The ${kind} of node ${id} is ${state}${why && `: ${why}`}`,
    fields: { id, number, order: kind, state, why },
  };
}

/** Names only: a parameter may hold what not everybody may read. */
function configEvents(before: ClusterState, after: ClusterState): EventDraft[] {
  const [was, is] = [before.configs.at(-1), after.configs.at(-1)];
  if (!is || was?.version === is.version) return [];
  const former = was?.parameters ?? {};
  const names = new Set([
    ...Object.keys(former),
    ...Object.keys(is.parameters),
  ]);
  const changed = [...names].filter((name) =>
    former[name] !== is.parameters[name]
  ).toSorted();
  const { version, author, comment } = is;
  return [{
    kind: "config",
    text: `Version ${version} of PostgreSQL's parameters: ${
      changed.join(", ") || "no change"
    }`,
    fields: { version, author, comment, changed },
  }];
}
