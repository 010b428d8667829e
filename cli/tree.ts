import { invariant, present } from "../base/mod.ts";
import type { Command, Group, TreeNode } from "./command.ts";
import type { OptionSpec } from "./options.ts";

interface GrowingNode extends TreeNode {
  readonly parent: GrowingNode | null;
  readonly children: Map<string, GrowingNode>;
  readonly aliases: Map<string, GrowingNode>;
}

/**
 * Splits the words of a command.
 *
 * @param path The words, such as `ctl kv put`; empty for the whole program.
 * @returns Each of them.
 */
export function wordsOf(path: string): string[] {
  return path === "" ? [] : path.split(" ");
}

/**
 * Finds a row by its words or other words.
 *
 * @param root The whole program.
 * @param words The words after `pgraft`.
 * @returns The row in its place, or null when there is none.
 */
export function findNode<N extends TreeNode>(
  root: N,
  words: readonly string[],
): N | null;
export function findNode(
  root: TreeNode,
  words: readonly string[],
): TreeNode | null {
  let node: TreeNode | undefined = root;
  for (const word of words) {
    node = node.children.get(word) ?? node.aliases.get(word);
    if (node === undefined) return null;
  }
  return node;
}

function growingNode(
  row: Command | Group,
  parent: GrowingNode | null,
): GrowingNode {
  return { row, parent, children: new Map(), aliases: new Map() };
}

function placeFor(
  root: GrowingNode,
  path: string,
): { parent: GrowingNode; word: string } {
  const words = wordsOf(path);
  const word = present(words.pop(), `the last word of "${path}"`);
  const parent = present(findNode(root, words), `the group of "${path}"`);
  const isNew = !parent.children.has(word) && !parent.aliases.has(word);
  invariant(isNew, `"${path}" stands once in the table of commands`);
  return { parent, word };
}

/**
 * Makes a tree of the table of commands.
 *
 * @param rows The rows, a group before what is below it; the first is the whole program.
 * @returns The tree.
 */
export function growTree(rows: readonly (Command | Group)[]): TreeNode {
  const [first, ...others] = rows;
  const root = growingNode(present(first, "the row of the program"), null);
  const nodes = others.map((row) => {
    const { parent, word } = placeFor(root, row.path);
    const node = growingNode(row, parent);
    parent.children.set(word, node);
    return node;
  });
  for (const node of nodes) {
    for (const alias of node.row.aliases ?? []) {
      const { parent, word } = placeFor(root, alias);
      parent.aliases.set(word, node);
    }
  }
  return root;
}

/**
 * Lists a tree, each group before what is below it.
 *
 * @param node The uppermost.
 * @returns It and all below it.
 */
export function listNodes(node: TreeNode): TreeNode[] {
  return [node, ...[...node.children.values()].flatMap(listNodes)];
}

/**
 * Collects the options that can be given at a place: its own and those of the groups above.
 *
 * @param node The place.
 * @returns The options by their names in the program.
 */
export function optionsAt(
  node: TreeNode,
): ReadonlyMap<string, OptionSpec<unknown>> {
  const above = node.parent === null ? [] : [...optionsAt(node.parent)];
  return new Map([...above, ...Object.entries(node.row.options)]);
}
