import { EXIT } from "../exit_codes.ts";
import { awaitEntry } from "./log_wait.ts";
import { pause } from "./pause.ts";
import { printEntries } from "./log_entries.ts";
import { queryOf } from "./query.ts";
import type { Session } from "./session.ts";
import { numberAt, type Shape, shape, shapesAt } from "./shape.ts";

/** How many entries are read at a time. */
const PAGE = 100;
/** What an entry is given that was announced and cannot be read yet. */
const UNREAD_PAUSE_MS = 50;

/** What is shown of the log's end. */
export interface TailOptions {
  /** How many of the last entries. */
  readonly lines: number;
  /** Whether to go on with what is appended. */
  readonly follow: boolean;
  readonly base64: boolean;
}

async function readPage(
  { client }: Session,
  from: number | null,
  limit: number,
): Promise<Shape> {
  const query = queryOf({
    from: from === null ? null : String(from),
    limit: String(limit),
  });
  return shape(
    await client.call({
      method: "GET",
      path: `/v1/log${query}`,
      happensOnce: true,
    }),
  );
}

/** Prints what there is from a position on, and returns the position after it. */
async function printFrom(
  session: Session,
  from: number,
  base64: boolean,
): Promise<number> {
  let next = from;
  for (;;) {
    const page = await readPage(session, next, PAGE);
    const entries = shapesAt(page, "entries");
    await printEntries(session, entries, base64);
    const last = numberAt(entries.at(-1) ?? {}, "index");
    if (last === null || last < next) return next;
    next = last + 1;
    if (last >= (numberAt(page, "last_index") ?? 0)) return next;
  }
}

async function follow(
  session: Session,
  from: number,
  base64: boolean,
): Promise<number> {
  const { client, signal } = session;
  let next = from;
  while (!signal.aborted) {
    const there = await awaitEntry(client, next, session.timeoutMs);
    if (there === null) continue;
    const after = await printFrom(session, next, base64);
    if (after === next) await pause(UNREAD_PAUSE_MS, signal);
    next = after;
  }
  return EXIT.interrupted;
}

/**
 * Prints the last entries of the log, and on request those to come.
 *
 * @param session The session.
 * @param options Which.
 * @returns The exit code.
 */
export async function tailLog(
  session: Session,
  options: TailOptions,
): Promise<number> {
  const { lines, base64 } = options;
  const ends = await readPage(session, null, 1);
  const last = numberAt(ends, "last_index") ?? 0;
  const first = numberAt(ends, "first_index") ?? 1;
  const from = Math.max(1, first, last - lines + 1);
  const next = last < from ? from : await printFrom(session, from, base64);
  return options.follow ? await follow(session, next, base64) : EXIT.ok;
}
