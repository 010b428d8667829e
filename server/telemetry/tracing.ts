import type { Entry, RaftStateMachine } from "../../raft/mod.ts";
import { operationBytesOf } from "../../raft/mod.ts";
import { markOf } from "../machine/mod.ts";
import { decodeMark, encodeMark } from "./mark.ts";
import {
  type Attributes,
  type Context,
  type Otel,
  type Span,
  SPAN_KEY,
  SPAN_KIND,
  type SpanContext,
  STATUS_ERROR,
} from "./otel.ts";

/** How many entries that are traced are followed at once; of more than that the oldest are let go. */
const MAX_FOLLOWED = 8192;

/** The spans of one proposal on the node that it came to. */
export interface ProposalTrace {
  /** What its entry carries. */
  readonly mark: Uint8Array;
  /** It has ended: with this error, or null. */
  ended(code: string | null): void;
}

/** Traces a request from its node over the forward, the commit and every apply. */
export interface Tracing {
  /** Names the span of the request that is being served, once its route is known. */
  routed(method: string, route: string): void;
  /** The request that is being served is answered. */
  answered(status: number): void;
  /** A proposal begins. */
  propose(attributes: Attributes): ProposalTrace;
  /** Entries come into this node's log. */
  appending(entries: readonly Entry[], isLeader: boolean): void;
  /** An entry is committed, and about to be applied. */
  applying(entry: Entry): void;
  /** The same machine, traced. */
  machine<M extends RaftStateMachine>(machine: M): M;
}

interface Followed {
  readonly parent: SpanContext;
  /** On the leader, until it is committed. */
  commit: Span | null;
}

interface State {
  readonly otel: Otel;
  readonly node: Attributes;
  /** Who leads, 0 for none. */
  readonly leaderId: () => number;
  readonly ownId: number;
  /** Entries of this process's time that carry a mark, by their index. */
  readonly followed: Map<number, Followed>;
  /** Proposals on their way to the leader, by the span that their entries name. */
  readonly forwards: Map<string, Span>;
}

/**
 * Makes what traces requests.
 *
 * @param otel What is built in.
 * @param options Who this node is, and whom it knows as leader.
 */
export function createTracing(
  otel: Otel,
  { id, leaderId }: { readonly id: number; readonly leaderId: () => number },
): Tracing {
  const state: State = {
    otel,
    node: { "pgraft.node.id": id },
    leaderId,
    ownId: id,
    followed: new Map(),
    forwards: new Map(),
  };
  return {
    routed: (method, route) => nameRequest(state, method, route),
    answered: (status) => {
      const span = otel.active().getValue(SPAN_KEY);
      if (status >= 500 && isSpan(span)) span.setStatus({ code: STATUS_ERROR });
    },
    propose: (attributes) => propose(state, attributes),
    appending: (entries, isLeader) => {
      for (const entry of entries) noteEntry(state, entry, isLeader);
    },
    applying: ({ index }) => {
      const known = state.followed.get(index);
      known?.commit?.end();
      if (known) known.commit = null;
    },
    machine: (machine) => ({
      ...machine,
      applyOperation: (operation, index, term) => {
        const known = state.followed.get(index);
        if (!known) return machine.applyOperation(operation, index, term);
        state.followed.delete(index);
        const span = start(state, "pgraft.apply", known.parent, {
          "pgraft.entry.index": index,
        });
        try {
          return machine.applyOperation(operation, index, term);
        } finally {
          span.end();
        }
      },
    }),
  };
}

/** Deno has made a span of the request, but knows no routes. */
function nameRequest(
  { otel, node }: State,
  method: string,
  route: string,
): void {
  const span = otel.active().getValue(SPAN_KEY);
  if (!isSpan(span)) return;
  span.updateName(`${method} ${route}`);
  span.setAttributes({ ...node, "http.route": route });
}

function isSpan(value: unknown): value is Span {
  return typeof value === "object" && value !== null && "updateName" in value;
}

function propose(state: State, attributes: Attributes): ProposalTrace {
  const { otel, node, leaderId, ownId, forwards } = state;
  const leader = leaderId();
  const span = otel.tracer.startSpan("pgraft.propose", {
    attributes: { ...node, ...attributes, "pgraft.leader.id": leader },
  }, otel.active());
  const own = span.spanContext();
  if (leader !== ownId) {
    const forward = start(state, "pgraft.forward", own, {
      "pgraft.leader.id": leader,
    }, SPAN_KIND.producer);
    forwards.set(own.spanId, forward);
  }
  return {
    mark: encodeMark(own),
    ended(code): void {
      endForward(state, own.spanId);
      if (code !== null) {
        span.setStatus({ code: STATUS_ERROR, message: code });
      }
      span.end();
    },
  };
}

/** The entry has come back from the leader, or will not. */
function endForward({ forwards }: State, spanId: string): void {
  forwards.get(spanId)?.end();
  forwards.delete(spanId);
}

function noteEntry(state: State, entry: Entry, isLeader: boolean): void {
  const bytes = operationBytesOf(entry);
  const mark = bytes && markOf(bytes);
  const { followed } = state;
  // Another entry takes the place of one that was lost with its leader.
  followed.get(entry.index)?.commit?.end();
  followed.delete(entry.index);
  if (!mark) return;
  const parent = decodeMark(mark);
  endForward(state, parent.spanId);
  const commit = isLeader
    ? start(state, "pgraft.commit", parent, {
      "pgraft.entry.index": entry.index,
      "pgraft.entry.term": entry.term,
    })
    : null;
  followed.set(entry.index, { parent, commit });
  if (followed.size <= MAX_FOLLOWED) return;
  for (const [index, { commit }] of followed) {
    commit?.end();
    followed.delete(index);
    return;
  }
}

function start(
  { otel, node }: State,
  name: string,
  parent: SpanContext,
  attributes: Attributes,
  kind: number = SPAN_KIND.internal,
): Span {
  const options = { kind, attributes: { ...node, ...attributes } };
  return otel.tracer.startSpan(name, options, within(otel, parent));
}

function within(otel: Otel, parent: SpanContext): Context {
  const spanContext = (): SpanContext => parent;
  return otel.active().setValue(SPAN_KEY, { spanContext });
}
