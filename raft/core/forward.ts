import { appendOwn } from "./entries.ts";
import type { Forward, ForwardRefused, Proposal, Refusal } from "./messages.ts";
import { send } from "./outbox.ts";
import { noteEager } from "./replication.ts";
import type { Core, LeaderState } from "./state.ts";

/** Appends proposals on the leader, or forwards them to it. */
export function onPropose(core: Core, proposals: readonly Proposal[]): void {
  if (!core.leader) {
    if (core.leaderId === 0) refuse(core, proposals, "not_leader");
    else forward(core, proposals);
    return;
  }
  for (const proposal of proposals) {
    const reason = appendProposal(core, core.leader, proposal);
    if (reason) refuse(core, [proposal], reason);
  }
}

/** Appends what another member forwarded; a refusal goes back. */
export function onForward(core: Core, request: Forward): void {
  noteEager(core, request.from);
  const refused = new Map<Refusal, number[]>();
  for (const proposal of request.proposals) {
    const reason = core.leader
      ? appendProposal(core, core.leader, proposal)
      : "not_leader";
    if (!reason) continue;
    refused.set(reason, [...refused.get(reason) ?? [], proposal.id]);
  }
  const { leaderId } = core;
  for (const [reason, ids] of refused) {
    send(core, request.from, {
      kind: "forward_refused",
      ids,
      reason,
      leaderId,
    });
  }
}

/** Hands a leader's refusal to whoever proposed. */
export function onForwardRefused(core: Core, message: ForwardRefused): void {
  const { reason, leaderId } = message;
  for (const id of message.ids) {
    core.outbox.refused.push({ id, reason, leaderId, forwarded: true });
  }
}

function appendProposal(
  core: Core,
  leader: LeaderState,
  proposal: Proposal,
): Refusal | null {
  const { maxEntryBytes, maxUncommittedBytes } = core.options;
  if (proposal.data.length > maxEntryBytes) return "too_large";
  if (leader.transfer) return "transferring";
  if (leader.uncommittedBytes >= maxUncommittedBytes) return "busy";
  appendOwn(core, leader, proposal.kind, proposal.data);
  return null;
}

function refuse(
  core: Core,
  proposals: readonly Proposal[],
  reason: Refusal,
): void {
  for (const { id } of proposals) {
    const { leaderId } = core;
    core.outbox.refused.push({ id, reason, leaderId, forwarded: false });
  }
}

/** Sends proposals on in messages of a bounded size. */
function forward(core: Core, proposals: readonly Proposal[]): void {
  const { maxAppendBytes } = core.options;
  let batch: Proposal[] = [];
  let bytes = 0;
  for (const proposal of proposals) {
    if (batch.length > 0 && bytes + proposal.data.length > maxAppendBytes) {
      send(core, core.leaderId, { kind: "forward", proposals: batch });
      batch = [];
      bytes = 0;
    }
    batch.push(proposal);
    bytes += proposal.data.length;
  }
  if (batch.length > 0) {
    send(core, core.leaderId, { kind: "forward", proposals: batch });
  }
}
