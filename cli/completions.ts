import type { Command, Group, TreeNode } from "./command.ts";
import { longName } from "./options.ts";
import type { Offer } from "./text_types.ts";
import { listNodes, optionsAt, wordsOf } from "./tree.ts";

/** The shells that scripts are written for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

type Shell = typeof SHELLS[number];

/** A word to offer. */
interface Candidate {
  readonly word: string;
  readonly help: string;
}

/** What can follow at one place. */
interface Place {
  /** `/ctl/kv`, empty for the whole program. */
  readonly at: string;
  readonly candidates: readonly Candidate[];
}

/** An option whose value is the next word. */
interface Taker {
  readonly names: readonly string[];
  readonly offer: Offer;
}

/** What every script is made of. */
interface Words {
  readonly places: readonly Place[];
  /** From a place and a word to a place. */
  readonly steps: readonly (readonly [from: string, to: string])[];
  readonly takers: readonly Taker[];
}

function placeOf(row: Command | Group): string {
  return wordsOf(row.path).map((word) => `/${word}`).join("");
}

function optionCandidates(node: TreeNode): Candidate[] {
  const own = node.row.kind === "command" ? node.row.ownFlags?.names ?? [] : [];
  return [
    ...[...optionsAt(node)].map(([key, { help }]) => ({
      word: longName(key),
      help,
    })),
    ...own.map((word) => ({ word, help: "Setting" })),
    { word: "--help", help: "Print this help" },
  ];
}

function argumentCandidates({ row }: TreeNode): Candidate[] {
  if (row.kind === "group") return [];
  return Object.values(row.args).flatMap(({ offer, help }) =>
    typeof offer === "string" ? [] : offer.map((word) => ({ word, help }))
  );
}

function placeAt(node: TreeNode): Place {
  const { row } = node;
  // A group that only holds other names has nothing else to offer.
  const isHidden = row.kind === "group" && row.hidden === true;
  const below = isHidden ? node.aliases : node.children;
  const children = [...below].map(([word, { row }]) => ({
    word,
    help: row.summary,
  }));
  const version = node.parent === null
    ? [{ word: "--version", help: "Print the version" }]
    : [];
  return {
    at: placeOf(row),
    candidates: [
      ...children,
      ...argumentCandidates(node),
      ...optionCandidates(node),
      ...version,
    ],
  };
}

function stepsFrom(node: TreeNode): (readonly [string, string])[] {
  const from = placeOf(node.row);
  return [...node.children, ...node.aliases].map(([word, { row }]) =>
    [`${from}/${word}`, placeOf(row)] as const
  );
}

function takersOf({ row }: TreeNode): Taker[] {
  return Object.entries(row.options).flatMap(([key, { takes, short, offer }]) =>
    takes === "value"
      ? [{
        names: short === undefined
          ? [longName(key)]
          : [longName(key), `-${short}`],
        offer,
      }]
      : []
  );
}

function collectWords(root: TreeNode): Words {
  const nodes = listNodes(root);
  const takers = new Map(
    nodes.flatMap(takersOf).map((taker) => [taker.names.join(), taker]),
  );
  return {
    places: nodes.map(placeAt),
    steps: nodes.flatMap(stepsFrom),
    takers: [...takers.values()],
  };
}

