import type { Io } from "./io.ts";
import type {
  ArgumentTable,
  ArgumentValues,
  OptionTable,
  OptionValues,
} from "./options.ts";

/** A command line to learn from. */
export interface Example {
  /** What to type, from `pgraft` on. */
  readonly line: string;
  /** What it does. */
  readonly does: string;
}

/** What all commands are handed. */
export interface Context {
  readonly io: Io;
  /** All commands. */
  readonly root: TreeNode;
}

/** What commands and groups have in common. */
interface Row {
  /** The words after `pgraft`; none for the whole program. */
  readonly path: string;
  /** Other words that mean the same. */
  readonly aliases?: readonly string[];
  /** One line, without a period. */
  readonly summary: string;
  /** More about it: paragraphs, or lines with their indentation. */
  readonly about?: readonly string[];
  readonly examples: readonly Example[];
}

/** Words under which there are commands. */
export interface Group extends Row {
  readonly kind: "group";
  /** Options of all commands below. */
  readonly options: OptionTable;
  /** Not listed in help: it only holds other names. */
  readonly hidden?: boolean;
}

/** A row in its place: the table of commands as a tree. */
export interface TreeNode {
  readonly row: Command | Group;
  readonly parent: TreeNode | null;
  /** What is below, by its word. */
  readonly children: ReadonlyMap<string, TreeNode>;
  /** Other words for what is here or elsewhere. */
  readonly aliases: ReadonlyMap<string, TreeNode>;
}

/** What the caller of a command gave, read. */
export interface RawValues {
  readonly options: Readonly<Record<string, unknown>>;
  readonly args: Readonly<Record<string, unknown>>;
}

/** A command that reads its own flags. */
export interface OwnFlags {
  /** Their names, for completions. */
  readonly names: readonly string[];
  /** Their part of the help. */
  readonly help: () => string;
}

/** A row of the table of commands. */
export interface Command extends Row {
  readonly kind: "command";
  readonly options: OptionTable;
  readonly args: ArgumentTable;
  /** With it, all arguments but the command's own options go on as they are, as `rest`. */
  readonly ownFlags?: OwnFlags;
  /** Runs it with what was read by `options` and `args`. */
  readonly invoke: (values: RawValues, context: Context) => Promise<number>;
}

/** What a command is run with. */
export interface Call<O extends OptionTable, A extends ArgumentTable> {
  readonly options: OptionValues<O>;
  readonly args: ArgumentValues<A>;
}

/** A row of the table of commands as it is written. */
export interface CommandRow<O extends OptionTable, A extends ArgumentTable>
  extends Row {
  readonly options: O;
  readonly args: A;
  readonly ownFlags?: OwnFlags;
  /** Returns the exit code. */
  readonly run: (call: Call<O, A>, context: Context) => Promise<number>;
}

/**
 * Lets the types of a command's values follow from its options and arguments.
 *
 * @param row The row.
 * @returns The command.
 */
export function command<O extends OptionTable, A extends ArgumentTable>(
  row: CommandRow<O, A>,
): Command {
  const { run, ...words } = row;
  return {
    ...words,
    kind: "command",
    // The values were read by these very tables, which the type of a row without its own cannot say.
    invoke: ({ options, args }, context) =>
      run({
        options: options as OptionValues<O>,
        args: args as ArgumentValues<A>,
      }, context),
  };
}

/**
 * Makes a row of words under which there are commands.
 *
 * @param row The row.
 * @returns The group.
 */
export function group(row: Omit<Group, "kind">): Group {
  return { kind: "group", ...row };
}
