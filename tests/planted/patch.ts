/** One replacement in one file. */
export interface Edit {
  /** Where, from the root of the tree. */
  readonly file: string;
  /** What stands there, exactly once. */
  readonly old: string;
  readonly new: string;
}

/** A deliberate mistake that the simulator must catch. */
export interface PlantedBug {
  /** Its name, in words joined by `_`. */
  readonly name: string;
  /** What goes wrong. */
  readonly wrong: string;
  /** The known trap or the part of the paper that it stands for. */
  readonly standsFor: string;
  /** Mostly one: a second one where two guards stand before the same trap. */
  readonly edits: readonly Edit[];
  /** Within how many seeds, counted from 1, it must be caught. */
  readonly seeds: number;
  /**
   * How long each run is.
   *
   * @default {20000}
   */
  readonly steps?: number;
  /**
   * Which simulator must catch it.
   *
   * @default {"raft"}
   */
  readonly simulator?: "raft" | "pg";
  /** What the violation must say, where another one would mean that the patch is wrong. */
  readonly says?: string;
}

/** A mistake in the failover of PostgreSQL. */
export type PgBug = Omit<PlantedBug, "simulator" | "steps">;

/** Reads a file of the tree. */
export type ReadFile = (file: string) => Promise<string>;

/** Thrown when a patch does not fit the tree. */
export class PatchError extends Error {
  override readonly name = "PatchError";
}

/**
 * Applies the edits of a bug to the files that they name.
 *
 * @param bug The bug.
 * @param read Reads a file as it is.
 * @returns The changed files.
 * @throws {PatchError} When a text to be replaced does not stand there exactly once.
 */
export async function patchedFiles(
  bug: PlantedBug,
  read: ReadFile,
): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const edit of bug.edits) {
    const source = files.get(edit.file) ?? await read(edit.file);
    files.set(edit.file, applyEdit(bug, edit, source));
  }
  return files;
}

function applyEdit(bug: PlantedBug, edit: Edit, source: string): string {
  const times = source.split(edit.old).length - 1;
  if (times !== 1) {
    throw new PatchError(
      `The bug ${bug.name} no longer applies: its text stands ${times} times in ` +
        `${edit.file}; fit the patch to the code as it is now`,
    );
  }
  // A function, because `$` means something in a text that replaces.
  return source.replace(edit.old, () => edit.new);
}
