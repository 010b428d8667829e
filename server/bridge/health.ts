import type { Clock, Timer } from "../../base/mod.ts";
import { currentPrimary } from "../../pg/cluster/mod.ts";
import type { NodeContext } from "../api/mod.ts";
import { memberPostgresToJson, syncToJson } from "../ha/mod.ts";
import type { Health, HealthWatch } from "./context.ts";

/** What a member with PostgreSQL does when all is well. */
const GOOD_STATES: ReadonlySet<unknown> = new Set(["running", "streaming"]);

/**
 * Judges the cluster by what this node knows: critical where nothing can be written, an error where a
 * member is missing, a warning where something wants a look.
 */
export function healthOf(node: NodeContext): Health {
  const stage = node.stage();
  if (stage !== "running") {
    const why = node.waitingFor() ?? `The node is ${stage}`;
    return unwell("critical", why, stage === "removed" ? 1 : 0);
  }
  const { members, leaderId } = node.raft.status();
  const ha = node.ha();
  const errors: string[] = [];
  const warnings: string[] = [];
  let isCritical = leaderId === 0;
  if (isCritical) errors.push("No leader is known");
  for (const member of members) {
    const isReached = member.id === node.id ||
      (member.active ?? (!member.gone && node.peer(member.id) !== null));
    const postgres = ha ? memberPostgresToJson(ha, member.id) : null;
    const isGood = postgres === null || GOOD_STATES.has(postgres.state);
    if (!isReached) errors.push(`Node ${member.id} does not answer`);
    else if (!isGood) {
      errors.push(`PostgreSQL of node ${member.id} is ${postgres?.state}`);
    } else if (postgres?.trouble) {
      warnings.push(`Node ${member.id}: ${postgres.trouble}`);
    }
  }
  const state = ha?.state();
  const hasNoPrimary = state !== undefined && state.members.size > 0 &&
    (state.phase.kind !== "open" || currentPrimary(state) === null);
  if (hasNoPrimary) {
    isCritical = true;
    errors.push("No primary is open");
  }
  if (state?.paused) warnings.push("Failover is paused");
  if (ha && syncToJson(ha)?.degraded === true) {
    warnings.push("Commits wait for nobody");
  }
  const unhealthy = new Set(
    errors.flatMap((text) => /node (\d+)/i.exec(text)?.[1] ?? []),
  );
  return {
    status: isCritical
      ? "critical"
      : errors.length > 0
      ? "error"
      : warnings.length > 0
      ? "warning"
      : "ok",
    healthyNodes: members.length - unhealthy.size,
    totalNodes: members.length,
    warnings,
    errors,
  };
}

function unwell(
  status: Health["status"],
  why: string,
  totalNodes: number,
): Health {
  return { status, healthyNodes: 0, totalNodes, warnings: [], errors: [why] };
}

/** A watch that looks by itself too. */
export interface RunningHealthWatch extends HealthWatch {
  stop(): void;
}

/** What a watch needs. */
export interface HealthWatchOptions {
  readonly node: NodeContext;
  readonly clock: Clock;
  /** How long from look to look; asked before each. */
  readonly periodMs: () => number;
  /** Is told of every look, and whether the status is another than before. */
  readonly onLook: (health: Health, isNews: boolean) => void;
}

/** Starts to look at the cluster's health; it asks nobody, so that a look costs next to nothing. */
export function watchHealth(options: HealthWatchOptions): RunningHealthWatch {
  const { node, clock, periodMs, onLook } = options;
  let checkedMs: number | null = null;
  let healthyMs: number | null = null;
  let failed = 0;
  let last: Health["status"] | null = null;
  let timer: Timer | null = null;
  let isStopped = false;

  function look(): Health {
    const health = healthOf(node);
    checkedMs = Date.now();
    if (health.status === "ok") healthyMs = checkedMs;
    else failed += 1;
    onLook(health, health.status !== last);
    last = health.status;
    return health;
  }

  function again(): void {
    if (isStopped) return;
    timer = clock.after(periodMs(), () => {
      if (node.stage() === "running") look();
      again();
    });
  }

  again();
  return {
    look,
    lastCheckMs: () => checkedMs,
    lastHealthyMs: () => healthyMs,
    failedChecks: () => failed,
    stop: () => {
      isStopped = true;
      timer?.cancel();
    },
  };
}
