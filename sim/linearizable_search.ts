import { present } from "../base/mod.ts";
import {
  type Chain,
  createChain,
  firstOf,
  nextOf,
  putBack,
  takeOut,
} from "./chain.ts";
import type {
  CompletedOperation,
  HistoryOperation,
  SequentialModel,
  UnknownOperation,
} from "./history.ts";

/** How far a search came at best. */
export interface DeadEnd<S, I, O> {
  /** The operations in an order that holds so far. */
  readonly placed: readonly HistoryOperation<I, O>[];
  /** The state behind them. */
  readonly state: S;
  /** Those of which one would have to come next, and none can. */
  readonly stuck: readonly CompletedOperation<I, O>[];
}

/** What a search found. */
export interface SearchResult<S, I, O> {
  readonly type: "linearizable" | "illegal" | "unknown";
  /** How far it came at best; null unless it was to explain. */
  readonly deadEnd: DeadEnd<S, I, O> | null;
}

/** Settings of {@linkcode searchOrder}. */
export interface SearchOptions {
  /** Points remembered before the search gives up. */
  readonly maxConfigurations: number;
  /** To explain it looks for the longest order, and so does not give up one before it must. */
  readonly purpose: "decide" | "explain";
}

/** A next operation and the state behind it. Numbers from `completed.length` on are unknown ones. */
interface Move<S> {
  readonly operation: number;
  readonly state: S;
  /** Nothing else need be tried in its place. */
  readonly forced: boolean;
}

/** A point that the search has reached. */
interface Node<S> {
  /** The operation placed last; -1 at the root. */
  readonly operation: number;
  readonly state: S;
  /** How many completed operations are placed. */
  readonly placed: number;
  /** One more than the greatest number of a completed operation that is placed. */
  readonly high: number;
  /** The unknown operations that are placed, ascending. */
  readonly used: readonly number[];
  moves: readonly Move<S>[];
  nextMove: number;
  /** Whether moves with unknown operations are still to be looked for. */
  unknownsPending: boolean;
}

/** A point seen before, but for the completed operations that it has placed. */
interface Seen<S> {
  readonly state: S;
  readonly used: readonly number[];
}

/** All that a search works on. */
interface Search<S, I, O> {
  readonly model: SequentialModel<S, I, O>;
  readonly purpose: "decide" | "explain";
  readonly completed: readonly CompletedOperation<I, O>[];
  readonly unknown: readonly UnknownOperation<I>[];
  /** What the model calls the effects of the unknown operations. */
  readonly effects: readonly (string | null)[];
  /** Those not placed yet, in the order of their calls. */
  readonly completedChain: Chain;
  readonly unknownChain: Chain;
  readonly seen: Map<string, Seen<S>[]>;
  /** How many operations not placed yet, known or unknown, may produce a state. */
  readonly producers: Map<string | number, number>;
  /** How many completed operations not placed yet require a state. */
  readonly requirers: Map<string | number, number>;
  configurations: number;
}

/**
 * Looks for an order of operations that respects time and the model: the search of Wing and Gong with
 * the memory of Lowe, "Testing for linearizability" (2017). These cuts keep it short:
 *
 * - A read that may come next and answered rightly comes next: wherever an order has it, it may have
 *   it here. (Not so a write that happens to change nothing: later it might.)
 * - Unknown operations are tried last, and only where they change something that the next unknown
 *   one would not undo: an order that has them for nothing holds without them.
 * - Of unknown operations with the same effect the one called first is tried for all.
 * - A state that a later answer requires is not left when nothing can bring it back.
 * - A point is given up when the same one was reached before with fewer unknown operations spent.
 *
 * @param model What the object should do.
 * @param history The operations, of one partition.
 * @param options Its bound and purpose.
 * @returns What was found.
 */
export function searchOrder<S, I, O>(
  model: SequentialModel<S, I, O>,
  history: readonly HistoryOperation<I, O>[],
  { maxConfigurations, purpose }: SearchOptions,
): SearchResult<S, I, O> {
  const search = createSearch(model, history, purpose);
  const path: Node<S>[] = [rootOf(search)];
  let best: DeadEnd<S, I, O> | null = null;
  let bestPlaced = -1;
  for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
    if (node.placed === search.completed.length) {
      return { type: "linearizable", deadEnd: null };
    }
    const move = nextMove(search, node, path.at(-2));
    if (move !== null) {
      place(search, move.operation);
      const child = arrive(search, node, move);
      if (child === null) unplace(search, move.operation);
      else path.push(child);
      if (search.configurations > maxConfigurations) {
        return { type: "unknown", deadEnd: best };
      }
      continue;
    }
    if (purpose === "explain" && node.placed > bestPlaced) {
      bestPlaced = node.placed;
      best = deadEndOf(search, path);
    }
    path.pop();
    if (node.operation !== -1) unplace(search, node.operation);
  }
  return { type: "illegal", deadEnd: best };
}

