import type { Instance } from "../../pg/instance/mod.ts";

/** Each costs the primary a session, a slot and the reading of all of its data. */
const MAX_BACKUPS = 4;

/** Bytes as they are sent to a peer. */
export type Feed = ReadableStream<Uint8Array<ArrayBuffer>>;

/**
 * Makes what hands out copies of an instance's data, a few at a time.
 *
 * @param instance Whose data; null for a witness.
 * @returns Opens one; null where there is none, or no room for another.
 */
export function createBackups(
  instance: Instance | null,
): () => Promise<Feed | null> {
  let running = 0;
  return async () => {
    if (instance === null || running >= MAX_BACKUPS) return null;
    running += 1;
    try {
      return counted(await instance.backup(), () => running -= 1);
    } catch (error) {
      running -= 1;
      throw error;
    }
  };
}

/** Tells once when a stream has ended, whichever way. */
function counted(feed: Feed, onEnd: () => void): Feed {
  const reader = feed.getReader();
  let hasEnded = false;
  const end = (): void => {
    if (!hasEnded) onEnd();
    hasEnded = true;
  };
  return new ReadableStream({
    pull: async (controller) => {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        end();
        controller.close();
      } catch (error) {
        end();
        throw error;
      }
    },
    cancel: async (reason) => {
      end();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
