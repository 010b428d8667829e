import { parseHostPort } from "../../base/mod.ts";
import type { GivenParts, GivenText } from "./given.ts";
import { type KnownSetting, SETTINGS } from "./names.ts";
import type { ConfigProblem, Origin } from "./origin.ts";
import type { Setting } from "./setting.ts";

/** A value that was read, and where it comes from. */
export interface SettledValue {
  readonly value: unknown;
  readonly origin: Origin;
}

/** The values that are known so far, by their rows in the table. */
export type SettledValues = Map<Setting<unknown>, SettledValue>;

/** What the reading of values goes by. */
export interface Settling {
  readonly given: ReadonlyMap<string, GivenParts>;
  readonly values: SettledValues;
  readonly errors: ConfigProblem[];
}

const MAX_SHOWN = 80;

/**
 * Takes a value that was read.
 *
 * @param values The values.
 * @param row The setting's row.
 * @returns The value, or undefined when it could not be read.
 */
export function valueOf<T>(
  values: SettledValues,
  row: Setting<T>,
): T | undefined {
  // A value gets in under its row only as that row's type has read it.
  return values.get(row)?.value as T | undefined;
}

/** Puts the parts that were given on top of a whole address. */
function withParts(whole: string | null, parts: GivenParts): string | null {
  if (parts.host === undefined && parts.port === undefined) return whole;
  const base = whole === null ? null : parseHostPort(whole);
  if (whole !== null && base === null) return whole;
  const host = parts.host?.text ?? base?.host;
  const port = parts.port?.text ?? base?.port;
  if (host === undefined || port === undefined) return null;
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  return `${bare.includes(":") ? `[${bare}]` : bare}:${port}`;
}

function strongest(
  texts: readonly (GivenText | undefined)[],
): GivenText | null {
  return texts.reduce<GivenText | null>((best, text) => {
    if (text === undefined) return best;
    return best === null || text.rank > best.rank ? text : best;
  }, null);
}

function shown(text: string): string {
  return JSON.stringify(
    text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text,
  );
}

/** What a value rests on when nothing, or only a part of it, was written. */
export interface Fallback {
  /** The value as it would be written. */
  readonly text: string;
  /** What it was made of, in words; null for a plain default. */
  readonly from: string | null;
}

/**
 * Reads the value of one setting into the settled values.
 *
 * @param settling What was given and what is settled.
 * @param setting The setting.
 * @param fallback What counts where nothing was written, or null when there is no such value.
 * @returns Whether there was anything to read, right or wrong.
 */
export function settle(
  settling: Settling,
  setting: KnownSetting,
  fallback: Fallback | null,
): boolean {
  const parts = settling.given.get(setting.name) ?? {};
  const isDerived = setting.row.derived !== undefined;
  const written = isDerived && parts.whole?.text === ""
    ? undefined
    : parts.whole;
  const text = withParts(written?.text ?? fallback?.text ?? null, parts);
  if (text === null) return false;
  const source = strongest([written, parts.host, parts.port]);
  const origin: Origin = source?.origin ??
    { kind: "default", from: fallback?.from ?? null };
  const parsed = setting.row.type.parse(text);
  if (parsed.ok) {
    settling.values.set(setting.row, { value: parsed.value, origin });
    return true;
  }
  const label = source === null || source.name === setting.name
    ? setting.name
    : `${source.name} (${setting.name})`;
  const what = setting.row.leadsToSecret === true
    ? "a text that is not shown"
    : shown(text);
  const reason = parsed.reason === undefined ? "" : `: ${parsed.reason}`;
  const { allowed } = setting.row.type;
  const message = `${label} is ${what}${reason}; allowed: ${allowed}`;
  settling.errors.push({ origin, message });
  return true;
}

function howToSet(setting: KnownSetting): string {
  return `set ${setting.row.key} in [${setting.section}], ${setting.flag} or ${setting.variable}`;
}

/**
 * Reads every value that was written or has a default; those to be derived are left out.
 *
 * @param settling What was given; values and errors are added.
 * @param defaultOf Returns the text of a setting's default.
 */
export function settleAll(
  settling: Settling,
  defaultOf: (setting: KnownSetting) => string | undefined,
): void {
  for (const setting of SETTINGS) {
    if (setting.row.derived !== undefined) continue;
    const text = defaultOf(setting);
    const fallback = text === undefined ? null : { text, from: null };
    if (settle(settling, setting, fallback)) continue;
    settling.errors.push({
      origin: null,
      message: `${setting.name} is not set and has no default; ${
        howToSet(setting)
      }; allowed: ${setting.row.type.allowed}`,
    });
  }
}
