/** A section whose keys are free, and the keys elsewhere that belong into it. */
export interface FreeSection {
  readonly name: "postgresql.parameters" | "postgresql.hba";
  readonly help: string;
  /** Says what is wrong with an entry and what is allowed, or null; read after its name. */
  readonly refuse: (key: string, value: string) => string | null;
  readonly aliases: readonly string[];
}

const HBA_KINDS = [
  "local",
  "host",
  "hostssl",
  "hostnossl",
  "hostgssenc",
  "hostnogssenc",
];

function refuseRule(_key: string, rule: string): string | null {
  // No more than the first word is shown: a rule may hold a password further on.
  const first = rule.split(/\s+/, 1)[0] ?? "";
  if (HBA_KINDS.includes(first)) return null;
  return `begins with ${JSON.stringify(first)}; allowed: ${
    HBA_KINDS.join(", ")
  }`;
}

/** The sections with free keys. */
export const FREE_SECTIONS: readonly FreeSection[] = [
  {
    name: "postgresql.parameters",
    help:
      "PostgreSQL's own parameters; they seed the first formation, from then on Raft's values rule",
    refuse: (key) =>
      /^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*$/.test(key)
        ? null
        : "is no parameter's name; allowed: letters, digits, _ and $, with dots between parts",
    aliases: [
      "replication.wal_level",
      "replication.max_wal_senders",
      "replication.max_replication_slots",
    ],
  },
  {
    name: "postgresql.hba",
    help:
      "Rules of pg_hba.conf, in this order, after pgraft's own; the key names are free",
    refuse: refuseRule,
    aliases: [],
  },
];
