/**
 * Writes a query.
 *
 * @param fields Its fields; those that are null are left out.
 * @returns The query with its question mark, or nothing.
 */
export function queryOf(
  fields: Readonly<Record<string, string | null>>,
): string {
  const given = Object.entries(fields).flatMap(([name, text]) =>
    text === null ? [] : [[name, text]]
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}
