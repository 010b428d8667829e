import { dropCarrier } from "./cancels.ts";
import { failConnect, leadWaiting, refuse, refuseLate } from "./leading.ts";
import {
  cutSession,
  type End,
  endSession,
  type Loop,
  type Session,
} from "./state.ts";

/** Ends whatever has gone on for longer than it may, and tries again for those who wait. */
export function sweep(loop: Loop): void {
  loop.isCalm = loop.carriers.size === 0;
  for (const session of [...loop.sessions]) sweepSession(loop, session);
  for (const carrier of [...loop.carriers]) {
    if (carrier.deadlineMs <= loop.nowMs) dropCarrier(loop, carrier);
  }
  leadWaiting(loop);
}

function sweepSession(loop: Loop, session: Session): void {
  const { nowMs, settings } = loop;
  if (session.stage === "open") {
    if (isStalled(loop, session)) cutSession(loop, session, "stalled");
    else if (
      settings.idleTimeoutMs > 0 &&
      nowMs - session.movedMs >= settings.idleTimeoutMs
    ) cutSession(loop, session, "idle");
    return;
  }
  loop.isCalm = false;
  if (session.deadlineMs > nowMs) return;
  switch (session.stage) {
    case "opening":
      // Who has said nothing at all is a check of a balancer, and is told nothing.
      if (session.held.length > 0) {
        return refuse(loop, session, "startup_timeout");
      }
      loop.counters.refused.startup_timeout += 1;
      return endSession(loop, session);
    case "waiting":
      return refuseLate(loop, session);
    case "connecting":
      return failConnect(loop, session);
    default:
      return endSession(loop, session);
  }
}

function isStalled(loop: Loop, { client, server }: Session): boolean {
  const { stallTimeoutMs } = loop.settings;
  if (stallTimeoutMs === 0) return false;
  const isStuck = (end: End): boolean =>
    end.pending !== null && loop.nowMs - end.tookMs >= stallTimeoutMs;
  return isStuck(client) || (server !== null && isStuck(server));
}
