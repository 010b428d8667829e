import { messageOf } from "../../base/mod.ts";
import {
  applicationName,
  type Epoch,
  type MemberId,
  PLACEHOLDER_LIST,
  slotName,
  UNCOUNTED,
} from "../cluster/mod.ts";
import { InstanceError, type Rendering } from "../instance/mod.ts";
import {
  patchSaved,
  type Saved,
  type Step,
  type Upstream,
} from "../policy/mod.ts";
import type { Body } from "./body.ts";
import { configureStart, fallBack } from "./configuring.ts";
import { keepFiles } from "./files_file.ts";
import { until } from "./until.ts";
import { writeSaved } from "./saved_file.ts";

/** How long the walreceiver has to end. */
const CUT_TIMEOUT_MS = 5000;
/** How often in a row the walreceiver must be seen gone. */
const GONE_LOOKS = 2;
/** How long one wait for the end of replay lasts before it is looked at again. */
const REPLAY_TIMEOUT_MS = 2000;
/** How long a look at the server may take within a step. */
const LOOK_TIMEOUT_MS = 1000;
/** How often a step looks whether what it waits for is so. */
const POLL_MS = 2;
/** How long sessions have to end. */
const END_SESSIONS_TIMEOUT_MS = 5000;
/** How long a start is waited for; recovery may take longer, and the agent goes on to look meanwhile. */
const START_TIMEOUT_MS = 3000;
/** The same after a rewind, which may not get there before it streams. */
const REWOUND_START_TIMEOUT_MS = 300;

/** Keeps something durably, before it is acted on. */
export async function save(body: Body, patch: Partial<Saved>): Promise<void> {
  // One after the other: a job and the loop both save, and neither may undo the other's.
  const saving = body.saving.then(async () => {
    const saved = patchSaved(body.saved, patch);
    await writeSaved(body.options.directory, saved);
    body.saved = saved;
  });
  body.saving = saving.catch(() => {});
  await saving;
}

/** Pledges to obey no older epoch (R12). */
export async function pledge(body: Body, epoch: Epoch): Promise<void> {
  if (epoch > body.saved.pledge) await save(body, { pledge: epoch });
}

/** Writes the server's files anew: what is not said stays as it is rendered. */
export async function render(
  body: Body,
  change: {
    readonly upstream?: Rendering["upstream"];
    readonly names?: string;
    readonly hba?: "closed" | "open";
  },
): Promise<boolean> {
  const { instance, ports } = body.options;
  const former = body.files;
  const files = {
    upstream: change.upstream === undefined ? former.upstream : change.upstream,
    names: change.names ?? former.names,
    hba: change.hba ?? former.hba,
  };
  const changed = await instance.render({
    upstream: files.upstream,
    synchronousStandbyNames: files.names,
    hba: files.hba,
    replicationPassword: ports.state().replicationPassword ?? "",
    owned: new Map(),
  });
  body.files = files;
  body.watch.renderedAtMs = body.options.clock.nowMs();
  body.watch.drift = { drift: [], lsn: body.watch.drift.lsn };
  await keepFiles(body.options.directory, files);
  return changed;
}

/** Has the server read its settings, whatever is wrong with the users' rules for pg_hba, which is told once. */
export async function reloadSettings(body: Body): Promise<void> {
  const { watch, options: { instance, log } } = body;
  const fault = await instance.reload({ of: "settings" });
  if (fault !== null && fault !== watch.hbaFault) log("warning", fault);
  watch.hbaFault = fault;
}

/** Ends PostgreSQL with all of its processes (R23); the guard has nothing left to watch. */
export async function stopServer(
  body: Body,
  mode: "fast" | "immediate",
  why: string,
): Promise<void> {
  const { instance, log } = body.options;
  log("info", `Stopping PostgreSQL (${mode}): ${why}`);
  await instance.stop(mode);
  forgetServer(body);
}

