import { present } from "../base/mod.ts";
import type { HistoryOperation, SequentialModel } from "./history.ts";
import {
  type DeadEnd,
  searchOrder,
  type SearchResult,
} from "./linearizable_search.ts";

/** Placed operations that a report shows; those before them are counted only. */
const REPORTED_OPERATIONS = 12;

/** Settings of {@linkcode checkLinearizable}. */
export interface LinearizableOptions {
  /**
   * Points of the search that are remembered for one partition, before it is given up as "unknown".
   *
   * @default {500000}
   */
  readonly maxConfigurations?: number;
}

/** Points that the search for a readable report remembers. */
const EXPLAINED_CONFIGURATIONS = 20_000;

type Decision = SearchResult<unknown, unknown, unknown>["type"];

/** What a check came to. */
export type LinearizableVerdict<S, I, O> =
  | { readonly type: "linearizable" }
  /** No order explains what the clients saw. */
  | {
    readonly type: "illegal";
    /** The part of the object where it shows. */
    readonly partition: string;
    /**
     * How far the shortest beginning of the history that is illegal can be explained; null when the
     * search for it was too long.
     */
    readonly deadEnd: DeadEnd<S, I, O> | null;
    /** All of it in words. */
    readonly report: string;
  }
  /** The search was too long for these partitions; no other one is illegal. */
  | { readonly type: "unknown"; readonly partitions: readonly string[] };

/**
 * Checks whether clients saw what they would have seen if every operation had taken effect at one
 * moment between its call and its answer (Herlihy and Wing 1990).
 *
 * @param model What the object should do.
 * @param history What clients asked, what they got and when, in any order.
 * @param options Its bounds.
 * @returns The verdict.
 *
 * @example Usage
 * ```ts
 * import type { HistoryOperation } from "./history.ts";
 * import { checkLinearizable } from "./linearizable.ts";
 * import { createKvModel, type KvInput, type KvOutput } from "./linearizable_models.ts";
 *
 * const key = "a";
 * const done: KvOutput = { type: "done" };
 * const stale: KvOutput = { type: "value", value: null };
 * const history: HistoryOperation<KvInput, KvOutput>[] = [
 *   { type: "completed", client: 1, input: { type: "put", key, value: "1" }, output: done, calledAt: 1, returnedAt: 2 },
 *   { type: "completed", client: 2, input: { type: "get", key }, output: stale, calledAt: 3, returnedAt: 4 },
 * ];
 * const verdict = checkLinearizable(createKvModel(history), history);
 * if (verdict.type !== "illegal") throw new Error("A stale read must be caught");
 * ```
 */
export function checkLinearizable<S, I, O>(
  model: SequentialModel<S, I, O>,
  history: readonly HistoryOperation<I, O>[],
  options: LinearizableOptions = {},
): LinearizableVerdict<S, I, O> {
  const { maxConfigurations = 500_000 } = options;
  const unknown: string[] = [];
  const partitions = Map.groupBy(
    history,
    ({ input }) => model.partition(input),
  );
  for (const [partition, operations] of partitions) {
    const decide = (part: readonly HistoryOperation<I, O>[]): Decision =>
      searchOrder(model, part, { maxConfigurations, purpose: "decide" }).type;
    const decision = decide(operations);
    if (decision === "unknown") unknown.push(partition);
    if (decision !== "illegal") continue;
    const { deadEnd } = searchOrder(
      model,
      shortestIllegal(operations, decide),
      {
        maxConfigurations: Math.min(
          maxConfigurations,
          EXPLAINED_CONFIGURATIONS,
        ),
        purpose: "explain",
      },
    );
    const report = describe(model, partition, deadEnd);
    return { type: "illegal", partition, deadEnd, report };
  }
  if (unknown.length > 0) return { type: "unknown", partitions: unknown };
  return { type: "linearizable" };
}

/** Finds the shortest beginning of a history that is illegal. */
function shortestIllegal<I, O>(
  history: readonly HistoryOperation<I, O>[],
  decide: (part: readonly HistoryOperation<I, O>[]) => Decision,
): readonly HistoryOperation<I, O>[] {
  const returns = history
    .flatMap((it) => it.type === "completed" ? [it.returnedAt] : [])
    .sort((a, b) => a - b);
  let shortest = history;
  let low = 0;
  let high = returns.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const until = present(returns[middle], "the time of a return");
    const part = historyUntil(history, until);
    if (decide(part) === "illegal") {
      shortest = part;
      high = middle - 1;
    } else {
      low = middle + 1;
    }
  }
  return shortest;
}

function historyUntil<I, O>(
  history: readonly HistoryOperation<I, O>[],
  until: number,
): HistoryOperation<I, O>[] {
  return history
    .filter(({ calledAt }) => calledAt <= until)
    .map((operation) => {
      const { type, client, input, calledAt } = operation;
      if (type === "unknown" || operation.returnedAt <= until) return operation;
      return { type: "unknown", client, input, calledAt };
    });
}

function describe<S, I, O>(
  model: SequentialModel<S, I, O>,
  partition: string,
  deadEnd: DeadEnd<S, I, O> | null,
): string {
  const where = partition === "" ? "" : ` of ${JSON.stringify(partition)}`;
  const what = `The history${where} is not linearizable`;
  if (deadEnd === null) return `${what}; it is too long to explain`;
  const { placed, state, stuck } = deadEnd;
  const hidden = Math.max(0, placed.length - REPORTED_OPERATIONS);
  return [
    `${what}. In this order it can be explained:`,
    ...(hidden > 0 ? [`  (${hidden} operations before these)`] : []),
    ...placed.slice(hidden).map((it) => describeOperation(model, it)),
    `Then the state is ${
      model.describeState(state)
    }, and one of these must come next, but cannot:`,
    ...stuck.map((it) => describeOperation(model, it)),
  ].join("\n");
}

function describeOperation<S, I, O>(
  model: SequentialModel<S, I, O>,
  operation: HistoryOperation<I, O>,
): string {
  const { client, input, calledAt } = operation;
  const known = operation.type === "completed";
  const words = model.describe(input, known ? operation.output : undefined);
  const end = known ? String(operation.returnedAt) : "…";
  return `  [${calledAt}, ${end}] client ${client}: ${words}`;
}
