import { latestConfiguration } from "./configuration.ts";
import { advanceCommit } from "./entries.ts";
import { termAt } from "./log.ts";
import { majorityValue } from "./quorum.ts";
import { becomeFollower } from "./roles.ts";
import { configurationOf, type Core, type LeaderState } from "./state.ts";
import { abdicate } from "./transfer.ts";

/**
 * Commits what a majority holds, if it is of this term: an older entry commits with the first of
 * this term only, never by counting (paper §5.4.2). The leader's own copy counts once it is durable.
 */
export function maybeCommit(core: Core): void {
  const { leader } = core;
  if (!leader) return;
  const index = majorityValue(matchesOfVoters(core, leader));
  if (index <= core.commit || termAt(core.log, index) !== core.term) return;
  const configurationWasCommitted = configurationCommitted(core);
  advanceCommit(core, index);
  if (!configurationWasCommitted && configurationCommitted(core)) {
    leaveIfRemoved(core, leader);
  }
}

function matchesOfVoters(core: Core, leader: LeaderState): number[] {
  const matches: number[] = [];
  for (const member of configurationOf(core).members) {
    if (member.role === "learner") continue;
    matches.push(
      member.id === core.id
        ? core.log.stableIndex
        : leader.progress.get(member.id)?.match ?? 0,
    );
  }
  return matches;
}

/** Whether the configuration in force is committed. */
export function configurationCommitted(core: Core): boolean {
  return latestConfiguration(core.configurations).index <= core.commit;
}

/** A leader that removed itself leads until that is committed, then leaves (paper §6). */
function leaveIfRemoved(core: Core, leader: LeaderState): void {
  if (core.removedAt === 0) return;
  abdicate(core, leader);
  becomeFollower(core, core.term, 0);
}