/** What was true of the server that has ended is not true of the next. */
export function forgetServer(body: Body): void {
  body.rendered = { hba: null, rule: null, upstream: null };
  body.barrier = 0;
  body.slots = [];
  body.mayHaveBeenEmpty = true;
  body.watch.failing = null;
  body.watch.hungSinceMs = null;
  body.watch.probeLsn = 0;
  body.watch.replayWaited = false;
  body.watch.replayPausedSinceMs = null;
  body.watch.timeline = { endLsn: -1, timeline: 0 };
  body.watch.drift = { drift: [], lsn: 0 };
}

/** Starts it as a closed standby without upstream, with the placeholder in its list (R5, R12, R25). */
export async function startServer(body: Body): Promise<void> {
  const { instance, log } = body.options;
  if (await instance.isOccupied()) await instance.stop("immediate");
  await configureStart(body);
  await render(body, {
    upstream: null,
    names: PLACEHOLDER_LIST,
    hba: "closed",
  });
  await save(body, { upstream: null });
  log("info", "Starting PostgreSQL as a closed standby");
  body.isUnproven = true;
  const timeoutMs = body.saved.rewound > 0
    ? REWOUND_START_TIMEOUT_MS
    : START_TIMEOUT_MS;
  try {
    await instance.start({ timeoutMs });
  } catch (error) {
    const code = error instanceof InstanceError ? error.code : null;
    const isOfValues = code === "start_failed" &&
      await fallBack(body, messageOf(error));
    if (code === "start_failed" && !isOfValues) body.failedStarts += 1;
    if (code !== "timeout") throw error;
    log("info", "PostgreSQL recovers");
  }
  forgetServer(body);
  body.rendered = { hba: "closed", rule: 0, upstream: null };
  // The list has held the placeholder since before the server came up (T8).
  body.mayHaveBeenEmpty = false;
}

/** Ends the stream for good, and sees the walreceiver gone: nothing is acknowledged after this (R12, T13). */
export async function cutUpstream(body: Body): Promise<void> {
  const { instance } = body.options;
  await resumeReplay(body);
  await render(body, { upstream: null });
  body.rendered = { ...body.rendered, upstream: null };
  await reloadSettings(body);
  // The startup process may have been about to start another when the signal came: gone counts only when
  // it is seen so again and again after the server has read its files.
  let goneLooks = 0;
  await until(body, {
    what: "the walreceiver has ended",
    timeoutMs: CUT_TIMEOUT_MS,
    everyMs: POLL_MS,
    holds: async () => {
      const mayReceive = await instance.mayReceive({
        timeoutMs: LOOK_TIMEOUT_MS,
      });
      goneLooks = mayReceive ? 0 : goneLooks + 1;
      return goneLooks >= GONE_LOOKS;
    },
  });
  await save(body, { upstream: null });
}

/**
 * Has a replay that somebody has paused go on (R12, T37): while it stands the server neither lets go of its
 * upstream nor takes another. One that stands for lack of settings is mended by a restart only (T30).
 */
export async function resumeReplay(body: Body): Promise<void> {
  const { watch, options: { instance, log } } = body;
  if (watch.replayPausedSinceMs === null) return;
  const timeoutMs = LOOK_TIMEOUT_MS;
  if ((await instance.settingsShort({ timeoutMs })).length > 0) return;
  log("info", "Resuming the replay that somebody has paused");
  await instance.query("select pg_wal_replay_resume()", [], { timeoutMs });
  watch.replayPausedSinceMs = null;
}

/** Streams from the primary of an epoch; noted before it is done (R15). */
export async function follow(
  body: Body,
  epoch: Epoch,
  upstream: MemberId,
): Promise<void> {
  const pledged = Math.max(body.saved.pledge, epoch);
  await save(body, {
    epoch,
    pledge: pledged,
    upstream: { id: upstream, epoch },
  });
  await stream(body, { id: upstream, epoch });
  body.options.log("info", `Following node ${upstream} (epoch ${epoch})`);
}

