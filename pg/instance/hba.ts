import { InstanceError } from "./errors.ts";
import type { InstanceOptions } from "./types.ts";

/** Stands on top of every file that pgraft owns whole. */
export const OWNED_FILE_MARK = "# Written by pgraft, which undoes changes.";

const MAP = "pgraft";

/** The role as which the agent runs replicated SQL; it comes over the local socket only. */
export const EXECUTOR_ROLE = "pgraft_executor";

function quoteName(name: string): string {
  return `"${name.replaceAll('"', "")}"`;
}

/**
 * Writes a pg_hba.conf.
 *
 * Closed (R22, R25): control over the local socket, and replication. The two lines with a password are for
 * standbys and, to one database, for pg_rewind. Open: the users' lines behind them, and nothing else.
 */
export function formatHba(
  options: InstanceOptions,
  hba: "closed" | "open",
): string {
  const user = quoteName(options.replicationUser);
  const kind = options.tls ? "hostssl" : "host";
  const lines = [
    OWNED_FILE_MARK,
    `local all ${quoteName(options.superuser)} peer map=${MAP}`,
    `${kind} replication ${user} all scram-sha-256`,
    `${kind} postgres ${user} all scram-sha-256`,
    `host replication ${user} all reject`,
  ];
  // A rule of the users such as "host all all" does not make these roles more than they are.
  lines.push(`host all ${user} all reject`);
  if (hba === "open") {
    lines.push(`local all ${EXECUTOR_ROLE} peer map=${MAP}`);
    lines.push(`host all ${EXECUTOR_ROLE} all reject`);
    for (const { name, rule } of options.hbaRules) {
      lines.push(...formatRule(name, rule));
    }
  }
  return `${lines.join("\n")}\n`;
}

function formatRule(name: string, rule: string): string[] {
  if (/[\r\n]/.test(rule)) {
    throw new InstanceError(
      "bad_setting",
      `The pg_hba rule "${name}" has more than one line: write one rule for each`,
    );
  }
  return [`# ${name.replaceAll(/[\r\n]/g, " ")}`, rule];
}

/**
 * Writes a pg_ident.conf: the user of this process is the superuser; while clients may get in, so is the one
 * that PostgreSQL runs as, as its administrators expect.
 */
export function formatIdent(
  options: InstanceOptions,
  ownUser: string,
  hba: "closed" | "open",
): string {
  const users = new Set([ownUser]);
  if (hba === "open" && options.osUser) users.add(options.osUser.name);
  const superuser = quoteName(options.superuser);
  const lines = [...users].map((user) =>
    `${MAP} ${quoteName(user)} ${superuser}\n`
  );
  if (hba === "open") {
    lines.push(`${MAP} ${quoteName(ownUser)} ${EXECUTOR_ROLE}\n`);
  }
  return `${OWNED_FILE_MARK}\n${lines.join("")}`;
}
