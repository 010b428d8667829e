import { assertEquals } from "@std/assert";
import type { Phase } from "../../pg/cluster/mod.ts";
import {
  ALERT_LOOK_MS,
  CALM_LOOK_MS,
  LATE_LOOK_MS,
  lookAgainMs,
} from "./pace.ts";

const OPEN: Phase = { kind: "open", epoch: 1, handover: null };
const HANDOVER: Phase = {
  kind: "open",
  epoch: 1,
  handover: { number: 1, target: null },
};
const SEALING: Phase = {
  kind: "sealing",
  epoch: 2,
  attempt: { kind: "automatic" },
  catchUp: null,
};

/** Node 1 was just heard; node 2 for as long ago as is said, or never. */
function paceMs(
  phase: Phase,
  phaseMs: number,
  silentMs: number | null,
  away = false,
): number {
  const members = new Map([[1, { away: false }], [2, { away }]]);
  const observations = new Map([[1, { silentMs: 10 }]]);
  if (silentMs !== null) observations.set(2, { silentMs });
  return lookAgainMs({ phase, members }, observations, phaseMs);
}

for (
  const [title, expected, pace] of [
    ["rarely while all are heard", CALM_LOOK_MS, paceMs(OPEN, 60_000, 500)],
    ["often once one is late", ALERT_LOOK_MS, paceMs(OPEN, 60_000, 600)],
    ["less often when that lasts", LATE_LOOK_MS, paceMs(OPEN, 60_000, 3000)],
    ["less often at whom nobody heard", LATE_LOOK_MS, paceMs(OPEN, 9000, null)],
    ["rarely at who is away", CALM_LOOK_MS, paceMs(OPEN, 60_000, 900, true)],
    ["often while a reign begins", ALERT_LOOK_MS, paceMs(SEALING, 0, 10)],
    ["less often when none begins", LATE_LOOK_MS, paceMs(SEALING, 3000, 10)],
    ["often at a switchover", ALERT_LOOK_MS, paceMs(HANDOVER, 0, 10)],
  ] as const
) {
  Deno.test(`a leader looks ${title}`, () => assertEquals(pace, expected));
}
