import { setNice, statOf } from "../../base/mod.ts";
import { logger } from "../logging/mod.ts";

const LOG = logger("node");

/**
 * Has all threads of this process run before others. What decides over PostgreSQL must not stand in line behind
 * PostgreSQL's sessions: hundreds of them wake at once when their postmaster dies.
 *
 * @param nice As nice(1) counts; 0 leaves everything as it is.
 */
export function raisePriority(nice: number): void {
  if (nice === 0) return;
  const refused = setNice(nice);
  if (refused !== null) {
    return LOG.info(
      "This node may not run before others, so PostgreSQL's sessions can delay it: " +
        "grant it CAP_SYS_NICE, or set nice = 0 in [node]",
      { why: refused },
    );
  }
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    setNice(nice, Number(name));
  }
  raiseSession(nice);
}

/**
 * Where the kernel shares processors between sessions, the threads of one stand back together, and each session of
 * PostgreSQL is one of its own. Only that of a service is raised: a terminal's has others in it.
 */
function raiseSession(nice: number): void {
  if (statOf(Deno.pid)?.session !== Deno.pid) return;
  try {
    Deno.writeTextFileSync("/proc/self/autogroup", String(nice));
  } catch {
    // The kernel does not share them so, and there is nothing to raise.
  }
}
