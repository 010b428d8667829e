import { type Random, randomBelow } from "../../base/mod.ts";
import type {
  KvComparison,
  KvOperation,
  KvRange,
  KvRecord,
  KvResult,
  KvStep,
  KvStepResult,
} from "./mod.ts";

/** The same store, written as plainly as possible. */
export interface Model {
  readonly records: Map<string, KvRecord>;
  revision: number;
}

/** Whether a key belongs to a range. */
export function inRange(
  key: string,
  { key: start, rangeEnd }: KvRange,
): boolean {
  if (rangeEnd === "") return key === start;
  return key >= start && (rangeEnd === "\0" || key < rangeEnd);
}

/** All records, in order of key. */
export function sorted(model: Model): KvRecord[] {
  return [...model.records.values()].sort((a, b) => a.key < b.key ? -1 : 1);
}

function modelSet(
  model: Model,
  key: string,
  value: string,
  revision = model.revision + 1,
): void {
  model.revision = revision;
  const before = model.records.get(key);
  model.records.set(key, {
    key,
    value,
    createRevision: before?.createRevision ?? model.revision,
    modRevision: model.revision,
    version: (before?.version ?? 0) + 1,
    lease: 0,
    createdAtMs: 0,
    updatedAtMs: 0,
  });
}

function modelDelete(
  model: Model,
  range: KvRange,
  revision = model.revision + 1,
): KvRecord[] {
  const deleted = sorted(model).filter(({ key }) => inRange(key, range));
  for (const { key } of deleted) model.records.delete(key);
  if (deleted.length > 0) model.revision = revision;
  return deleted;
}

function modelHolds(model: Model, comparison: KvComparison): boolean {
  const found = sorted(model).filter(({ key }) => inRange(key, comparison));
  const { operand, relation } = comparison;
  const sides = (found.length === 0 ? [null] : found).map((record) => {
    if (operand.type === "value") return [record?.value ?? null, operand.value];
    const fields = {
      version: record?.version,
      create_revision: record?.createRevision,
      mod_revision: record?.modRevision,
    };
    return [fields[operand.type] ?? 0, operand.number];
  });
  return sides.every(([left, right]) => {
    if (left === null || left === undefined || right === undefined) {
      return false;
    }
    if (right === null) return false;
    if (relation === "equal") return left === right;
    if (relation === "not_equal") return left !== right;
    return relation === "less" ? left < right : left > right;
  });
}

function modelStep(model: Model, step: KvStep, revision: number): KvStepResult {
  if (step.type === "range") {
    const found = sorted(model).filter(({ key }) => inRange(key, step));
    return {
      type: "range",
      revision: model.revision,
      count: found.length,
      records: found.slice(0, step.limit),
    };
  }
  if (step.type === "put") {
    const before = model.records.get(step.key) ?? null;
    modelSet(model, step.key, step.value, revision);
    const previous = step.returnPrevious ? before : null;
    return { type: "put", revision, previous };
  }
  const deleted = modelDelete(model, step, revision);
  return {
    type: "delete",
    revision: model.revision,
    deleted: deleted.length,
    previous: step.returnPrevious ? deleted : [],
  };
}

/** What the model knows; leases and their clock have tests of their own. */
/** What the model can be told to do. */
export type ModelOperation = Extract<
  KvOperation,
  { type: "put" | "delete" | "compare_and_set" | "transaction" }
>;

/** What the store answers to an operation, which it carries out. */
export function modelApply(model: Model, operation: ModelOperation): KvResult {
  if (operation.type === "delete") {
    const deleted = modelDelete(model, operation);
    return {
      type: "delete",
      revision: model.revision,
      deleted: deleted.length,
      previous: operation.returnPrevious ? deleted : [],
    };
  }
  if (operation.type === "transaction") {
    const { comparisons, success, failure } = operation;
    const succeeded = comparisons.every((one) => modelHolds(model, one));
    const next = model.revision + 1;
    const answers = (succeeded ? success : failure).map((step) =>
      modelStep(model, step, next)
    );
    const { revision } = model;
    return { type: "transaction", revision, succeeded, answers };
  }
  const before = model.records.get(operation.key) ?? null;
  if (operation.type === "put") {
    modelSet(model, operation.key, operation.value);
    const previous = operation.returnPrevious ? before : null;
    return { type: "put", revision: model.revision, previous };
  }
  const { expected } = operation;
  const succeeded = expected.type === "value"
    ? before?.value === expected.value
    : (before?.modRevision ?? 0) === expected.modRevision;
  if (succeeded && operation.value !== null) {
    modelSet(model, operation.key, operation.value);
  } else if (succeeded) {
    modelDelete(model, { key: operation.key, rangeEnd: "" });
  }
  return {
    type: "compare_and_set",
    revision: model.revision,
    succeeded,
    current: succeeded ? null : before,
  };
}

