import { delayToBeat } from "../../base/mod.ts";
import type { Body } from "./body.ts";

/** How often an agent looks while nothing happens; what happens wakes it. */
export const POLL_MS = 500;
/** How often in mode off, where a primary must see in time that it is alone (R30). */
const OFF_POLL_MS = 200;
/** How often while its primary's agent is away on purpose and PostgreSQL goes on without it. */
const AWAY_POLL_MS = 250;
/** How often it looks while its primary may be lost, or a reign begins. */
const ALARM_POLL_MS = 10;
/** For how long it looks that often once the primary's agent is lost, and how often from then on. */
const ALARM_MS = 500;
const LATE_POLL_MS = 50;

/** How long until the next look: moments count while the primary may be lost, or a reign begins. */
export function pollMs(body: Body): number {
  const { options, saved, view, watch } = body;
  const { phase, mode, members } = options.ports.state();
  if (phase.kind === "sealing" || phase.kind === "granted") {
    return ALARM_POLL_MS;
  }
  const server = view?.server;
  const isAlarmed = server?.kind === "standby" && saved.upstream !== null &&
    !server.refused && options.ports.isAgentLost(saved.upstream.id);
  const nowMs = options.clock.nowMs();
  watch.alarmSinceMs = isAlarmed ? watch.alarmSinceMs ?? nowMs : null;
  if (watch.alarmSinceMs === null) {
    const quietMs = mode === "off" ? OFF_POLL_MS : POLL_MS;
    const periodMs = Math.min(quietMs, options.electionTimeoutMs / 2);
    return delayToBeat(nowMs, periodMs);
  }
  if (members.get(saved.upstream?.id ?? 0)?.away) return AWAY_POLL_MS;
  // An agent may be gone for long while its PostgreSQL goes on.
  return nowMs - watch.alarmSinceMs < ALARM_MS ? ALARM_POLL_MS : LATE_POLL_MS;
}
