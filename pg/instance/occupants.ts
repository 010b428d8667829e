import { existsSync } from "node:fs";
import { cwdOf, pidsIn, sendSignal } from "./processes.ts";

/**
 * R23: who has a data directory as its working directory. All processes of the machine are gone through only when
 * those that were seen there have gone, since each of them costs a look.
 */
export interface Occupants {
  /** Whether anybody is there. */
  isAny(): boolean;
  /** Kills everybody; those whom it has killed already are only waited for. Returns whether anybody is there. */
  kill(): boolean;
}

/** Makes a look at a data directory, which was not looked at before. */
export function createOccupants(dataDir: string): Occupants {
  let seen: number[] = [];
  let areKilled = false;

  function lookAtAll(): void {
    seen = pidsIn(dataDir);
    areKilled = false;
  }

  function isAny(): boolean {
    for (let last = seen.at(-1); last !== undefined; last = seen.at(-1)) {
      if (isIn(last, dataDir)) return true;
      seen.pop();
    }
    lookAtAll();
    return seen.length > 0;
  }

  function kill(): boolean {
    if (!areKilled) {
      lookAtAll();
      for (const pid of seen) sendSignal(pid, "SIGKILL");
      areKilled = true;
    }
    return isAny();
  }

  return { isAny, kill };
}

/** Most that are asked for have gone, for which an error would cost more than the look. */
function isIn(pid: number, dataDir: string): boolean {
  return existsSync(`/proc/${pid}/cwd`) && cwdOf(pid) === dataDir;
}
