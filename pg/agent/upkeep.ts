import { formatLsn, messageOf } from "../../base/mod.ts";
import { wantsCheckpoint } from "../policy/mod.ts";
import type { Body } from "./body.ts";
import {
  reloadSettings,
  render,
  resumeReplay,
  stopServer,
} from "./standby_steps.ts";

/** How long an owned setting may differ after the files were written; a reload takes a moment. */
const DRIFT_MS = 1000;
/** How long replay may stand still before it is asked whether settings are the reason. */
const PAUSED_MS = 1000;
/** How long that question may take. */
const SHORTAGE_TIMEOUT_MS = 2000;
/** How long the checkpoint after a promotion may take. */
const CHECKPOINT_TIMEOUT_MS = 600_000;

/** Undoes what somebody else has set, and says so, before a step writes over it (R27). */
export async function undoDrift(body: Body): Promise<void> {
  const { watch, options } = body;
  const { drift, lsn } = watch.drift;
  const nowMs = options.clock.nowMs();
  if (drift.length === 0) {
    watch.driftFromLsn = lsn;
    return;
  }
  if (nowMs - watch.renderedAtMs < DRIFT_MS) return;
  for (const { name, expected, actual } of drift) {
    options.log(
      "warning",
      `${name} was changed to "${actual}", which pgraft undoes: it is "${expected}"`,
      { from: formatLsn(watch.driftFromLsn), to: formatLsn(lsn) },
    );
    if (name === "synchronous_standby_names") body.mayHaveBeenEmpty = true;
  }
  await render(body, {});
  await reloadSettings(body);
}

/**
 * T30: a standby with less than its primary of some settings stops its replay. A restart gives it as much,
 * since what its log asks for is written for the next start.
 */
export async function liftShortage(body: Body): Promise<void> {
  const { watch, view, options } = body;
  const sinceMs = watch.replayPausedSinceMs;
  if (view?.server.kind !== "standby" || sinceMs === null) return;
  if (options.clock.nowMs() - sinceMs < PAUSED_MS) return;
  watch.replayPausedSinceMs = options.clock.nowMs();
  const short = await options.instance.settingsShort({
    timeoutMs: SHORTAGE_TIMEOUT_MS,
  });
  // One that streams stands as somebody wants it to; without a stream it would never get one.
  if (short.length === 0) {
    if (!view.server.streaming) await resumeReplay(body);
    return;
  }
  const why = `Its primary has more of ${short.join(", ")}`;
  await stopServer(body, "fast", why);
}

/** Makes the checkpoint that others need before they are rewound to this primary, beside all steps (T17). */
export function keepCheckpointed(body: Body): void {
  const { options: { id, instance, ports, log }, saved, view } = body;
  if (body.checkpointing || !view) return;
  const state = ports.state();
  const isAwaited = [...state.members.keys()].some((other) =>
    other !== id && ports.awaitsCheckpoint(other)
  );
  if (!wantsCheckpoint(state, view, isAwaited)) return;
  const { epoch } = saved;
  body.checkpointing = true;
  body.upkeepEnded = instance
    .ensureCheckpoint({ timeoutMs: CHECKPOINT_TIMEOUT_MS })
    .then(() => {
      body.ownCheckpoint = epoch;
      body.waker.poke();
    })
    .catch((error) => log("info", `No checkpoint yet: ${messageOf(error)}`))
    .finally(() => {
      body.checkpointing = false;
    });
}

/** What a clone replaced is kept until the clone streams, and no longer (R29); its end may take the disk long. */
export function dropOldData(body: Body): void {
  const { view, options } = body;
  const streams = view?.server.kind === "standby" && view.server.streaming;
  if (!body.mayHaveOldData || !streams) return;
  body.mayHaveOldData = false;
  body.dropEnded = options.instance.dropOld().catch((error) => {
    options.log("warning", messageOf(error));
  });
}

/**
 * Writes and has the server read what others want it to show, between two steps: in the middle of one it
 * could read too early what a step has made ready (R22).
 */
export async function reloadAsWished({ options, view }: Body): Promise<void> {
  const isThere = view?.server.kind === "primary" ||
    view?.server.kind === "standby";
  if (!isThere || !options.ports.takeReloadWish()) return;
  await options.instance.keepClosed();
  await options.instance.reload({ settle: false });
}

/** How often it is looked whether the server's log has grown. */
const LOG_INTERVAL_MS = 2000;

/** Puts the server's log aside when it has grown, beside everything else: the disk may be slow. */
export function turnLog(body: Body): void {
  const { watch, options } = body;
  const nowMs = options.clock.nowMs();
  if (nowMs - watch.logTurnedAtMs < LOG_INTERVAL_MS) return;
  watch.logTurnedAtMs = Infinity;
  body.logEnded = options.instance.rotateLog().then((isTurned) => {
    if (isTurned) watch.followedLogBytes = 0;
  }).catch((error) => {
    options.log("warning", messageOf(error));
  }).finally(() => {
    watch.logTurnedAtMs = options.clock.nowMs();
  });
}

/** How often it is looked whether a start by somebody else would be that of a closed standby. */
const CLOSED_INTERVAL_MS = 5000;

/** Keeps the next start that of a closed standby, whoever orders it (R25). */
export async function keepNextStartClosed(body: Body): Promise<void> {
  const { watch, options, view } = body;
  const nowMs = options.clock.nowMs();
  const isThere = view?.server.kind === "primary" ||
    view?.server.kind === "standby";
  if (!isThere || nowMs - watch.closedAtMs < CLOSED_INTERVAL_MS) return;
  watch.closedAtMs = nowMs;
  await options.instance.keepClosed();
}
