import { delayToBeat, messageOf, pause } from "../../base/mod.ts";
import type { Body } from "./body.ts";

/** How often an agent looks whether the cluster knows its member as it is. */
const REGISTER_INTERVAL_MS = 500;

/** Has the cluster know this member, where its PostgreSQL is, and that its agent is back (R8). */
export async function keepRegistered(body: Body): Promise<void> {
  const { options, stopping } = body;
  const { clock, log } = options;
  while (!stopping.signal.aborted) {
    try {
      if (body.confirmed) await registerOnce(body);
    } catch (error) {
      log("info", `Could not register yet: ${messageOf(error)}`);
    }
    const delayMs = delayToBeat(clock.nowMs(), REGISTER_INTERVAL_MS);
    await pause(clock, delayMs, stopping.signal);
  }
}

async function registerOnce(body: Body): Promise<void> {
  const { id, address, version, mode, ports } = body.options;
  const known = ports.state().members.get(id);
  const { host, port } = address;
  const isKnown = known?.host === host && known.port === port &&
    known.version === version;
  if (!isKnown) {
    await ports.propose({ type: "register", id, host, port, version, mode });
  } else if (known.away && !body.stopping.signal.aborted) {
    await setAway(body, false);
  }
}

/** Tells whether PostgreSQL runs without its agent on purpose. */
export async function setAway(body: Body, away: boolean): Promise<void> {
  const { id, ports } = body.options;
  await ports.propose({ type: "away", id, away });
}
