/**
 * A moment as PostgreSQL reads one.
 *
 * @param atMs Milliseconds since 1970; null for none, which it stays.
 */
export function isoTime(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}
