/** A text of SQL, cut at what ends a piece of it. */
interface Lexeme {
  readonly kind: "word" | "space" | "end" | "other";
  readonly text: string;
}

/** White space, comments, quoted texts and names, words, and single characters. */
const LEXEME =
  /\s+|--[^\n]*|(\/\*)|([eE]'(?:[^'\\]|\\[^]|'')*')|('(?:[^']|'')*')|("(?:[^"]|"")*")|(\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|([^])/y;

/** How many words of a statement are looked at. */
const MAX_WORDS = 12;
/** How many pieces of a statement are looked at, so that a long one takes no more room. */
const MAX_LEXEMES = 256;

function endOfComment(sql: string, start: number): number {
  let depth = 1;
  let at = start;
  while (depth > 0 && at < sql.length) {
    if (sql.startsWith("/*", at)) {
      depth += 1;
      at += 2;
    } else if (sql.startsWith("*/", at)) {
      depth -= 1;
      at += 2;
    } else at += 1;
  }
  return at;
}

function* lexemes(sql: string): Generator<Lexeme> {
  let at = 0;
  while (at < sql.length) {
    LEXEME.lastIndex = at;
    const match = LEXEME.exec(sql);
    if (!match) return;
    at = LEXEME.lastIndex;
    const [, comment, escaped, quoted, name, dollar, word, one] = match;
    const other = escaped ?? quoted ?? name ?? one;
    if (comment !== undefined) at = endOfComment(sql, at);
    if (dollar !== undefined) {
      const end = sql.indexOf(dollar, at);
      at = end < 0 ? sql.length : end + dollar.length;
      yield { kind: "other", text: dollar };
    } else if (word !== undefined) yield { kind: "word", text: word };
    else if (one === ";") yield { kind: "end", text: one };
    else if (other !== undefined) yield { kind: "other", text: other };
    else yield { kind: "space", text: " " };
  }
}

function* statements(sql: string): Generator<readonly Lexeme[]> {
  let found: Lexeme[] = [];
  for (const lexeme of lexemes(sql)) {
    if (lexeme.kind === "end") {
      if (found.length > 0) yield found;
      found = [];
    } else if (found.length < MAX_LEXEMES) {
      const before = found.at(-1)?.kind ?? "space";
      if (lexeme.kind !== "space" || before !== "space") found.push(lexeme);
    }
  }
  if (found.length > 0) yield found;
}

/**
 * Finds the first words of each statement.
 *
 * @param sql One or more statements.
 * @returns For each, its first words in upper case; what is between them is left out.
 *
 * @example Usage
 * ```ts
 * import { statementWords } from "./statements.ts";
 *
 * const [first, second] = statementWords("select ';'; /* ; *\/ vacuum full t");
 * if (first?.[0] !== "SELECT" || second?.[0] !== "VACUUM") throw new Error("There are two statements");
 * ```
 */
export function statementWords(sql: string): string[][] {
  return Array.from(
    statements(sql),
    (lexemes) =>
      lexemes.filter(({ kind }) => kind === "word").slice(0, MAX_WORDS)
        .map(({ text }) => text.toUpperCase()),
  );
}

/**
 * Returns the statements without their comments, and with one space wherever there was any.
 *
 * @param sql One or more statements.
 * @returns The beginning of each; what stands in dollars is left out.
 */
export function plainStatements(sql: string): string[] {
  return Array.from(
    statements(sql),
    (lexemes) => lexemes.map(({ text }) => text).join(""),
  );
}

/** What can't run in a transaction, or would end it: the first words, `*` for any one word. */
const REFUSED: readonly string[] = [
  "VACUUM",
  "CREATE DATABASE",
  "DROP DATABASE",
  "ALTER DATABASE * SET TABLESPACE",
  "CREATE TABLESPACE",
  "DROP TABLESPACE",
  "ALTER SYSTEM",
  "CREATE INDEX CONCURRENTLY",
  "CREATE UNIQUE INDEX CONCURRENTLY",
  "DROP INDEX CONCURRENTLY",
  "REINDEX DATABASE",
  "REINDEX SYSTEM",
  "REINDEX SCHEMA",
  "REINDEX * CONCURRENTLY",
  "REINDEX CONCURRENTLY",
  "CREATE SUBSCRIPTION",
  "DROP SUBSCRIPTION",
  "ALTER SUBSCRIPTION",
  "DISCARD",
  "BEGIN",
  "START",
  "COMMIT",
  "END",
  "ROLLBACK",
  "ABORT",
  "SAVEPOINT",
  "RELEASE",
  "PREPARE TRANSACTION",
  "LISTEN",
  "UNLISTEN",
];

function begins(words: readonly string[], pattern: string): boolean {
  return pattern.split(" ").every((part, i) =>
    part === "*" ? words[i] !== undefined : words[i] === part
  );
}

/**
 * Says why statements can't be replicated; null when they can.
 *
 * @param sql One or more statements.
 * @returns What is wrong with which.
 */
export function refusalOf(sql: string): string | null {
  const statements = statementWords(sql);
  if (statements.length === 0) return "There is no statement";
  for (const words of statements) {
    const pattern = REFUSED.find((one) => begins(words, one));
    if (pattern !== undefined) {
      return `${
        pattern.replace(" * ", " … ")
      } can't run in a transaction of its own with what records it; run it on the primary itself`;
    }
    if (words[0] === "CLUSTER" && words.length === 1) {
      return "CLUSTER of all tables can't run in a transaction; name one";
    }
    if (words[0] === "ALTER" && words.includes("CONCURRENTLY")) {
      return "DETACH PARTITION CONCURRENTLY can't run in a transaction";
    }
    if (words[0] === "COPY" && words.includes("STDIN")) {
      return "COPY FROM STDIN has no input here; use INSERT";
    }
  }
  return null;
}
