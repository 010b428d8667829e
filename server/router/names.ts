import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

/** How long an address that was looked up counts. */
const MAX_AGE_MS = 5000;
/** Members are few; more names than this are not remembered. */
const MAX_NAMES = 1000;

interface Known {
  address: string | null;
  askedAtMs: number;
  isAsking: boolean;
}

/** Turns hosts into addresses, without anybody waiting for it. */
export interface Names {
  /** The address of a host as far as it is known now; null before. */
  addressOf(host: string): string | null;
}

/**
 * Makes what looks names up.
 *
 * @param nowMs Tells the time.
 * @param onNews Is told when an address is new.
 */
export function createNames(nowMs: () => number, onNews: () => void): Names {
  const all = new Map<string, Known>();

  async function ask(host: string, known: Known): Promise<void> {
    known.isAsking = true;
    known.askedAtMs = nowMs();
    try {
      const { address } = await lookup(host);
      const isNew = address !== known.address;
      known.address = address;
      if (isNew) onNews();
    } catch {
      // The last address that was found stays the best guess.
    } finally {
      known.isAsking = false;
    }
  }

  return {
    addressOf(host): string | null {
      if (isIP(host) !== 0) return host;
      const known = all.get(host) ??
        { address: null, askedAtMs: -Infinity, isAsking: false };
      if (all.size < MAX_NAMES) all.set(host, known);
      const isOld = nowMs() - known.askedAtMs >= MAX_AGE_MS;
      if (isOld && !known.isAsking) void ask(host, known);
      return known.address;
    },
  };
}
