import { answer } from "./outbox.ts";
import type { Core } from "./state.ts";
import type { VoteRequest } from "./messages.ts";

/** Refuses a vote or pre-vote, in the node's own term. */
export function refuseVote(core: Core, request: VoteRequest): void {
  answer(core, request, core.term, {
    kind: request.kind === "vote" ? "vote_response" : "pre_vote_response",
    granted: false,
    removedAt: 0,
  });
}

/** Refuses the requests that wait for a probe of a leader, who turned out to be there. */
export function refuseHeldVotes(core: Core): void {
  if (core.heldVotes.size === 0) return;
  for (const request of core.heldVotes.values()) refuseVote(core, request);
  core.heldVotes.clear();
}
