import type { RaftStateMachine, SnapshotRestore } from "../raft/mod.ts";

/** An operation of the simulated clients. */
export type SimOperation =
  | { readonly kind: "put"; readonly key: string; readonly value: number }
  | {
    readonly kind: "cas";
    readonly key: string;
    readonly expected: number;
    readonly value: number;
  }
  /** Must take effect exactly once. */
  | { readonly kind: "mark"; readonly mark: number };

/** A machine whose whole state can be compared and whose mistakes show. */
export interface SimMachine extends RaftStateMachine {
  get(key: string): number;
  /** How often each mark was applied. */
  readonly marks: ReadonlyMap<number, number>;
  /** The state as text. */
  digest(): string;
}

interface State {
  readonly registers: Map<string, number>;
  readonly marks: Map<number, number>;
  /** Changes with every operation, also by its order. */
  hash: number;
  applied: number;
}

/**
 * Makes a machine with empty registers.
 *
 * @param flavour The bytes of its snapshots differ from those of other flavours.
 * @returns The machine.
 */
export function createSimMachine(flavour: number): SimMachine {
  let state = emptyState();
  return {
    get marks(): ReadonlyMap<number, number> {
      return state.marks;
    },
    get: (key) => state.registers.get(key) ?? 0,
    digest: () => JSON.stringify(encode(state).sort()),
    getLastAppliedIndex: () => state.applied,
    applyOperation(operation, index): Uint8Array {
      const text = new TextDecoder().decode(operation.data);
      state.applied = index;
      for (let i = 0; i < text.length; i++) {
        state.hash = (Math.imul(state.hash, 31) + text.charCodeAt(i)) | 0;
      }
      const ok = apply(state, JSON.parse(text));
      return Uint8Array.of(ok ? 1 : 0);
    },
    createSnapshot(): Iterable<Uint8Array> {
      // The order of lines means nothing, so members may differ in it.
      const copy = encode(state);
      const turned = copy.splice(0, flavour % (copy.length + 1));
      return piecesOf([...copy, ...turned]);
    },
    restoreFromSnapshot(index): SnapshotRestore {
      const lines: string[] = [];
      return {
        piece: (data) => void lines.push(new TextDecoder().decode(data)),
        done: () => {
          state = decode(lines);
          state.applied = Math.max(state.applied, index);
        },
      };
    },
  };
}

function emptyState(): State {
  return { registers: new Map(), marks: new Map(), hash: 7, applied: 0 };
}

function apply(state: State, operation: SimOperation): boolean {
  const { registers, marks } = state;
  if (operation.kind === "mark") {
    marks.set(operation.mark, (marks.get(operation.mark) ?? 0) + 1);
    return true;
  }
  const { key, value } = operation;
  if (operation.kind === "cas") {
    if ((registers.get(key) ?? 0) !== operation.expected) return false;
  }
  registers.set(key, value);
  return true;
}

function encode(state: State): string[] {
  const { registers, marks, hash } = state;
  return [
    JSON.stringify([hash]),
    ...[...registers].map((pair) => JSON.stringify(pair)),
    ...[...marks].map((pair) => JSON.stringify(pair)),
  ];
}

function* piecesOf(lines: readonly string[]): Iterable<Uint8Array> {
  for (const line of lines) yield new TextEncoder().encode(line);
}

function decode(lines: readonly string[]): State {
  const state = emptyState();
  for (const line of lines) {
    const [first, second] = JSON.parse(line);
    if (second === undefined) state.hash = first;
    else if (typeof first === "string") state.registers.set(first, second);
    else state.marks.set(first, second);
  }
  return state;
}