function createSearch<S, I, O>(
  model: SequentialModel<S, I, O>,
  history: readonly HistoryOperation<I, O>[],
  purpose: "decide" | "explain",
): Search<S, I, O> {
  const inOrder = history.toSorted((a, b) => a.calledAt - b.calledAt);
  const completed = inOrder.filter((operation) =>
    operation.type === "completed"
  );
  const unknown = inOrder.filter((operation) => operation.type === "unknown");
  const search: Search<S, I, O> = {
    model,
    purpose,
    completed,
    unknown,
    effects: unknown.map(({ input }) => model.effect(input)),
    completedChain: createChain(completed.length),
    unknownChain: createChain(unknown.length),
    seen: new Map(),
    producers: new Map(),
    requirers: new Map(),
    configurations: 0,
  };
  for (const operation of inOrder) count(search, operation, 1);
  return search;
}

/** Adds an operation to what is still to come, or takes it away. */
function count<S, I, O>(
  { model, producers, requirers }: Search<S, I, O>,
  operation: HistoryOperation<I, O>,
  by: 1 | -1,
): void {
  add(producers, model.produces(operation.input), by);
  if (operation.type === "unknown") return;
  add(requirers, model.requires(operation.input, operation.output), by);
}

function add(
  counts: Map<string | number, number>,
  hash: string | number | null,
  by: 1 | -1,
): void {
  if (hash !== null) counts.set(hash, (counts.get(hash) ?? 0) + by);
}

function rootOf<S, I, O>(search: Search<S, I, O>): Node<S> {
  const root = { operation: -1, state: search.model.init, placed: 0, high: 0 };
  return withMoves(search, { ...root, used: [] });
}

function withMoves<S, I, O>(
  search: Search<S, I, O>,
  reached: Pick<Node<S>, "operation" | "state" | "placed" | "high" | "used">,
): Node<S> {
  const moves = completedMoves(search, reached.state);
  const unknownsPending = moves[0]?.forced !== true;
  return { ...reached, moves, nextMove: 0, unknownsPending };
}

function nextMove<S, I, O>(
  search: Search<S, I, O>,
  node: Node<S>,
  parent: Node<S> | undefined,
): Move<S> | null {
  if (node.nextMove === node.moves.length && node.unknownsPending) {
    node.unknownsPending = false;
    node.moves = unknownMoves(search, node, parent);
    node.nextMove = 0;
  }
  const move = node.moves[node.nextMove];
  node.nextMove += 1;
  return move ?? null;
}

/** Returns the node that a move leads to, or null when nothing new can be found from there. */
function arrive<S, I, O>(
  search: Search<S, I, O>,
  from: Node<S>,
  { operation, state, forced }: Move<S>,
): Node<S> | null {
  const isCompleted = operation < search.completed.length;
  const placed = from.placed + (isCompleted ? 1 : 0);
  const high = isCompleted ? Math.max(from.high, operation + 1) : from.high;
  const used = isCompleted
    ? from.used
    : [...from.used, operation].sort((a, b) => a - b);
  if (!forced) {
    const looksAhead = search.purpose === "decide";
    if (looksAhead && isLostBy(search, from.state, state)) return null;
    if (!remember(search, high, state, used)) return null;
  }
  return withMoves(search, { operation, state, placed, high, used });
}

/** Says whether a step leaves for ever a state that is still required. */
function isLostBy<S, I, O>(
  { model, producers, requirers }: Search<S, I, O>,
  from: S,
  to: S,
): boolean {
  const left = model.hash(from);
  if (left === model.hash(to)) return false;
  return (requirers.get(left) ?? 0) > 0 && (producers.get(left) ?? 0) === 0;
}

/** Notes a point; returns false when one at least as good was there before. */
function remember<S, I, O>(
  search: Search<S, I, O>,
  high: number,
  state: S,
  used: readonly number[],
): boolean {
  const { model, seen, completedChain } = search;
  // The placed operations are those below `high` but for the few that their clients still wait for.
  let key = `${model.hash(state)}|${high}`;
  const end = search.completed.length;
  for (
    let i = firstOf(completedChain);
    i < Math.min(high, end);
    i = nextOf(completedChain, i)
  ) {
    key += `,${i}`;
  }
  const points = seen.get(key) ?? [];
  const known = points.some((point) =>
    isSubset(point.used, used) && model.equal(point.state, state)
  );
  if (known) return false;
  points.push({ state, used });
  seen.set(key, points);
  search.configurations += 1;
  return true;
}

