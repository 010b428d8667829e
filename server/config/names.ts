import { editDistance, present, worthNaming } from "../../base/mod.ts";
import { INERT_KEYS } from "./inert.ts";
import type { Setting } from "./setting.ts";
import { FREE_SECTIONS, type FreeSection } from "./free_sections.ts";
import { SECTIONS } from "./settings.ts";

/** The name of a section with fixed keys. */
export type SectionName = keyof typeof SECTIONS;

/** A setting with all of its names. */
export interface KnownSetting {
  readonly section: SectionName;
  /** Its name in the section of a `NodeConfig`. */
  readonly property: string;
  readonly row: Setting<unknown>;
  /** `section.key`. */
  readonly name: string;
  /** `--section-key`. */
  readonly flag: string;
  /** `PGRAFT_SECTION_KEY`. */
  readonly variable: string;
}

/** Which part of a value a name sets. */
export type ValuePart = "whole" | "host" | "port";

/** What a name stands for. */
export type NameTarget =
  | {
    readonly kind: "setting";
    readonly setting: KnownSetting;
    readonly part: ValuePart;
    readonly rewrite: (text: string) => string;
  }
  | {
    readonly kind: "free";
    readonly section: FreeSection;
    readonly key: string;
  }
  | { readonly kind: "inert"; readonly reason: string };

/** The prefix of the environment variables that are read. */
export const VARIABLE_PREFIX = "PGRAFT_";

function isSectionName(name: string): name is SectionName {
  return Object.hasOwn(SECTIONS, name);
}

function listSettings(): KnownSetting[] {
  return Object.entries(SECTIONS).flatMap(([section, rows]) => {
    if (!isSectionName(section)) return [];
    return Object.entries<Setting<unknown>>(rows).map(([property, row]) => {
      const name = `${section}.${row.key}`;
      const flag = `--${name.replaceAll(/[._]/g, "-")}`;
      return { section, property, row, name, flag, variable: variableOf(name) };
    });
  });
}

function variableOf(name: string): string {
  const own = name.startsWith("pgraft.") ? name.slice("pgraft.".length) : name;
  return VARIABLE_PREFIX + own.replaceAll(".", "_").toUpperCase();
}

/** An alias is worth naming where no own name is equally near. */
const ALIAS_MALUS = 0.5;

/** Every setting, in the order of the file. */
export const SETTINGS: readonly KnownSetting[] = listSettings();

function* namesOf(setting: KnownSetting): Generator<[string, NameTarget]> {
  const kind = "setting";
  const same = (text: string): string => text;
  yield [setting.name, { kind, setting, part: "whole", rewrite: same }];
  for (const alias of setting.row.aliases ?? []) {
    const { name, rewrite } = typeof alias === "string"
      ? { name: alias, rewrite: same }
      : alias;
    yield [name, { kind, setting, part: "whole", rewrite }];
  }
  for (const part of ["host", "port"] as const) {
    for (const name of setting.row.parts?.[part] ?? []) {
      yield [name, { kind, setting, part, rewrite: same }];
    }
  }
}

function* freeNames(): Generator<[string, NameTarget]> {
  for (const section of FREE_SECTIONS) {
    for (const alias of section.aliases) {
      const key = alias.slice(alias.lastIndexOf(".") + 1);
      yield [alias, { kind: "free", section, key }];
    }
  }
}

function* inertNames(): Generator<[string, NameTarget]> {
  for (const { reason, names } of INERT_KEYS) {
    for (const name of names) yield [name, { kind: "inert", reason }];
  }
}

/** Every name with its target, the settings' first; a name with `*` stands for many. */
export const ALL_NAMES: readonly (readonly [string, NameTarget])[] = [
  ...SETTINGS.flatMap((setting) => [...namesOf(setting)]),
  ...freeNames(),
  ...inertNames(),
];

const TARGETS: ReadonlyMap<string, NameTarget> = new Map(ALL_NAMES);

const PATTERNS = ALL_NAMES.filter(([name]) => name.includes("*")).map((
  [name, target],
) => ({ pattern: new RegExp(`^${name.replace("*", "[a-z0-9_]+")}$`), target }));

/** Settings come first in the list, so an own name wins over another's alias. */
const VARIABLES: ReadonlyMap<string, string> = new Map(
  [...ALL_NAMES].reverse().map(([name]) => [variableOf(name), name]),
);

function lookUpFree(name: string): NameTarget | null {
  for (const section of FREE_SECTIONS) {
    if (!name.startsWith(`${section.name}.`)) continue;
    const key = name.slice(section.name.length + 1);
    // The extension of old took its settings from postgresql.conf.
    const own = key.startsWith("pgraft.") ? TARGETS.get(key) : undefined;
    return own ?? { kind: "free", section, key };
  }
  return null;
}

/**
 * Finds what a name stands for.
 *
 * @param name `section.key`, or `key` where there is no section.
 * @param key The key alone, which an alias may be in any section.
 * @returns Its target, or null when nothing has that name.
 */
export function lookUpName(name: string, key: string): NameTarget | null {
  const found = TARGETS.get(name) ?? lookUpFree(name);
  if (found !== null) return found;
  const alias = TARGETS.get(key);
  if (alias !== undefined) return alias;
  return PATTERNS.find(({ pattern }) => pattern.test(key))?.target ?? null;
}

/**
 * Finds the name that an environment variable stands for.
 *
 * @param variable The variable, with its prefix.
 * @returns A name for {@linkcode lookUpName}, or null when the variable is unknown.
 */
export function nameOfVariable(variable: string): string | null {
  const known = VARIABLES.get(variable);
  if (known !== undefined) return known;
  for (const { name } of FREE_SECTIONS) {
    const prefix = `${variableOf(name)}_`;
    if (!variable.startsWith(prefix) || variable === prefix) continue;
    return `${name}.${variable.slice(prefix.length).toLowerCase()}`;
  }
  return null;
}

/**
 * Finds the known name that a mistyped one was probably meant to be. A right key in a wrong section
 * is near, the nearer the more the sections are alike.
 *
 * @param name `section.key`, or `key`.
 * @returns The setting's name, after the alias that is near, or null when none is near.
 */
export function nearestName(name: string): string | null {
  let best: { words: string; score: number } | null = null;
  const key = keyOf(name);
  for (const [known, target] of ALL_NAMES) {
    if (target.kind !== "setting") continue;
    const whole = editDistance(name, known);
    const distance = Math.min(whole, editDistance(key, keyOf(known)));
    if (distance > worthNaming(key)) continue;
    const own = target.setting.name;
    const score = distance + whole / 1000 + (known === own ? 0 : ALIAS_MALUS);
    if (best !== null && best.score <= score) continue;
    best = { words: known === own ? own : `${known} (${own})`, score };
  }
  return best?.words ?? null;
}

function keyOf(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

/**
 * Finds a setting by its row.
 *
 * @param row A row of the table.
 * @returns The setting.
 */
export function settingOf(row: Setting<unknown>): KnownSetting {
  return present(
    SETTINGS.find((setting) => setting.row === row),
    `setting ${row.key}`,
  );
}
