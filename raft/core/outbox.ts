import { memberOf } from "./configuration.ts";
import type { Envelope, Message, MessageBody } from "./messages.ts";
import { configurationOf, type Core } from "./state.ts";
import type { Incarnation, NodeId, Term } from "./types.ts";

/** Sends what depends on nothing that is not yet durable. */
export function send(core: Core, to: NodeId, body: MessageBody): void {
  core.outbox.messages.push(
    seal(core, to, incarnationOf(core, to), core.term, body),
  );
}

/** Sends once everything that this node knows now is durable. */
export function sendWhenDurable(
  core: Core,
  to: NodeId,
  body: MessageBody,
): void {
  core.outbox.deferred.push(
    seal(core, to, incarnationOf(core, to), core.term, body),
  );
}

/** Who asked: an answer goes to that very incarnation, which the own configuration may not know yet. */
export type Asker = Pick<Envelope, "from" | "fromIncarnation">;

/** Answers under a term of the caller's choice; pre-votes speak of a term to come. */
export function answer(
  core: Core,
  asker: Asker,
  term: Term,
  body: MessageBody,
): void {
  core.outbox.messages.push(
    seal(core, asker.from, asker.fromIncarnation, term, body),
  );
}

/** Answers once everything that this node knows now is durable: grants and acknowledgements. */
export function answerWhenDurable(
  core: Core,
  asker: Asker,
  body: MessageBody,
): void {
  core.outbox.deferred.push(
    seal(core, asker.from, asker.fromIncarnation, core.term, body),
  );
}

/** Sends under another term than the node's own. */
export function sendInTerm(
  core: Core,
  to: NodeId,
  term: Term,
  body: MessageBody,
): void {
  core.outbox.messages.push(
    seal(core, to, incarnationOf(core, to), term, body),
  );
}

/** A leader that was wiped and added again is not whom an older configuration means. */
function incarnationOf(core: Core, to: NodeId): Incarnation {
  if (to === core.leaderId && to !== core.id) return core.leaderIncarnation;
  return memberOf(configurationOf(core), to)?.incarnation ?? 0;
}

function seal(
  core: Core,
  to: NodeId,
  toIncarnation: Incarnation,
  term: Term,
  body: MessageBody,
): Message {
  return {
    ...body,
    from: core.id,
    fromIncarnation: core.incarnation,
    to,
    toIncarnation,
    term,
  };
}
