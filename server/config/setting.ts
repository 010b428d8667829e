import type { ValueType } from "./value_types.ts";

/** Another name of a setting, with what turns its values into the setting's own form. */
export interface RewrittenAlias {
  readonly name: string;
  /** Returns the text in the setting's form, or as it is when that cannot be done. */
  readonly rewrite: (text: string) => string;
}

/**
 * Another name of a setting: `key`, which counts in every section and in none, or `section.key`,
 * which counts only there. Files of the programs that pgraft replaces mostly have no sections.
 */
export type Alias = string | RewrittenAlias;

/** One row of the table of settings. */
export interface Setting<T> {
  /** Its key in the section's table of the file. */
  readonly key: string;
  readonly type: ValueType<T>;
  /** The default as it would be written; without one the setting is required or derived. */
  readonly default?: string;
  /** The default counts only when there is a file of that name; else the value is empty. */
  readonly defaultIfThere?: boolean;
  /** The value is the path of a secret; what is no path may be the secret itself and is not shown. */
  readonly leadsToSecret?: boolean;
  /** Where the value comes from when it is not given or empty, in words; `derive.ts` does it. */
  readonly derived?: string;
  /** One line for the help, without a period. */
  readonly help: string;
  readonly aliases?: readonly Alias[];
  /** Names that set only the host or only the port of an address. */
  readonly parts?: {
    readonly host?: readonly string[];
    readonly port?: readonly string[];
  };
}

/** The rows of one section by the name that the value has in the program. */
export type SectionTable = Readonly<Record<string, Setting<unknown>>>;

/** The values of a section. */
export type SectionValues<S extends SectionTable> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/**
 * Lets the type of a row's values follow from its type.
 *
 * @param row The row.
 * @returns The row.
 */
export function setting<T>(row: Setting<T>): Setting<T> {
  return row;
}
