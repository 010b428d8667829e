import { nearest } from "../base/mod.ts";
import type { TreeNode } from "./command.ts";
import { longName, type OptionSpec, quote } from "./options.ts";
import { optionsAt } from "./tree.ts";

/** A command line, taken apart but not yet read. */
export interface Scanned {
  readonly kind: "scanned";
  /** The command or group that was named. */
  readonly node: TreeNode;
  /** What was given of each option, by its name in the program. */
  readonly given: ReadonlyMap<string, readonly (string | null)[]>;
  /** What belongs to no option. */
  readonly words: readonly string[];
}

/** A command line that asks for something else, or is wrong. */
export type Stopped =
  | { readonly kind: "help"; readonly node: TreeNode }
  | { readonly kind: "version" }
  | {
    readonly kind: "wrong";
    readonly node: TreeNode;
    readonly message: string;
  };

/** The options that stand at every level, and are in no table. */
export const HELP_FLAGS: readonly string[] = ["-h", "--help"];
/** As {@linkcode HELP_FLAGS}. */
export const VERSION_FLAGS: readonly string[] = ["-V", "--version"];

interface Scan {
  readonly left: string[];
  readonly words: string[];
  readonly given: Map<string, (string | null)[]>;
  node: TreeNode;
}

interface Found {
  readonly key: string;
  readonly spec: OptionSpec<unknown>;
}

function findOption(node: TreeNode, name: string): Found | null {
  for (const [key, spec] of optionsAt(node)) {
    const isMeant = name === longName(key) ||
      (spec.short !== undefined && name === `-${spec.short}`);
    if (isMeant) return { key, spec };
  }
  return null;
}

function give(scan: Scan, key: string, text: string | null): void {
  const texts = scan.given.get(key) ?? [];
  texts.push(text);
  scan.given.set(key, texts);
}

function wrong(scan: Scan, message: string): Stopped {
  return { kind: "wrong", node: scan.node, message };
}

function unknownOption(scan: Scan, name: string): Stopped {
  const known = [
    ...[...optionsAt(scan.node).keys()].map(longName),
    "--help",
    "--version",
  ];
  const meant = name.startsWith("--") ? nearest(name, known) : null;
  const hint = meant === null ? "" : `; did you mean ${meant}`;
  return wrong(scan, `There is no option ${name} here${hint}`);
}

/** A lone hyphen is a word: it stands for standard input. */
function isOption(text: string): boolean {
  return text.startsWith("-") && text !== "-";
}

/** Takes the next word as the option's value, if it can be one. */
function followingText(scan: Scan, spec: OptionSpec<unknown>): string | null {
  const [next] = scan.left;
  if (next === undefined || isOption(next)) return null;
  if (spec.takes === "maybe" && !spec.read([next]).ok) return null;
  scan.left.shift();
  return next;
}

function scanOption(
  scan: Scan,
  name: string,
  inline: string | null,
): Stopped | null {
  if (HELP_FLAGS.includes(name)) return { kind: "help", node: scan.node };
  if (VERSION_FLAGS.includes(name)) return { kind: "version" };
  const found = findOption(scan.node, name);
  if (found === null) return unknownOption(scan, name);
  const { key, spec } = found;
  if (spec.takes === "nothing") {
    if (inline !== null) {
      return wrong(scan, `${name} takes no value, got ${quote(inline)}`);
    }
    give(scan, key, null);
    return null;
  }
  const text = inline ?? followingText(scan, spec);
  if (text === null && spec.takes === "value") {
    return wrong(scan, `${name} needs a value: ${spec.placeholder}`);
  }
  give(scan, key, text);
  return null;
}

function scanLong(scan: Scan, text: string): Stopped | null {
  const equals = text.indexOf("=");
  return equals < 0
    ? scanOption(scan, text, null)
    : scanOption(scan, text.slice(0, equals), text.slice(equals + 1));
}

/** `-qw5` is `-q -w 5`: after a letter that can take a value, the rest is that value. */
function scanShort(scan: Scan, text: string): Stopped | null {
  for (let at = 1; at < text.length; at++) {
    const name = `-${text.charAt(at)}`;
    const behind = text.slice(at + 1);
    const takes = findOption(scan.node, name)?.spec.takes ?? "nothing";
    if (takes !== "nothing" && behind !== "") {
      return scanOption(scan, name, behind.replace(/^=/, ""));
    }
    if (behind.startsWith("=")) return scanOption(scan, name, behind.slice(1));
    const stopped = scanOption(scan, name, null);
    if (stopped !== null) return stopped;
  }
  return null;
}

function descend(scan: Scan, word: string): Stopped | null {
  const { children, aliases } = scan.node;
  const next = children.get(word) ?? aliases.get(word);
  if (next !== undefined) {
    scan.node = next;
    return null;
  }
  const meant = nearest(word, [...children.keys(), ...aliases.keys()]);
  const hint = meant === null ? "" : `; did you mean ${meant}`;
  return wrong(scan, `There is no command ${quote(word)} here${hint}`);
}

/** A command with flags of its own gets all that is no option of its row. */
function scanOwnFlags(scan: Scan): Stopped | null {
  for (const text of scan.left.splice(0)) {
    if (HELP_FLAGS.includes(text)) return { kind: "help", node: scan.node };
    const found = findOption(scan.node, text);
    if (found?.spec.takes === "nothing") give(scan, found.key, null);
    else scan.words.push(text);
  }
  return null;
}

function scanText(scan: Scan, text: string): Stopped | null {
  if (text.startsWith("--")) return scanLong(scan, text);
  if (isOption(text)) return scanShort(scan, text);
  if (scan.node.row.kind === "group") return descend(scan, text);
  scan.words.push(text);
  return null;
}

/**
 * Takes a command line apart. Options may stand anywhere after the word that knows them; nothing
 * after `--` is one.
 *
 * @param root All commands.
 * @param args The arguments.
 * @returns The parts, or why there is nothing to run.
 */
export function scanLine(
  root: TreeNode,
  args: readonly string[],
): Scanned | Stopped {
  const scan: Scan = {
    left: [...args],
    words: [],
    given: new Map(),
    node: root,
  };
  for (;;) {
    const { row } = scan.node;
    if (row.kind === "command" && row.ownFlags !== undefined) {
      const stopped = scanOwnFlags(scan);
      if (stopped !== null) return stopped;
    }
    const text = scan.left.shift();
    if (text === undefined) break;
    if (text === "--" && row.kind === "command") {
      scan.words.push(...scan.left.splice(0));
      break;
    }
    const stopped = scanText(scan, text);
    if (stopped !== null) return stopped;
  }
  const { node, given, words } = scan;
  return { kind: "scanned", node, given, words };
}
