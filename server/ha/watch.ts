import type { Clock } from "../../base/mod.ts";
import type { Observation, Observations, Report } from "../../pg/policy/mod.ts";
import type { NodeId } from "../../raft/mod.ts";

/** What is known of one member's agent. */
interface Sighting {
  report: Report | null;
  heardAtMs: number;
  /** When a process was last found at its place. */
  presentAtMs: number;
  goneSinceMs: number | null;
}

/** What this node has heard of all agents: every node keeps it, so that a new leader knows at once. */
export interface Watch {
  /** Takes what a member told. */
  heard(report: Report): void;
  /** Takes that a member's process is gone, or there. */
  presence(id: NodeId, present: boolean): void;
  /** Everything, as of now. */
  observations(): Observations;
  /** Whether a member's agent is gone or silent. */
  isLost(id: NodeId): boolean;
  /** The newest report of a member; null when there is none. */
  report(id: NodeId): Report | null;
}

/** What a watch is made of. */
export interface WatchOptions {
  readonly clock: Clock;
  electionTimeoutMs(): number;
  /** Is told whenever something new is known. */
  readonly onNews: () => void;
}

/** Makes a watch that has heard nothing. */
export function createWatch(
  { clock, electionTimeoutMs, onNews }: WatchOptions,
): Watch {
  const sightings = new Map<NodeId, Sighting>();
  const startedAtMs = clock.nowMs();
  const sightingOf = (id: NodeId): Sighting => {
    const known = sightings.get(id);
    if (known) return known;
    const made = {
      report: null,
      heardAtMs: startedAtMs,
      presentAtMs: startedAtMs,
      goneSinceMs: null,
    };
    sightings.set(id, made);
    return made;
  };
  const observe = (sighting: Sighting): Observation => {
    const silentMs = clock.nowMs() - sighting.heardAtMs;
    return {
      agent: sighting.goneSinceMs !== null
        ? "gone"
        : silentMs >= electionTimeoutMs()
        ? "silent"
        : "alive",
      silentMs,
      absentMs: clock.nowMs() -
        Math.max(sighting.heardAtMs, sighting.presentAtMs),
      report: sighting.report,
      reportMs: silentMs,
    };
  };
  return {
    heard(report): void {
      const sighting = sightingOf(report.id);
      if (isOlder(report, sighting.report)) return;
      sighting.report = report;
      sighting.heardAtMs = clock.nowMs();
      sighting.goneSinceMs = null;
      onNews();
    },
    presence(id, present): void {
      const sighting = sightingOf(id);
      // Only a report shows that an agent is there again: its process alone may still be starting.
      if (present) sighting.presentAtMs = clock.nowMs();
      else sighting.goneSinceMs ??= clock.nowMs();
      onNews();
    },
    observations: () =>
      new Map([...sightings].map(([id, one]) => [id, observe(one)])),
    isLost: (id) => observe(sightingOf(id)).agent !== "alive",
    report: (id) => sightings.get(id)?.report ?? null,
  };
}

/** Reports of one boot count up; those of another are of another process (R10). */
function isOlder(report: Report, known: Report | null): boolean {
  return known !== null && known.boot === report.boot &&
    known.sequence >= report.sequence;
}
