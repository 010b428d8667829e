import { messageOf } from "../../base/mod.ts";
import { exists, own, removeIfThere } from "./files.ts";
import type { Place } from "./place.ts";

/** How large the server's log may grow before it is put aside, unless told otherwise. */
const MAX_LOG_BYTES = 16 * 1024 * 1024;
/** How many files there are of it, the present one included. */
const LOG_FILES = 5;
const CHUNK_BYTES = 64 * 1024;

/**
 * Puts the server's log aside when it has grown: `server.log.1` is the newest of those. The server has the file
 * open and goes on to append to it, so it is copied and emptied; only a line that comes between the two is
 * lost.
 *
 * @param place The instance.
 * @returns Whether it was put aside.
 */
export async function rotateLog(place: Place): Promise<boolean> {
  const turn = place.logTurn;
  const mine = turn.last.then(() => rotate(place));
  turn.last = mine.catch(() => {});
  return await mine;
}

/** Makes the file, where there is none, and says where in it the next line will stand. */
export async function openLog(place: Place): Promise<number> {
  await rotateLog(place);
  const { serverLog, options } = place;
  using file = await Deno.open(serverLog, {
    append: true,
    create: true,
    mode: 0o600,
  });
  await own(serverLog, options.osUser);
  return (await file.stat()).size;
}

async function rotate(place: Place): Promise<boolean> {
  const { serverLog, options } = place;
  const { maxBytes = MAX_LOG_BYTES, files = LOG_FILES } = options.serverLog ??
    {};
  if (!await exists(serverLog)) return false;
  const { size } = await Deno.stat(serverLog);
  if (size <= maxBytes) return false;
  try {
    if (files > 1) await putAside(place, files);
  } catch (error) {
    // A log without bound would fill the disk that the data is on.
    options.log(
      "warning",
      `What "${serverLog}" held is given up, it could not be put aside: ${
        messageOf(error)
      }`,
    );
  }
  await Deno.truncate(serverLog, 0);
  return true;
}

async function putAside(place: Place, files: number): Promise<void> {
  const { serverLog, options } = place;
  const draft = `${serverLog}.pgraft-new`;
  // The oldest goes first, which makes room for the copy.
  await removeIfThere(`${serverLog}.${files - 1}`);
  try {
    await removeIfThere(draft);
    await copy(serverLog, draft);
    await own(draft, options.osUser);
    for (let number = files - 2; number >= 1; number--) {
      const from = `${serverLog}.${number}`;
      if (await exists(from)) {
        await Deno.rename(from, `${serverLog}.${number + 1}`);
      }
    }
    await Deno.rename(draft, `${serverLog}.1`);
  } finally {
    await removeIfThere(draft);
  }
}

/** Copies a file that grows, to the end that it has when all before is copied. */
async function copy(from: string, to: string): Promise<void> {
  using source = await Deno.open(from);
  using target = await Deno.open(to, {
    write: true,
    createNew: true,
    mode: 0o600,
  });
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (;;) {
    const count = await source.read(chunk);
    if (count === null) return;
    for (let at = 0; at < count;) {
      at += await target.write(chunk.subarray(at, count));
    }
  }
}
