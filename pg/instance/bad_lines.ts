import type { OwnConnection } from "./connection.ts";
import { InstanceError } from "./errors.ts";
import { lastLines } from "./faults.ts";
import type { Place } from "./place.ts";
import { runCommand } from "./processes.ts";

/** How long an edit of a file may take. */
const EDIT_TIMEOUT_MS = 5_000;

/** A line of the server's files for whose sake it takes none of their settings. */
export interface BadLine {
  readonly file: string;
  readonly line: number;
  readonly why: string;
}

/** A value that can't be had, or not without a restart, keeps the server from no other setting. */
const BAD_LINES = `
  select sourcefile as file, sourceline as line, error as why
    from pg_file_settings
   where error <> 'setting could not be applied'
     and error not like '%without restarting the server'
     and sourcefile is not null`;

/** Which lines keep a server that runs from its files as they are now. */
export async function findBadLines(
  connection: OwnConnection,
  timeoutMs: number,
): Promise<BadLine[]> {
  return await connection.run<BadLine>(BAD_LINES, [], timeoutMs);
}

const SAID =
  /(syntax error|unrecognized configuration parameter "[^"]*") in file "([^"]+)" line (\d+)/g;

/** Which lines a server ended for, by what it said. */
export function badLinesIn(log: string): BadLine[] {
  return [...log.matchAll(SAID)].map(([, why = "", file = "", line]) => ({
    file,
    line: Number(line),
    why,
  }));
}

/**
 * Takes out lines for whose sake the server takes no setting at all: it could be told no more whom to follow,
 * nor to follow nobody, and neither it nor others could take over (R12). They stay where they are, as comments.
 */
export async function takeOut(
  place: Place,
  bad: readonly BadLine[],
): Promise<void> {
  for (const [file, lines] of Map.groupBy(bad, (one) => one.file)) {
    await commentOut(place, file, lines);
    for (const { line, why } of lines) {
      place.options.log(
        "warning",
        `Line ${line} of "${file}" kept PostgreSQL from all of its settings (${why}), and is a comment now: correct it`,
      );
    }
  }
}

/** As PostgreSQL's own user: files may include any other, and root could write where that user must not. */
async function commentOut(
  { clock, options: { osUser } }: Place,
  file: string,
  bad: readonly BadLine[],
): Promise<void> {
  const edits = bad.flatMap(({ line }) => ["-e", `${line}s/^/# pgraft: /`]);
  const { code, stderr } = await runCommand(
    "sed",
    ["-i", ...edits, "--", await Deno.realPath(file)],
    { clock, owner: osUser, timeoutMs: EDIT_TIMEOUT_MS },
  );
  if (code === 0) return;
  const lines = bad.map(({ line }) => line).join(", ");
  throw new InstanceError(
    "bad_setting",
    `PostgreSQL takes no setting at all for the sake of line ${lines} of "${file}", which could not be changed (${
      lastLines(stderr)
    }): correct it`,
  );
}