/** Finds the completed operations that may come next: all but those called after another's return. */
function completedMoves<S, I, O>(
  search: Search<S, I, O>,
  state: S,
): Move<S>[] {
  const { model, completed, completedChain } = search;
  const moves: Move<S>[] = [];
  const latest = latestCall(search);
  for (
    let i = firstOf(completedChain);
    i < completed.length;
    i = nextOf(completedChain, i)
  ) {
    const { input, output, calledAt } = operationAt(completed, i);
    if (calledAt > latest) break;
    const step = model.step(state, input, output);
    if (step !== null && model.isReadOnly(input, output)) {
      return [{ operation: i, state: step.state, forced: true }];
    }
    if (step !== null) {
      moves.push({ operation: i, state: step.state, forced: false });
    }
  }
  return moves;
}

function unknownMoves<S, I, O>(
  search: Search<S, I, O>,
  node: Node<S>,
  parent: Node<S> | undefined,
): Move<S>[] {
  const { model, unknown, unknownChain } = search;
  const moves: Move<S>[] = [];
  const base = search.completed.length;
  const latest = latestCall(search);
  const beforeUnknown = node.operation >= base ? parent : undefined;
  const effects = new Set<string>();
  for (
    let i = firstOf(unknownChain);
    i < unknown.length;
    i = nextOf(unknownChain, i)
  ) {
    const { input, calledAt } = operationAt(unknown, i);
    if (calledAt > latest) break;
    const effect = search.effects[i] ?? null;
    if (effect !== null && effects.has(effect)) continue;
    if (effect !== null) effects.add(effect);
    const step = model.step(node.state, input, undefined);
    if (step === null || model.equal(step.state, node.state)) continue;
    const without = beforeUnknown === undefined
      ? null
      : model.step(beforeUnknown.state, input, undefined);
    if (without !== null && model.equal(without.state, step.state)) continue;
    moves.push({ operation: base + i, state: step.state, forced: false });
  }
  return moves;
}

/** Returns the time after which a call cannot come next: some operation had returned before it. */
function latestCall<S, I, O>(search: Search<S, I, O>): number {
  const { completed, completedChain } = search;
  let latest = Infinity;
  for (
    let i = firstOf(completedChain);
    i < completed.length;
    i = nextOf(completedChain, i)
  ) {
    const { calledAt, returnedAt } = operationAt(completed, i);
    if (calledAt > latest) break;
    latest = Math.min(latest, returnedAt);
  }
  return latest;
}

function deadEndOf<S, I, O>(
  search: Search<S, I, O>,
  path: readonly Node<S>[],
): DeadEnd<S, I, O> {
  const { completed, completedChain } = search;
  const placed = path.slice(1).map((node) =>
    operationOf(search, node.operation)
  );
  const { state } = present(path.at(-1), "the end of a path");
  const latest = latestCall(search);
  const stuck: CompletedOperation<I, O>[] = [];
  for (
    let i = firstOf(completedChain);
    i < completed.length;
    i = nextOf(completedChain, i)
  ) {
    const operation = operationAt(completed, i);
    if (operation.calledAt > latest) break;
    stuck.push(operation);
  }
  return { placed, state, stuck };
}

function place<S, I, O>(search: Search<S, I, O>, operation: number): void {
  const base = search.completed.length;
  if (operation < base) takeOut(search.completedChain, operation);
  else takeOut(search.unknownChain, operation - base);
  count(search, operationOf(search, operation), -1);
}

function unplace<S, I, O>(search: Search<S, I, O>, operation: number): void {
  const base = search.completed.length;
  if (operation < base) putBack(search.completedChain, operation);
  else putBack(search.unknownChain, operation - base);
  count(search, operationOf(search, operation), 1);
}

function operationOf<S, I, O>(
  { completed, unknown }: Search<S, I, O>,
  operation: number,
): HistoryOperation<I, O> {
  return operation < completed.length
    ? operationAt(completed, operation)
    : operationAt(unknown, operation - completed.length);
}

function operationAt<T>(operations: readonly T[], index: number): T {
  return present(operations[index], "an operation of the history");
}

function isSubset(few: readonly number[], many: readonly number[]): boolean {
  let at = 0;
  for (const wanted of few) {
    while (at < many.length && operationAt(many, at) < wanted) at += 1;
    if (many[at] !== wanted) return false;
  }
  return true;
}