/** One of so many keys. */
export function randomKey(random: Random, keys: number): string {
  return `k${randomBelow(random, keys)}\xff`;
}

/** An operation of any kind; those with conditions mostly know what there is. */
export function randomOperation(
  random: Random,
  keys: number,
  model: Model,
): ModelOperation {
  const key = randomKey(random, keys);
  const value = `v${randomBelow(random, 3)}`;
  const returnPrevious = randomBelow(random, 2) === 0;
  const dice = randomBelow(random, 100);
  if (dice < 50) return { type: "put", key, value, returnPrevious };
  if (dice < 70) return { type: "delete", key, rangeEnd: "", returnPrevious };
  if (dice < 73) {
    const rangeEnd = ["\0", randomKey(random, keys), key + "5"][
      randomBelow(random, 3)
    ] ?? "";
    if (rangeEnd === "\0" && randomBelow(random, 4) > 0) {
      return { type: "delete", key, rangeEnd: "", returnPrevious };
    }
    return { type: "delete", key, rangeEnd, returnPrevious };
  }
  if (dice < 78) return randomTransaction(random, keys, model);
  const set = randomBelow(random, 4) === 0 ? null : value;
  if (dice < 85) {
    const expected = { type: "value", value: `v${dice % 3}` } as const;
    return { type: "compare_and_set", key, expected, value: set };
  }
  const known = model.records.get(key)?.modRevision ?? 0;
  const modRevision = dice < 95 ? known : dice % 2;
  const expected = { type: "mod_revision", modRevision } as const;
  return { type: "compare_and_set", key, expected, value: set };
}

const RELATIONS = ["equal", "greater", "less", "not_equal"] as const;

function pick<T>(random: Random, items: readonly [T, ...T[]]): T {
  return items[randomBelow(random, items.length)] ?? items[0];
}

function randomComparison(
  random: Random,
  keys: number,
  model: Model,
): KvComparison {
  const key = randomKey(random, keys);
  const known = model.records.get(key);
  const number = pick(random, [
    0,
    known?.version ?? 1,
    known?.modRevision ?? 1,
    known?.createRevision ?? 1,
  ]);
  const type = pick(
    random,
    ["version", "create_revision", "mod_revision"] as const,
  );
  return {
    key,
    rangeEnd: pick(random, ["", "", key + "5"]),
    relation: pick(random, RELATIONS),
    operand: randomBelow(random, 3) === 0
      ? { type: "value", value: known?.value ?? "v1" }
      : { type, number },
  };
}

function randomSteps(random: Random, keys: number): KvStep[] {
  const steps: KvStep[] = [];
  const returnPrevious = randomBelow(random, 2) === 0;
  const key = randomKey(random, keys);
  for (let n = randomBelow(random, 4); n > 0; n--) {
    const dice = randomBelow(random, 3);
    const own = `${key}t${n}`;
    const value = "v2";
    if (dice === 0) {
      steps.push({ type: "put", key: own, value, returnPrevious });
    }
    const rangeEnd = pick(random, ["", key + "4"]);
    // Deletes the key itself, which no step of this list sets.
    if (dice === 1) {
      steps.push({ type: "delete", key, rangeEnd: "", returnPrevious });
    }
    if (dice === 2) steps.push({ type: "range", key, rangeEnd, limit: n - 1 });
  }
  return steps;
}

function randomTransaction(
  random: Random,
  keys: number,
  model: Model,
): ModelOperation {
  const comparisons = Array.from(
    { length: randomBelow(random, 3) },
    () => randomComparison(random, keys, model),
  );
  return {
    type: "transaction",
    comparisons,
    success: randomSteps(random, keys),
    failure: randomSteps(random, keys),
  };
}