/** Streams what a rewound copy needs to be consistent, and counts for nothing before that (R29). */
export async function recoverFrom(
  body: Body,
  epoch: Epoch,
  upstream: MemberId,
): Promise<void> {
  await save(body, { upstream: { id: upstream, epoch }, pledge: epoch });
  await stream(body, { id: upstream, epoch: UNCOUNTED });
  body.options.log("info", `Recovering from node ${upstream}`);
}

/** Streams from another sealed member, within an attempt (R16). */
export async function catchUp(
  body: Body,
  { epoch, source, follows }: Extract<Step, { kind: "catch_up" }>,
): Promise<void> {
  await save(body, { epoch: follows, upstream: { id: source, epoch } });
  await stream(body, { id: source, epoch });
}

async function stream(body: Body, upstream: Upstream): Promise<void> {
  const { id, epoch } = upstream;
  const { instance, ports, clock, id: ownId } = body.options;
  const member = ports.state().members.get(id);
  const { incarnation } = body.saved;
  if (!member || incarnation === null) {
    throw new Error(`Node ${id} is no data member`);
  }
  const nowMs = clock.nowMs();
  body.watch.heardAtMs = nowMs;
  body.watch.followedAtMs = nowMs;
  body.watch.followedLogBytes = await instance.logBytes();
  await render(body, {
    upstream: {
      host: member.host,
      port: member.port,
      applicationName: applicationName({ id: ownId, incarnation }, epoch),
      slotName: slotName(ownId),
    },
  });
  await instance.reload({ settle: false });
  body.rendered = { ...body.rendered, upstream };
}

/** Waits a while until everything whole is replayed; sessions that hold it back are ended (R13). */
export async function finishReplay(body: Body): Promise<void> {
  const { instance, log } = body.options;
  const seen = await instance.observe({ timeoutMs: LOOK_TIMEOUT_MS });
  if (seen.replayPaused) {
    await instance.query("select pg_wal_replay_resume()");
  }
  if (seen.sessions > 0) {
    log("info", `Ending ${seen.sessions} sessions that may hold replay back`);
    await instance.endSessions({ timeoutMs: REPLAY_TIMEOUT_MS });
  }
}

/** Lets clients in, and only then tells so. */
export async function openServer(body: Body): Promise<void> {
  await render(body, { hba: "open" });
  await body.options.instance.reload({ settle: false });
  body.rendered = { ...body.rendered, hba: "open" };
  const { view } = body;
  const role = view?.server.kind === "primary" ? "primary" : "standby";
  body.options.log("info", `Open as ${role} (epoch ${body.saved.epoch})`);
}

/** Lets only control and replication in, and ends all other sessions (R22). */
export async function closeServer(
  body: Body,
  beside: { readonly names?: string } = {},
): Promise<void> {
  const { instance } = body.options;
  // Commits whose sessions end here wait no more, and nobody need hold them (R28).
  body.barrier = 0;
  await render(body, { hba: "closed", ...beside });
  await instance.reload();
  const timeoutMs = END_SESSIONS_TIMEOUT_MS;
  const left = await instance.endSessions({ timeoutMs });
  if (left > 0) {
    const why = `${left} sessions do not end`;
    // A standby loses nothing by a stop, and may be all that can take over.
    if (body.view?.server.kind === "standby") {
      await stopServer(body, "immediate", why);
    }
    throw new Error(why);
  }
  body.rendered = { ...body.rendered, hba: "closed" };
}

/** Keeps a directory that is not the cluster's under another name (R34). */
export async function moveAside(body: Body, why: string): Promise<void> {
  const { instance, log, ports } = body.options;
  const place = await instance.moveAside(`aside-${ports.wallMs()}`);
  log("warning", `${why}; the data directory is kept as ${place}`);
  await save(body, {
    incarnation: null,
    epoch: 0,
    upstream: null,
    rewound: 0,
    founding: 0,
  });
}
