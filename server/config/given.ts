import {
  type KnownSetting,
  lookUpName,
  type NameTarget,
  nearestName,
  type ValuePart,
} from "./names.ts";
import {
  type Assignment,
  type ConfigProblem,
  formatOrigin,
  type Layer,
  type Origin,
} from "./origin.ts";
import type { FreeSection } from "./free_sections.ts";
import { hasControl } from "./value_types.ts";

/** A text that was written for a setting. */
export interface GivenText {
  /** The name it was written under. */
  readonly name: string;
  readonly text: string;
  readonly origin: Origin;
  /** The place of its source in the precedence; the greater wins. */
  readonly rank: number;
}

/** What was written for one setting: its whole value, or parts of it by older names. */
export type GivenParts = Partial<Record<ValuePart, GivenText>>;

/** Everything that was written, after precedence and before it is read. */
export interface GivenTexts {
  /** By the setting's name. */
  readonly settings: ReadonlyMap<string, GivenParts>;
  /** By `section.key`, in the order of the sources. */
  readonly free: ReadonlyMap<
    FreeSection["name"],
    ReadonlyMap<string, GivenText>
  >;
  readonly errors: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

interface Collecting {
  readonly settings: Map<string, GivenParts>;
  readonly free: Map<FreeSection["name"], Map<string, GivenText>>;
  readonly errors: ConfigProblem[];
  readonly warnings: ConfigProblem[];
}

function conflict(
  given: GivenText,
  other: GivenText,
  name: string,
): ConfigProblem {
  const one = given.name === name ? name : `${given.name} (${name})`;
  const two = other.name === name ? "" : ` as ${other.name}`;
  return {
    origin: given.origin,
    message: `${one} is already set${two} at ${
      formatOrigin(other.origin)
    }; keep one of them`,
  };
}

/** Of one source, a whole value and a part of it contradict each other. */
function rivals(part: ValuePart): readonly ValuePart[] {
  return part === "whole" ? ["whole", "host", "port"] : [part, "whole"];
}

function placeSetting(
  collecting: Collecting,
  setting: KnownSetting,
  part: ValuePart,
  given: GivenText,
): void {
  const parts = collecting.settings.get(setting.name) ?? {};
  for (const rival of rivals(part)) {
    const other = parts[rival];
    if (other === undefined || other.rank < given.rank) continue;
    if (rival === part && other.text === given.text) continue;
    collecting.errors.push(conflict(given, other, setting.name));
    return;
  }
  const kept = part === "whole" ? {} : parts;
  collecting.settings.set(setting.name, { ...kept, [part]: given });
}

function placeFree(
  collecting: Collecting,
  section: FreeSection,
  key: string,
  given: GivenText,
): void {
  const { origin } = given;
  const refused = hasControl(given.text)
    ? "has a control character; allowed: text of one line"
    : section.refuse(key, given.text);
  if (refused !== null) {
    const message = `${section.name}.${key} ${refused}`;
    collecting.errors.push({ origin, message });
    return;
  }
  const entries = collecting.free.get(section.name) ??
    new Map<string, GivenText>();
  const other = entries.get(key);
  if (other?.rank === given.rank && other.text !== given.text) {
    collecting.errors.push(conflict(given, other, `${section.name}.${key}`));
    return;
  }
  collecting.free.set(section.name, entries.set(key, given));
}

function unknown(assignment: Assignment): ConfigProblem {
  const meant = nearestName(assignment.name);
  const hint = meant === null
    ? "; pgraft serve --help lists all settings"
    : `; did you mean ${meant}`;
  return {
    origin: assignment.origin,
    message: `${assignment.name} is no setting${hint}`,
  };
}

function warnOnce(collecting: Collecting, warning: ConfigProblem): void {
  const isKnown = collecting.warnings.some(({ message }) =>
    message === warning.message
  );
  if (!isKnown) collecting.warnings.push(warning);
}

function place(
  collecting: Collecting,
  target: NameTarget,
  assignment: Assignment,
  rank: number,
): void {
  const { name, text, origin } = assignment;
  switch (target.kind) {
    case "setting": {
      const given = { name, text: target.rewrite(text), origin, rank };
      return placeSetting(collecting, target.setting, target.part, given);
    }
    case "free":
      return placeFree(collecting, target.section, target.key, {
        name,
        text,
        origin,
        rank,
      });
    case "inert":
      warnOnce(collecting, {
        origin,
        message: `${name} has no meaning here: ${target.reason}`,
      });
  }
}

/**
 * Brings what was written to the settings it is meant for.
 *
 * @param layers The sources, the weakest first.
 * @returns The texts that count, and every name that is unknown, without meaning or given twice.
 */
export function collectGiven(layers: readonly Layer[]): GivenTexts {
  const collecting: Collecting = {
    settings: new Map(),
    free: new Map(),
    errors: layers.flatMap((layer) => layer.errors),
    warnings: layers.flatMap((layer) => layer.warnings),
  };
  for (const [rank, layer] of layers.entries()) {
    for (const assignment of layer.assignments) {
      const target = lookUpName(assignment.name, assignment.key);
      if (target === null) collecting.errors.push(unknown(assignment));
      else place(collecting, target, assignment, rank);
    }
  }
  return collecting;
}
