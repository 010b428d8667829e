import {
  type ChangeOutcome,
  type ChangeRefusal,
  type Core,
  type Index,
  MAX_MEMBERS,
  type Term,
  termAt,
  type TransferOutcome,
} from "../core/mod.ts";
import { RaftError } from "../errors.ts";

/** Called once, with null when it was done. */
export type OperationDone = (error: RaftError | null) => void;

/** A change of membership that somebody waits for. */
export interface PendingChange {
  readonly deadlineMs: number;
  readonly done: OperationDone;
  /** Where its entry stands, once it is appended. */
  entry: { readonly index: Index; readonly term: Term } | null;
}

/** A transfer that somebody waits for. */
export interface PendingTransfer {
  readonly deadlineMs: number;
  readonly fromTerm: Term;
  readonly done: OperationDone;
  /** Whether the core has answered that it began. */
  started: boolean;
}

/** Changes of membership and leadership whose end somebody waits for. */
export interface Operations {
  nextRequestId: number;
  readonly changes: Map<number, PendingChange>;
  /** In the order in which they were asked for. */
  transfers: PendingTransfer[];
}

/** How many of them may wait. */
export const MAX_PENDING_OPERATIONS = 64;

const REFUSALS: Readonly<Record<ChangeRefusal, string>> = {
  not_leader: "this node does not lead; ask the leader",
  not_ready: "the leader has not committed an entry of its term yet; try again",
  change_pending: "another change is under way; try again when it is committed",
  transferring: "leadership is being handed over; ask the next leader",
  stale: "the membership has changed since; look at it and decide anew",
  duplicate_member: "a member with this id exists; remove it first",
  too_many_members: `there are ${MAX_MEMBERS} already; remove one first`,
  unknown_member: "no member has this id; look at the list of members",
  not_a_learner: "the member votes already",
  not_caught_up: "the learner is too far behind; wait until it has caught up",
  last_voter: "it is the only voter; add another one first",
  would_lose_quorum:
    "too few of the voters would be alive afterwards; bring one back first",
};

/** Makes the book of operations. */
export function createOperations(): Operations {
  return { nextRequestId: 1, changes: new Map(), transfers: [] };
}

/** Whether another operation fits. */
export function hasRoomForOperation(book: Operations): boolean {
  return book.changes.size + book.transfers.length < MAX_PENDING_OPERATIONS;
}

/** Takes the core's answer to a change. */
export function onChangeOutcome(
  book: Operations,
  core: Core,
  outcome: ChangeOutcome,
): void {
  const pending = book.changes.get(outcome.requestId);
  if (!pending) return;
  if (outcome.kind === "appended") {
    pending.entry = { index: outcome.index, term: outcome.term };
    return;
  }
  book.changes.delete(outcome.requestId);
  const { reason } = outcome;
  const message = `The membership was not changed: ${REFUSALS[reason]}`;
  const code = reason === "not_leader" ? "not_leader" : "membership";
  const leader = core.leaderId === 0
    ? null
    : { id: core.leaderId, address: "" };
  pending.done(new RaftError(code, message, { leader }));
}

/** Takes the core's answer to a transfer, or its failure later on. */
export function onTransferOutcome(
  book: Operations,
  outcome: TransferOutcome,
): void {
  if (outcome === "failed") {
    endTransfers(book, ({ started }) => started, transferError(outcome));
    return;
  }
  // Answers come in the order of the questions.
  const asked = book.transfers.find(({ started }) => !started);
  if (!asked) return;
  asked.started = true;
  if (outcome === "started") return;
  endTransfers(book, (each) => each === asked, transferError(outcome));
}

function endTransfers(
  book: Operations,
  isMeant: (transfer: PendingTransfer) => boolean,
  error: RaftError | null,
): void {
  const meant = book.transfers.filter(isMeant);
  book.transfers = book.transfers.filter((transfer) => !isMeant(transfer));
  for (const { done } of meant) done(error);
}

function transferError(
  outcome: Exclude<TransferOutcome, "started">,
): RaftError {
  switch (outcome) {
    case "not_leader":
      return new RaftError(
        "not_leader",
        "Only the leader hands leadership over; ask the leader",
      );
    case "no_target":
      return new RaftError(
        "membership",
        "No such voter can take leadership over; name one that is alive",
      );
    case "failed":
      return new RaftError(
        "busy",
        "The other member did not take leadership over in time; this leader goes on",
      );
  }
}

/** Ends what has come to its end, or took too long. */
export function settleOperations(
  book: Operations,
  core: Core,
  nowMs: number,
): void {
  for (const [id, pending] of book.changes) {
    const settled = settleChange(pending, core, nowMs);
    if (settled === "open") continue;
    book.changes.delete(id);
    pending.done(settled);
  }
  if (book.transfers.length === 0) return;
  const isLed = core.leaderId !== 0 && core.leaderId !== core.id;
  const handedOver = ({ fromTerm }: PendingTransfer): boolean =>
    isLed && core.term > fromTerm;
  endTransfers(book, handedOver, null);
  const isLate = ({ deadlineMs }: PendingTransfer): boolean =>
    nowMs >= deadlineMs;
  endTransfers(book, isLate, transferError("failed"));
}

function settleChange(
  pending: PendingChange,
  core: Core,
  nowMs: number,
): RaftError | null | "open" {
  const { entry } = pending;
  if (entry && core.commit >= entry.index) {
    if (termAt(core.log, entry.index) === entry.term) return null;
    const message = "The change was lost with its leader; nothing happened";
    return new RaftError("not_leader", message);
  }
  if (nowMs < pending.deadlineMs) return "open";
  const message =
    "The change was not confirmed in time; look at the members before trying again";
  return new RaftError("outcome_unknown", message);
}

/** When the next deadline ends. */
export function operationsDeadlineMs(book: Operations): number {
  let deadlineMs = Infinity;
  for (const pending of [...book.changes.values(), ...book.transfers]) {
    deadlineMs = Math.min(deadlineMs, pending.deadlineMs);
  }
  return deadlineMs;
}

/** Ends every operation. */
export function failOperations(book: Operations, error: RaftError): void {
  const pending = [...book.changes.values(), ...book.transfers.splice(0)];
  book.changes.clear();
  for (const { done } of pending) done(error);
}
