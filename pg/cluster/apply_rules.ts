import type { ProposeRuleCommand, RetireRulesCommand } from "./commands.ts";
import { grantOf, isSameCopy } from "./copies.ts";
import type { Change } from "./change.ts";
import { newestRule } from "./rules.ts";
import type { ClusterState, Epoch } from "./types.ts";

/** How many rules of one epoch may be in force: the newest may lose its standbys before its barrier. */
const MAX_RULES_OF_EPOCH = 8;

/** The first step of a change of rule: old and new are both in force (R18). */
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
  if (rulesOf(state, epoch) >= MAX_RULES_OF_EPOCH) {
    return "Too many rules wait for their barrier";
  }
  const number = state.lastRule + 1;
  const { primary } = old;
  return {
    ...state,
    rules: [...state.rules, { number, epoch, primary, standbys, required }],
    lastRule: number,
  };
}

function rulesOf({ rules }: ClusterState, epoch: Epoch): number {
  return rules.filter((rule) => rule.epoch === epoch).length;
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
