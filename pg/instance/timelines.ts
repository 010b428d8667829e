import { join } from "node:path";
import { type Lsn, parseLsn } from "../../base/mod.ts";
import { readControl } from "./control_file.ts";
import { InstanceError } from "./errors.ts";
import { own, readIfThere, removeIfThere, syncPath } from "./files.ts";
import type { Place } from "./place.ts";

/** PostgreSQL skips comments in history files, so a filler is one that has nothing else. */
const FILLER_TEXT = "# Filler of pgraft: no server ever wrote this timeline.\n";

/** A bound on how far a timeline may be ahead; each number on the way is a file. */
const MAX_FILLERS = 10_000;

function historyName(timeline: number): string {
  return `${timeline.toString(16).toUpperCase().padStart(8, "0")}.history`;
}

function walDir(place: Place): string {
  return join(place.dataDir, "pg_wal");
}

interface HistoryFile {
  readonly timeline: number;
  readonly path: string;
  readonly isFiller: boolean;
}

async function listHistory(place: Place): Promise<HistoryFile[]> {
  const found: HistoryFile[] = [];
  for await (const { name } of Deno.readDir(walDir(place))) {
    const match = /^([0-9A-F]{8})\.history$/.exec(name);
    if (match === null) continue;
    const path = join(walDir(place), name);
    const text = await readIfThere(path);
    const isFiller = text !== null && FILLER_TEXT.startsWith(text);
    found.push({ timeline: parseInt(match[1] ?? "", 16), path, isFiller });
  }
  return found;
}

/** The newest timeline that this directory has data of or knows the branch of. */
async function newestTimeline(
  place: Place,
  files: readonly HistoryFile[],
): Promise<number> {
  const control = await readControl(place.dataDir);
  const known = typeof control === "string"
    ? []
    : [control.timeline, control.minRecoveryTimeline];
  const real = files.filter(({ isFiller }) => !isFiller).map(({ timeline }) =>
    timeline
  );
  return Math.max(1, ...known, ...real);
}

/** The newest timeline of the directory, whoever wrote it. */
export async function newestOf(place: Place): Promise<number> {
  return await newestTimeline(place, await listHistory(place));
}

/**
 * Nobody sees a filler before it is whole and PostgreSQL's own: a server in recovery looks for newer timelines
 * all the time, and ends when it may not open one. A link, unlike a rename, never takes another file's place.
 */
async function layFiller(place: Place, timeline: number): Promise<void> {
  const path = join(walDir(place), historyName(timeline));
  const draft = `${path}.pgraft-new`;
  await removeIfThere(draft);
  await Deno.writeTextFile(draft, FILLER_TEXT, {
    mode: 0o600,
    createNew: true,
  });
  await own(draft, place.options.osUser);
  await syncPath(draft);
  await Deno.link(draft, path);
  await Deno.remove(draft);
}

/**
 * R17: makes the next promotion take a timeline. PostgreSQL takes the first number that has no history file, so
 * every number in between gets one. They stay while this server is primary, since its standbys ask for each.
 */
export async function layFillers(place: Place, target: number): Promise<void> {
  const files = await listHistory(place);
  const newest = await newestTimeline(place, files);
  if (target <= newest || target - newest > MAX_FILLERS) {
    throw new InstanceError(
      "bad_setting",
      `Timeline ${target} cannot be next in "${place.dataDir}", which is on ${newest}: choose a higher one, by ${MAX_FILLERS} at most`,
    );
  }
  const taken = new Set(files.map(({ timeline }) => timeline));
  for (const { timeline, path, isFiller } of files) {
    if (isFiller && timeline >= target) await Deno.remove(path);
  }
  const missing: number[] = [];
  for (let timeline = 2; timeline < target; timeline++) {
    if (!taken.has(timeline)) missing.push(timeline);
  }
  // Side by side, since nobody can write meanwhile. One that a crash cuts short is a comment still.
  await Promise.all(missing.map((timeline) => layFiller(place, timeline)));
  await syncPath(walDir(place));
}

/**
 * R17: removes the fillers beyond the newest real timeline, which would lead recovery nowhere.
 *
 * Those below it stay: recovery looks for newer timelines one number after the other, so without
 * them it would not find the real one, and a member would come up on an older timeline than it had
 * acknowledged commits on.
 */
export async function removeFillers(place: Place): Promise<void> {
  const files = await listHistory(place);
  const real = files.filter(({ isFiller }) => !isFiller);
  const newest = Math.max(0, ...real.map(({ timeline }) => timeline));
  const idle = files.filter(({ isFiller, timeline }) =>
    isFiller && timeline > newest
  );
  for (const { path } of idle) await Deno.remove(path);
  if (idle.length > 0) await syncPath(walDir(place));
}

/** Where a timeline branched off, from its history file's last line. */
export async function history(
  place: Place,
  timeline: number,
): Promise<{ parent: number; switchLsn: Lsn } | null> {
  const text = await readIfThere(join(walDir(place), historyName(timeline)));
  const line = (text ?? "").split("\n").filter((each) => /^\s*\d/.test(each))
    .at(-1);
  const match = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/.exec(line ?? "");
  const switchLsn = parseLsn(match?.[2] ?? "");
  return switchLsn === null ? null : { parent: Number(match?.[1]), switchLsn };
}

/** A file of the log is named by timeline and number, the latter in two halves. */
const SEGMENT_NAME = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(?:\.partial)?$/;

/**
 * R14: the newest timeline with a file that holds the byte before a position. Files beyond it may be
 * recycled ones and tell nothing; a timeline that was heard of but never received has none.
 */
export async function timelineAt(
  place: Place,
  lsn: Lsn,
): Promise<number | null> {
  const control = await readControl(place.dataDir);
  if (typeof control === "string" || lsn <= 0) return null;
  const wanted = Math.floor((lsn - 1) / control.segmentBytes);
  const perHigh = 2 ** 32 / control.segmentBytes;
  let newest: number | null = null;
  for await (const { name } of Deno.readDir(walDir(place))) {
    const [, timeline, high, low] = SEGMENT_NAME.exec(name)?.map((part) =>
      parseInt(part, 16)
    ) ?? [];
    if (timeline === undefined || high === undefined || low === undefined) {
      continue;
    }
    if (high * perHigh + low === wanted) {
      newest = Math.max(newest ?? 0, timeline);
    }
  }
  return newest;
}
