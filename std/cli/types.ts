/** The flags' names and defaults, as one type to hand on. */
interface Flags {
  booleans: string;
  strings: string;
  collected: string;
  negatable: string;
  defaults: object;
  aliases: Aliases;
}

/** Other names of flags: the flag, and what else it may be called. */
export type Aliases = { readonly [name: string]: string | readonly string[] };

type OrFalse<Name, F extends Flags> = Name extends F["negatable"] ? false
  : never;

type Untouched<F extends Flags> =
  & { [K in Exclude<F["strings"], F["collected"]>]?: string | OrFalse<K, F> }
  & { [K in Extract<F["strings"], F["collected"]>]: string[] | OrFalse<K, F> }
  & { [K in Exclude<F["booleans"], F["collected"]>]: boolean }
  & { [K in Extract<F["booleans"], F["collected"]>]: boolean[] }
  & {
    [K in Exclude<F["collected"], F["strings"] | F["booleans"]>]:
      | unknown[]
      | OrFalse<K, F>;
  };

type WithDefaults<V, D> =
  & Omit<V, keyof D>
  & {
    [K in keyof D]: K extends keyof V ? D[K] | NonNullable<V[K]> : unknown;
  };

type NamesOf<K, A extends Aliases> = K extends keyof A
  ? A[K] extends string ? K | A[K]
  : A[K] extends readonly string[] ? K | A[K][number]
  : K
  : K;

type WithAliases<V, A extends Aliases> = {
  [K in keyof V as NamesOf<K, A>]: V[K];
};

type Rest<TDoubleDash extends boolean> = TDoubleDash extends true ? {
    /** What stood after `--`. */
    "--": string[];
  }
  : Record<never, never>;

/** What {@linkcode ParseOptions} declare, as the values that a command line gives. */
type Parsed<F extends Flags, TDoubleDash extends boolean> =
  & WithAliases<WithDefaults<Untouched<F>, F["defaults"]>, F["aliases"]>
  & Rest<TDoubleDash>
  & {
    /** What belongs to no flag, in order; what looks like a number is one. */
    _: Array<string | number>;
  };

type Flat<T> = { [K in keyof T]: T[K] };

/** The result of parsing: a value for each declared flag, `unknown` for any other. */
export type Args<
  TBooleans extends string = never,
  TStrings extends string = never,
  TCollected extends string = never,
  TNegatable extends string = never,
  TDefaults extends object = Record<never, never>,
  TAliases extends Aliases = Record<never, never>,
  TDoubleDash extends boolean = false,
> =
  & Flat<
    Parsed<{
      booleans: TBooleans;
      strings: TStrings;
      collected: TCollected;
      negatable: TNegatable;
      defaults: TDefaults;
      aliases: TAliases;
    }, TDoubleDash>
  >
  & { [flag: string]: unknown };

/** What {@linkcode parseArgs} is told about the flags. */
export interface ParseOptions<
  TBooleans extends string = string,
  TStrings extends string = string,
  TCollected extends string = string,
  TNegatable extends string = string,
  TDefaults extends object = Record<string, unknown>,
  TAliases extends Aliases = Aliases,
  TDoubleDash extends boolean = boolean,
> {
  /**
   * Whether what follows `--` goes to the result's `--` instead of its `_`.
   *
   * @default {false}
   */
  "--"?: TDoubleDash;
  /** Other names of flags; the result has a value under each. */
  alias?: TAliases;
  /**
   * Flags that take no value and are `false` when absent; `true` means every flag with two hyphens
   * and without `=`.
   *
   * @default {false}
   */
  boolean?: boolean | TBooleans | readonly TBooleans[];
  /** Flags that may be given many times; their value is a list, empty when absent. */
  collect?: TCollected | readonly TCollected[];
  /** The values of flags that are absent. */
  default?: TDefaults;
  /** Flags that `--no-NAME` sets to `false`. */
  negatable?: TNegatable | readonly TNegatable[];
  /**
   * Whether the first argument that belongs to no flag ends the flags.
   *
   * @default {false}
   */
  stopEarly?: boolean;
  /** Flags that take a value, which stays a string. */
  string?: TStrings | readonly TStrings[];
  /**
   * Called for each argument that is not declared; `false` leaves it out of the result.
   *
   * @param arg The argument as it was given.
   * @param key The flag's name, absent for an argument that belongs to no flag.
   * @param value The flag's value.
   */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
