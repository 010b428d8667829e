import type { ProposeRuleCommand, RetireRulesCommand } from "./commands.ts";
import { grantOf, isSameCopy } from "./copies.ts";
import type { Change } from "./change.ts";
import { newestRule } from "./rules.ts";
import { type ClusterState, MAX_RULES } from "./types.ts";

/**
 * The first step of a change of rule: old and new are both in force (R18). A change that can't be
 * finished, since who should hold commits is gone, is itself replaced: then all of them are in force.
 */
export function proposeRule(
  state: ClusterState,
  command: ProposeRuleCommand,
): Change {
  const { phase } = state;
  const { epoch, replaces, standbys, required } = command;
  const isReigning = phase.kind === "granted" || phase.kind === "open";
  if (!isReigning || phase.epoch !== epoch) return "That epoch is over";
  const old = newestRule(state);
  if (old?.number !== replaces) return "The rule has changed meanwhile";
  const own = state.rules.filter((rule) => rule.epoch === epoch);
  if (own.length >= MAX_RULES) return "Too many rules are in force";
  const number = state.lastRule + 1;
  const { primary } = old;
  return {
    ...state,
    rules: [...state.rules, { number, epoch, primary, standbys, required }],
    lastRule: number,
  };
}

/** The second step: the new rule is followed and its barrier stands (R18). */
export function retireRules(
  state: ClusterState,
  command: RetireRulesCommand,
): Change {
  const { phase } = state;
  const { epoch, primary, rule } = command;
  if (phase.kind !== "open" || phase.epoch !== epoch) {
    return "That epoch is over, or not open yet";
  }
  const granted = grantOf(state, epoch);
  if (!granted || !isSameCopy(granted.winner, primary)) {
    return "Another is primary";
  }
  if (newestRule(state)?.number !== rule) return "The rule has changed again";
  return { ...state, rules: state.rules.slice(-1) };
}
