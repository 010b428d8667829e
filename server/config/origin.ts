/** Where a value comes from. */
export type Origin =
  | {
    readonly kind: "default";
    /** What it was made of, in words; null for a plain default. */
    readonly from: string | null;
  }
  | {
    readonly kind: "file";
    readonly path: string;
    /** Counted from 1; 0 stands for the whole file. */
    readonly line: number;
  }
  | { readonly kind: "environment"; readonly variable: string }
  | { readonly kind: "flag"; readonly flag: string };

/** Something wrong, or worth knowing, and where. */
export interface ConfigProblem {
  /** Null where nothing was written. */
  readonly origin: Origin | null;
  readonly message: string;
}

/** A value as it was written. */
export interface Assignment {
  /** `section.key`, or `key` where there is no section. */
  readonly name: string;
  /** The key alone. */
  readonly key: string;
  readonly text: string;
  readonly origin: Origin;
}

/** What one source holds. */
export interface Layer {
  readonly assignments: readonly Assignment[];
  readonly errors: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

/**
 * Says where a value comes from.
 *
 * @param origin Where.
 * @returns `file:line`, a flag, a variable, or `default`.
 */
export function formatOrigin(origin: Origin): string {
  switch (origin.kind) {
    case "default":
      return origin.from === null ? "default" : `default, from ${origin.from}`;
    case "file":
      return origin.line === 0 ? origin.path : `${origin.path}:${origin.line}`;
    case "environment":
      return `env ${origin.variable}`;
    case "flag":
      return origin.flag;
  }
}

/**
 * Writes a problem as one line.
 *
 * @param problem The problem.
 * @returns Where and what.
 */
export function formatProblem(problem: ConfigProblem): string {
  const { origin, message } = problem;
  if (origin === null || origin.kind === "default") return message;
  return `${formatOrigin(origin)}: ${message}`;
}

const ORDER = { file: 0, environment: 1, flag: 2, default: 3 } as const;

/**
 * Compares problems by place: the file's by line, then environment, flags and the rest.
 *
 * @param a One problem.
 * @param b The other.
 * @returns A number below, equal to or above 0, as for `sort`.
 */
export function compareProblems(a: ConfigProblem, b: ConfigProblem): number {
  const [first, second] = [a, b].map(({ origin }) =>
    ORDER[origin?.kind ?? "default"]
  );
  if (first !== second) return (first ?? 0) - (second ?? 0);
  if (a.origin?.kind !== "file" || b.origin?.kind !== "file") return 0;
  return a.origin.line - b.origin.line;
}
