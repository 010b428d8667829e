import { delayToBeat, pause } from "../../base/mod.ts";
import type { Body } from "./body.ts";

/** How often a primary is asked to commit; standbys take silence for a loss because of it (R7). */
const PROBE_INTERVAL_MS = 500;
/** How long a commit may take before the server counts as hung (R9). */
const PROBE_TIMEOUT_MS = 1200;

/** Something that runs beside the agent's loop. */
export interface Probing {
  stop(): Promise<void>;
}

/** Starts the write probe of a primary (R9). */
export function startProbing(body: Body): Probing {
  const running = probeUntilStopped(body);
  return { stop: () => running };
}

async function probeUntilStopped(body: Body): Promise<void> {
  const { options: { clock }, stopping: { signal } } = body;
  while (!signal.aborted) {
    if (body.view?.server.kind === "primary") await probeOnce(body);
    const delayMs = delayToBeat(clock.nowMs(), PROBE_INTERVAL_MS);
    await pause(clock, delayMs, signal);
  }
}

async function probeOnce(body: Body): Promise<void> {
  const { instance, clock } = body.options;
  const { watch } = body;
  const startedAtMs = clock.nowMs();
  const result = await instance.probe({ timeoutMs: PROBE_TIMEOUT_MS });
  switch (result.kind) {
    case "ok":
      watch.probeLsn = result.lsn;
      watch.probedAtMs = startedAtMs;
      watch.failing = null;
      return;
    case "alive":
      // "Too many clients", a long checkpoint, standbys that are waited for: it lives (R9).
      watch.failing = /no space left|disk full/i.test(result.why)
        ? { reason: "disk_full", detail: result.why }
        : null;
      break;
    case "hung":
      watch.failing = { reason: "postmaster_hung", detail: result.why };
      break;
    case "refused":
    case "gone":
      break;
  }
  body.waker.poke();
}
