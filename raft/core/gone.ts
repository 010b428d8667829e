import { grantHeldVotes, scheduleFastElection } from "./election.ts";
import { refuseHeldVotes } from "./held_votes.ts";
import { becomeProbe } from "./progress.ts";
import { type Core, resetElectionDeadline } from "./state.ts";
import type { NodeId } from "./types.ts";

/** A peer's process is gone: its stream broke and a reconnect was refused. */
export function onPeerGone(core: Core, peer: NodeId): void {
  core.gone.add(peer);
  const progress = core.leader?.progress.get(peer);
  if (progress) {
    progress.gone = true;
    if (progress.state.kind !== "snapshot") becomeProbe(progress);
  }
  if (core.role !== "follower" || core.leaderId !== peer) return;
  scheduleFastElection(core);
  grantHeldVotes(core);
}

/** A peer is there, or nothing proves that it is gone. */
export function onPeerPresent(core: Core, peer: NodeId): void {
  const wasGone = core.gone.delete(peer);
  const progress = core.leader?.progress.get(peer);
  if (progress) progress.gone = false;
  if (core.role !== "follower" || core.leaderId !== peer) return;
  refuseHeldVotes(core);
  if (!wasGone || !core.fast) return;
  core.fast = false;
  resetElectionDeadline(core);
}
