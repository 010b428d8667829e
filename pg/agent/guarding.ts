import type { Body } from "./body.ts";

/** Has a guard stop PostgreSQL when this process dies and no other takes over in time (R8). */
export async function holdGuard(body: Body): Promise<void> {
  if (body.guard) return;
  const { instance, agentGraceMs } = body.options;
  body.guard = await instance.startGuard({ graceMs: agentGraceMs });
}

/** Lets the guard go; PostgreSQL stays as it is. */
export async function releaseGuard(body: Body): Promise<void> {
  const { guard } = body;
  body.guard = null;
  await guard?.release();
}
