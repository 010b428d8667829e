import { join } from "node:path";
import { statOf } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import { writeDurably } from "./files.ts";
import type { Place } from "./place.ts";
import { statusOf } from "./postmaster.ts";
import { sendSignal } from "./processes.ts";
import { untilPromoted } from "./promote.ts";
import { writeParameters } from "./render.ts";
import { wantedLeast } from "./settings.ts";
import { begin, untilAnswered } from "./start.ts";
import { stop } from "./stop.ts";
import { layFillers } from "./timelines.ts";
import { waitFor } from "./wait.ts";

/** What PostgreSQL tells everybody who knocks at a standby without hot standby. */
const UNSEEN = "the database system is not accepting connections";

/**
 * Whether a server is the standby that lets nobody in of a promotion like the one below. Where that was cut short
 * there is no other way on than to stop it.
 *
 * @param error Why it did not let us in.
 */
export function isUnseenStandby(error: unknown): boolean {
  return error instanceof InstanceError && error.message.includes(UNSEEN);
}

/**
 * T30: promotes with less of the settings that a standby must not have less of than its log asks for. PostgreSQL
 * looks at them only where sessions are to be let in before the promotion, so this start lets none in. What it
 * then writes says the lower values, and with that its standbys may have them too. Its files still say what the
 * log asks for, so whatever starts it after a crash in between starts it as it was.
 */
export async function promoteLowered(
  place: Place,
  { timeline, timeoutMs }: {
    readonly timeline: number;
    readonly timeoutMs: number;
  },
): Promise<void> {
  await stop(place, "fast");
  const parameters = place.parameters.current;
  const given = { parameters, least: new Map<string, number>() };
  const wanted = [...wantedLeast(parameters)].map((
    [name, value],
  ): [string, string] => [name, String(value)]);
  const above = new Map([...wanted, ["hot_standby", "off"] as const]);
  const started = await begin(place, { given, above });
  await untilRecovering(place, started.pid, timeoutMs);
  // Only now: a start does not get beyond the fillers (R17).
  await layFillers(place, timeline);
  await writeDurably(
    join(place.dataDir, "promote"),
    "",
    place.options.osUser,
  );
  sendSignal(started.pid, "SIGUSR1");
  await untilAnswered(place, started, timeoutMs);
  await untilPromoted(place, timeoutMs);
  await writeParameters(place, place.dataDir);
}

/** The postmaster hears of a promotion only once recovery has begun; one that ends before is seen by who waits next. */
async function untilRecovering(
  place: Place,
  pid: number,
  timeoutMs: number,
): Promise<void> {
  await waitFor(place.clock, { timeoutMs }, async () => {
    if (statOf(pid) === null) return true;
    return await statusOf(place, pid) === "standby" || null;
  });
}
