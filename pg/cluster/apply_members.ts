import type {
  AwayCommand,
  CountCommand,
  EnterCommand,
  ForgetCommand,
  FulfilCommand,
  GaveUpCommand,
  LeaveCommand,
  MaintenanceCommand,
  ModeCommand,
  OrderCommand,
  PauseCommand,
  RegisterCommand,
  TagsCommand,
} from "./commands.ts";
import { currentPrimary } from "./copies.ts";
import { amendRecord } from "./history.ts";
import type { Change } from "./change.ts";
import { patchMember } from "./members.ts";
import { isNamed } from "./rules.ts";
import { type ClusterState, type DataMember, NEW_MEMBER } from "./types.ts";

/** Takes what an agent tells about its member. */
export function register(
  state: ClusterState,
  { id, host, port, version, mode: seed }: RegisterCommand,
): Change {
  const known = state.members.get(id);
  const member: DataMember = {
    ...NEW_MEMBER,
    ...known,
    id,
    host,
    port,
    version,
  };
  const next = patchMember(state, id, member);
  return state.seeded || state.systemId !== null
    ? next
    : { ...next, mode: seed };
}

/**
 * Takes a member's new data directory. What it replaces was given up when no rule of the reign named it,
 * or was lost (R4). Rules that name it go on to, and nobody covers them with the new one (R3).
 */
export function enter(state: ClusterState, command: EnterCommand): Change {
  const { id, incarnation, replaces, epoch } = command;
  const member = state.members.get(id);
  if (!member) return "It is no member";
  if (member.incarnation !== replaces) return "It has another copy by now";
  const { phase } = state;
  const isReigning = phase.kind === "granted" || phase.kind === "open";
  if (!isReigning || phase.epoch !== epoch) return "That epoch is over";
  if (currentPrimary(state)?.id === id) return "It is the primary";
  return patchMember(state, id, { ...member, incarnation });
}

/** Has a member count for n. */
export function count(state: ClusterState, { id }: CountCommand): Change {
  const member = state.members.get(id);
  if (!member || member.counted) return "It counts already, or is no member";
  return patchMember(state, id, { ...member, counted: true });
}

/** Prepares the removal of a member. */
export function leave(state: ClusterState, { id }: LeaveCommand): Change {
  const member = state.members.get(id);
  if (!member) return "It is no member";
  if (currentPrimary(state)?.id === id) {
    return "It is the primary; switch over first";
  }
  return patchMember(state, id, { ...member, leaving: true });
}

/** Removes a member, once no rule names it. */
export function forget(state: ClusterState, { id }: ForgetCommand): Change {
  const member = state.members.get(id);
  if (!member) return "It is no member";
  const { incarnation } = member;
  if (incarnation !== null && isNamed(state, { id, incarnation })) {
    return "A rule still names it";
  }
  const members = new Map(state.members);
  members.delete(id);
  return { ...state, members };
}

/** Notes that an agent goes and leaves PostgreSQL running, or is back. */
export function away(
  state: ClusterState,
  { id, away: isAway }: AwayCommand,
): Change {
  const member = state.members.get(id);
  if (!member) return "It is no member";
  return patchMember(state, id, { ...member, away: isAway });
}

/** Takes an operator's word on a member. */
export function tags(state: ClusterState, command: TagsCommand): Change {
  const member = state.members.get(command.id);
  if (!member) return "It is no member";
  const why = whyNoCascade(state, command);
  if (why !== null) return why;
  return patchMember(state, command.id, { ...member, tags: command.tags });
}

/** One step deep: in a circle everyone would stream, and nothing would come. */
function whyNoCascade(
  { members }: ClusterState,
  { id, tags: { cascadeFrom } }: TagsCommand,
): string | null {
  if (cascadeFrom === null) return null;
  const source = members.get(cascadeFrom);
  if (!source || cascadeFrom === id) {
    return `It can't stream from node ${cascadeFrom}, which is itself or no member`;
  }
  const isChained = source.tags.cascadeFrom !== null ||
    [...members.values()].some(({ tags }) => tags.cascadeFrom === id);
  return isChained
    ? "Who streams from another standby must be streamed from by none"
    : null;
}

/** Takes an operator's word on the mode; the policy changes the rule after it. */
export function mode(state: ClusterState, command: ModeCommand): Change {
  return { ...state, mode: command.mode, seeded: true };
}

/** Stops or starts the policy. */
export function pause(state: ClusterState, { paused }: PauseCommand): Change {
  return { ...state, paused };
}

/** Adds what a member gave up to the record of the epoch that it lost to. */
export function gaveUp(state: ClusterState, command: GaveUpCommand): Change {
  const { epoch, id, bytes, commits } = command;
  const record = state.history.find((one) => one.epoch === epoch);
  if (!record) return "That epoch is forgotten";
  const others = record.givenUp.filter((one) => one.id !== id);
  return amendRecord(state, epoch, {
    givenUp: [...others, { id, bytes, commits }],
  });
}

/** Takes an operator's word on whether a member is being worked on. */
export function maintenance(
  state: ClusterState,
  command: MaintenanceCommand,
): Change {
  const member = state.members.get(command.id);
  if (!member) return "It is no member";
  if (command.maintenance && currentPrimary(state)?.id === command.id) {
    return "It is the primary; switch over first";
  }
  const { maintenance } = command;
  return patchMember(state, command.id, { ...member, maintenance });
}

/** Asks for work on a member; what it was asked before and has not done is put aside. */
export function order(
  state: ClusterState,
  { id, kind, inPlace, atMs }: OrderCommand,
): Change {
  const member = state.members.get(id);
  if (!member) return "It is no member";
  const number = state.lastOrder + 1;
  const next = { number, kind, inPlace, atMs, outcome: null };
  return {
    ...patchMember(state, id, { ...member, order: next }),
    lastOrder: number,
  };
}

/** Takes what became of an order. */
export function fulfil(
  state: ClusterState,
  { id, number, outcome }: FulfilCommand,
): Change {
  const member = state.members.get(id);
  if (!member?.order || member.order.number !== number) {
    return "It was asked for something else by now";
  }
  const done = { ...member.order, outcome };
  return patchMember(state, id, { ...member, order: done });
}
