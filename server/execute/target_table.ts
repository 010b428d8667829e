import { plainStatements } from "./statements.ts";

const NAME = String
  .raw`(?:"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`;

/** Statements that are longer are not gone through: a view shows a thousand operations at once. */
const MAX_CHARACTERS = 4096;

/** What stands before the name of the one table that a statement is about. */
const HEADS: readonly string[] = [
  "create (?:(?:global|local) )?(?:(?:temp|temporary|unlogged|foreign) )?table (?:if not exists )?",
  "alter (?:foreign )?table (?:if exists )?(?:only )?",
  "drop (?:foreign )?table (?:if exists )?",
  `create (?:unique )?index (?:(?:if not exists )?${NAME} )?on (?:only )?`,
  "truncate (?:table )?(?:only )?",
  "(?:insert|merge) into (?:only )?",
  "update (?:only )?",
  "delete from (?:only )?",
];

/** The words that may stand before the name are none; a comma behind it says that there are several. */
const TARGET = new RegExp(
  `^(?:${HEADS.join("|")})(?!(?:if|only|table) )` +
    String
      .raw`(${NAME}(?: ?\. ?${NAME})*)(?! ?[\w$."\u0080-\uffff]*,)(?![\w$"\u0080-\uffff]| ?\.)`,
  "i",
);

/**
 * Finds the table that statements change.
 *
 * @param sql One or more statements.
 * @returns Its name, as PostgreSQL folds it; null where a statement names none by which it could be told, where they
 * name several, or where they are long.
 *
 * @example Usage
 * ```ts
 * import { targetTableOf } from "./target_table.ts";
 *
 * const target = targetTableOf('create table if not exists App."Things" (n int)');
 * if (target !== 'app."Things"') throw new Error("The table was expected");
 * ```
 */
export function targetTableOf(sql: string): string | null {
  if (sql.length > MAX_CHARACTERS) return null;
  const targets = new Set(plainStatements(sql).map(targetOf));
  const [target = null] = targets;
  return targets.size === 1 ? target : null;
}

function targetOf(statement: string): string | null {
  const name = TARGET.exec(statement)?.[1];
  if (name === undefined) return null;
  return name.replaceAll(
    /("(?:[^"]|"")*")|([^"]+)/g,
    (_, quoted, plain) => quoted ?? plain.replaceAll(" ", "").toLowerCase(),
  );
}
