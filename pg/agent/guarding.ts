import type { Body } from "./body.ts";

/**
 * Has a guard stop PostgreSQL when this process dies and no other takes over in time (R8). In mode `off`
 * others take over by time alone, so there is less of it (R30).
 */
export async function holdGuard(body: Body): Promise<void> {
  const { instance, agentGraceMs, electionTimeoutMs, ports } = body.options;
  const graceMs = ports.state().mode === "off"
    ? Math.min(agentGraceMs, electionTimeoutMs)
    : agentGraceMs;
  if (body.guard?.graceMs === graceMs) return;
  // The new one takes over from the old before that is let go.
  const former = body.guard;
  body.guard = { graceMs, ...await instance.startGuard({ graceMs }) };
  await former?.release();
}

/** Lets the guard go; PostgreSQL stays as it is. */
export async function releaseGuard(body: Body): Promise<void> {
  const { guard } = body;
  body.guard = null;
  await guard?.release();
}