function single(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function fishSingle(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}

/** The walk over the words before the cursor, which bash and zsh write alike. */
function walk({ steps, takers }: Words, words: string): string[] {
  const names = takers.flatMap((taker) => taker.names);
  return [
    `  for word in ${words}; do`,
    `    if [[ -n $skip ]]; then skip=; continue; fi`,
    `    case "$word" in ${names.join("|")}) skip=1; continue ;; esac`,
    `    case "$at/$word" in`,
    ...steps.map(([from, to]) => `      ${single(from)}) at=${single(to)} ;;`),
    `    esac`,
    `  done`,
  ];
}

function bashValue({ names, offer }: Taker): string {
  const words = offer === "files"
    ? `compgen -f -- "$cur"`
    : `compgen -W ${
      single(offer === "nothing" ? "" : offer.join(" "))
    } -- "$cur"`;
  return `    ${
    names.join("|")
  }) mapfile -t COMPREPLY < <(${words}); return ;;`;
}

function bashScript(words: Words): string[] {
  return [
    "# bash completion for pgraft",
    "_pgraft() {",
    `  local cur="\${COMP_WORDS[COMP_CWORD]}" at= skip= word candidates=`,
    `  case "\${COMP_WORDS[COMP_CWORD-1]}" in`,
    ...words.takers.map(bashValue),
    "  esac",
    ...walk(words, `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`),
    `  case "$at" in`,
    ...words.places.map(({ at, candidates }) =>
      `    ${single(at)}) candidates=${
        single(candidates.map(({ word }) => word).join(" "))
      } ;;`
    ),
    "  esac",
    `  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$cur")`,
    "}",
    "complete -o bashdefault -o default -F _pgraft pgraft",
  ];
}

function zshValue({ names, offer }: Taker): string {
  const words = offer === "files"
    ? "_files"
    : `compadd -- ${offer === "nothing" ? "" : offer.join(" ")}`.trimEnd();
  return `    ${names.join("|")}) ${words}; return ;;`;
}

function zshCandidate({ word, help }: Candidate): string {
  return `      ${single(`${word.replaceAll(":", "\\:")}:${help}`)}`;
}

function zshScript(words: Words): string[] {
  return [
    "#compdef pgraft",
    "_pgraft() {",
    "  local at= skip= word",
    "  local -a candidates",
    `  case "\${words[CURRENT-1]}" in`,
    ...words.takers.map(zshValue),
    "  esac",
    ...walk(words, `"\${(@)words[2,CURRENT-1]}"`),
    `  case "$at" in`,
    ...words.places.flatMap(({ at, candidates }) => [
      `    ${single(at)}) candidates=(`,
      ...candidates.map(zshCandidate),
      "      ) ;;",
    ]),
    "  esac",
    "  _describe -t commands pgraft candidates || _files",
    "}",
    `if [[ "$funcstack[1]" == _pgraft ]]; then _pgraft "$@"; else compdef _pgraft pgraft; fi`,
  ];
}

function fishStep([from, to]: readonly [string, string]): string {
  return `            case ${fishSingle(from)}; set at ${fishSingle(to)}`;
}

function fishPlace({ at, candidates }: Place): string[] {
  return candidates.map(({ word, help }) => {
    const what = word.startsWith("--")
      ? `-l ${word.slice(2)}`
      : `-a ${fishSingle(word)}`;
    return `complete -c pgraft -n ${
      fishSingle(`test (__pgraft_at)x = ${at}x`)
    } ${what} -d ${fishSingle(help)}`;
  });
}

function fishValue({ names, offer }: Taker): string {
  const options = names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`
  ).join(" ");
  const words = typeof offer === "string"
    ? ""
    : ` -a ${fishSingle(offer.join(" "))}`;
  return `complete -c pgraft ${options} -r ${
    offer === "files" ? "-F" : `-f${words}`
  }`;
}

function fishScript(words: Words): string[] {
  const names = words.takers.flatMap((taker) => taker.names);
  return [
    "# fish completion for pgraft",
    "function __pgraft_at",
    "    set -l at ''",
    "    set -l skip",
    "    for word in (commandline -opc)[2..]",
    "        if set -q skip[1]",
    "            set -e skip",
    "            set -l skip",
    "            continue",
    "        end",
    `        if contains -- $word ${names.join(" ")}`,
    "            set skip 1",
    "            continue",
    "        end",
    `        switch "$at/$word"`,
    ...words.steps.map(fishStep),
    "        end",
    "    end",
    "    echo $at",
    "end",
    "complete -c pgraft -f",
    ...words.takers.map(fishValue),
    ...words.places.flatMap(fishPlace),
  ];
}

/**
 * Writes the completion script of a shell.
 *
 * @param shell Which.
 * @param root All commands.
 * @returns The script, with a line feed at its end.
 */
export function completionScript(shell: Shell, root: TreeNode): string {
  const words = collectWords(root);
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return `${scripts[shell](words).join("\n")}\n`;
}
