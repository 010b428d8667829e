/** PostgreSQL's types that functions take and return. */
export type SqlType =
  | "boolean"
  | "integer"
  | "bigint"
  | "double precision"
  | "text"
  | "jsonb"
  | "timestamptz";

/** What a function takes, or a column of what it returns. */
export interface SqlField {
  readonly name: string;
  readonly type: SqlType;
  /** As SQL; an argument without one must be given. */
  readonly default?: string;
}

/** What a function returns. */
export type SqlReturns =
  | { readonly kind: "value"; readonly type: SqlType }
  | { readonly kind: "rows"; readonly columns: readonly SqlField[] }
  /** PostgreSQL's `void`. */
  | { readonly kind: "nothing" };

/** Who may call: the role `pgraft_monitor`, or only `pgraft_admin`. */
export type SqlAccess = "monitor" | "admin";

/** The versions of the extension, oldest first. A version that was shipped is not changed any more. */
export const EXTENSION_VERSIONS = ["1.0", "1.1"] as const;

/** One of {@linkcode EXTENSION_VERSIONS}. */
export type ExtensionVersion = typeof EXTENSION_VERSIONS[number];

/** The version that `CREATE EXTENSION pgraft` makes. */
export const EXTENSION_VERSION: ExtensionVersion = "1.1";

/** Where functions are told apart in the reference. */
export type SqlTopic =
  | "Node and members"
  | "State"
  | "Log"
  | "Key-value store"
  | "Health and measurements"
  | "PostgreSQL's failover"
  | "Replicated SQL";

/** One row of the table of functions. */
export interface SqlFunction {
  readonly name: string;
  readonly topic: SqlTopic;
  readonly arguments: readonly SqlField[];
  readonly returns: SqlReturns;
  /** PostgreSQL's word; what asks a node may answer anew each time. */
  readonly volatility: "volatile";
  readonly access: SqlAccess;
  readonly since: ExtensionVersion;
  /** What the bridge does. Those that would go around the group's agreement only refuse. */
  readonly does: SqlDeed;
  /** One sentence for the reference, as Markdown. */
  readonly doc: string;
}

/** What becomes of a call. */
export type SqlDeed =
  | {
    readonly kind: "call";
    /** The bridge's operation. */
    readonly operation: string;
    /** How long an answer is waited for. */
    readonly waitMs: number;
    /** Whether it changes something, so that a lost answer leaves it open whether it happened. */
    readonly changes: boolean;
  }
  | {
    readonly kind: "refuse";
    /** What is not done. */
    readonly why: string;
    /** What to do. */
    readonly instead: string;
  }
  /** A body of its own, in PL/pgSQL, run with the caller's rights. */
  | { readonly kind: "body"; readonly body: string };

/** One row of the table of views. */
export interface SqlView {
  readonly schema: "pgraft" | "public";
  readonly name: string;
  readonly columns: readonly SqlField[];
  /** The bridge's operation that returns its rows. */
  readonly operation: string;
  readonly access: SqlAccess;
  readonly since: ExtensionVersion;
  readonly doc: string;
}
