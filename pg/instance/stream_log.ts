import type { Place } from "./place.ts";

/** How much of the end of the server's log is read. */
const TAIL_BYTES = 8192;

/**
 * What a walreceiver says that no waiting mends. Of no such kind is what a standby also says at the ordinary end of
 * its own log, such as an incorrect prev-link in a file that was used before, or while its upstream lags behind it.
 */
const HOPELESS =
  /requested WAL segment \S+ has already been removed|requested starting point \S+ on timeline \d+ is not in this server's history|highest timeline \d+ of the primary is behind recovery timeline|requested timeline \d+ (is not in this server's history|does not contain)|new timeline \d+ forked off current database system timeline \d+ before current recovery point|could not find record while/;

/**
 * Says why this server's stream can never go on, as its own log has it.
 *
 * @param place The instance.
 * @param sinceBytes Where in the log to begin: what was said before was said of another upstream.
 * @returns PostgreSQL's words; null where there is no such reason.
 */
export async function brokenStream(
  place: Place,
  sinceBytes: number,
): Promise<string | null> {
  const tail = await readTail(place.serverLog, sinceBytes);
  const lines = tail.split("\n").filter((line) => HOPELESS.test(line));
  return lines.at(-1)?.replace(/^.*?(ERROR|FATAL|LOG|DETAIL): +/, "") ?? null;
}

/** How long the server's log is now. */
export async function logBytes(place: Place): Promise<number> {
  try {
    return (await Deno.stat(place.serverLog)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

async function readTail(path: string, sinceBytes: number): Promise<string> {
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    const from = Math.max(
      sinceBytes <= size ? sinceBytes : 0,
      size - TAIL_BYTES,
    );
    await file.seek(from, Deno.SeekMode.Start);
    const bytes = new Uint8Array(size - from);
    let at = 0;
    while (at < bytes.length) {
      const count = await file.read(bytes.subarray(at));
      if (count === null) break;
      at += count;
    }
    return new TextDecoder().decode(bytes.subarray(0, at));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
