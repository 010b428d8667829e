import {
  appoint,
  attempt,
  catchUp,
  dropHandover,
  force,
  found,
  grant,
  handover,
  opened,
  promoted,
} from "./apply_reign.ts";
import {
  away,
  count,
  enter,
  forget,
  fulfil,
  gaveUp,
  leave,
  maintenance,
  mode,
  order,
  pause,
  register,
  tags,
} from "./apply_members.ts";
import { configure } from "./apply_config.ts";
import { proposeRule, retireRules } from "./apply_rules.ts";
import type { Change } from "./change.ts";
import type { ClusterCommand, CommandResult } from "./commands.ts";
import type { ClusterState } from "./types.ts";

/** The state after a command, and what became of it. */
export interface Applied {
  readonly state: ClusterState;
  readonly result: CommandResult;
}

/**
 * Applies a committed command. Every command is a compare-and-set: one that was decided on a state that
 * has passed changes nothing (R10).
 *
 * @param state The state before.
 * @param command What was committed.
 * @returns The state after it.
 */
export function applyCommand(
  state: ClusterState,
  command: ClusterCommand,
): Applied {
  const change = changeOf(state, command);
  return typeof change === "string"
    ? { state, result: { kind: "refused", why: change } }
    : { state: change, result: { kind: "done" } };
}

function changeOf(state: ClusterState, command: ClusterCommand): Change {
  switch (command.type) {
    case "register":
      return register(state, command);
    case "appoint":
      return appoint(state, command);
    case "found":
      return found(state, command);
    case "attempt":
      return attempt(state, command);
    case "catch_up":
      return catchUp(state, command);
    case "force":
      return force(state, command);
    case "grant":
      return grant(state, command);
    case "promoted":
      return promoted(state, command);
    case "opened":
      return opened(state, command);
    case "propose_rule":
      return proposeRule(state, command);
    case "retire_rules":
      return retireRules(state, command);
    default:
      return changeOfMembers(state, command);
  }
}

type MemberCommand = Exclude<
  ClusterCommand,
  {
    type:
      | "register"
      | "appoint"
      | "found"
      | "attempt"
      | "catch_up"
      | "force"
      | "grant"
      | "promoted"
      | "opened"
      | "propose_rule"
      | "retire_rules";
  }
>;

function changeOfMembers(state: ClusterState, command: MemberCommand): Change {
  switch (command.type) {
    case "enter":
      return enter(state, command);
    case "count":
      return count(state, command);
    case "leave":
      return leave(state, command);
    case "forget":
      return forget(state, command);
    case "away":
      return away(state, command);
    case "tags":
      return tags(state, command);
    case "mode":
      return mode(state, command);
    case "pause":
      return pause(state, command);
    case "handover":
      return handover(state, command);
    case "drop_handover":
      return dropHandover(state, command);
    case "configure":
      return configure(state, command);
    case "maintenance":
      return maintenance(state, command);
    case "order":
      return order(state, command);
    case "fulfil":
      return fulfil(state, command);
    case "gave_up":
      return gaveUp(state, command);
  }
}
