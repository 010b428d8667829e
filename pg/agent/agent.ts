import { messageOf, pause } from "../../base/mod.ts";
import {
  isFenced,
  isWaiting,
  KEEPS_VIEW,
  type LocalView,
  plan,
  type Step,
} from "../policy/mod.ts";
import { act } from "./act.ts";
import { type Body, createBody } from "./body.ts";
import { readFiles } from "./files_file.ts";
import { keepConfigured, proveConfiguration } from "./configuring.ts";
import { holdGuard, releaseGuard } from "./guarding.ts";
import { pauseFor, takeLeave } from "./leaving.ts";
import { endStaleJob } from "./jobs.ts";
import { look, lookAgain } from "./look.ts";
import { keepOrders } from "./ordering.ts";
import { endOrphans } from "./orphans.ts";
import { POLL_MS, pollMs } from "./pace.ts";
import type { Agent, AgentOptions } from "./ports.ts";
import { readProven } from "./proven_file.ts";
import { startProbing } from "./probing.ts";
import { keepRegistered } from "./registering.ts";
import { readSaved } from "./saved_file.ts";
import { closeServer, save } from "./standby_steps.ts";
import {
  dropOldData,
  keepCheckpointed,
  keepNextStartClosed,
  liftShortage,
  reloadAsWished,
  turnLog,
  undoDrift,
} from "./upkeep.ts";

/** How often it tells the others while a step takes long. */
const STEP_REPORT_MS = 200;
/** How long it waits after a step that failed; doubles with each failure. */
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2000;
/** Steps after which the last look still holds, but for what this process knows itself. */
const KEEP_LOOK: ReadonlySet<Step["kind"]> = new Set([
  ...KEEPS_VIEW,
  // These look themselves when they are done.
  "promote",
  "announce_promotion",
  "barrier",
  "announce_opening",
  "propose",
]);

/** Steps that only begin something. */
const IS_JOB: ReadonlySet<Step["kind"]> = new Set([
  "initialize",
  "adopt",
  "clone",
  "rewind",
]);

/** How long a founder that failed is passed over, and says why, unless it is the only one. */
const FOUNDING_FAILED_MS = 30_000;

/** How long a look counts as one of now. */
const YOUNG_MS = 5;
/** How long a stop waits for what is under way. */
const STOP_TIMEOUT_MS = 2000;

/**
 * Starts the agent of this node's PostgreSQL: it brings it to the replicated state, step by step, and
 * tells all members what it sees.
 *
 * @param options The node, its PostgreSQL, and how it reaches the others.
 * @returns The agent.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { directory, instance } = options;
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const body = createBody(options, await readSaved(directory));
  body.config = { ...body.config, proven: await readProven(directory) };
  const files = await readFiles(directory);
  body.files = files ?? body.files;
  if (files?.hba === "closed") {
    // It may have ended before the server was told, and before all sessions had ended.
    body.rendered = { ...body.rendered, hba: "closing" };
  }
  instance.onConnectionLost(() => body.waker.poke());
  const forget = options.ports.onChange(() => body.waker.poke());
  const probing = startProbing(body);
  const running = run(body);
  const registering = keepRegistered(body);
  return {
    poke: () => body.waker.poke(),
    async stop(): Promise<void> {
      await takeLeave(body);
      forget();
      body.stopping.abort();
      body.waker.poke();
      await probing.stop();
      await withinStop(body, Promise.all([running, registering]));
      await withinStop(
        body,
        Promise.all([
          body.jobEnded,
          body.upkeepEnded,
          body.logEnded,
          body.dropEnded,
          body.checkpointEnded,
          body.contactEnded,
        ]),
      );
      await end(body);
    },
  };
}

async function end(body: Body): Promise<void> {
  const { instance, keepOnStop } = body.options;
  if (keepOnStop) await releaseGuard(body);
  else if (await instance.postmaster()) await instance.stop("fast");
  if (!keepOnStop) await releaseGuard(body);
  await instance.close();
}

async function withinStop(body: Body, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, pauseFor(body, STOP_TIMEOUT_MS)]);
}

async function run(body: Body): Promise<void> {
  await confirm(body);
  while (!body.stopping.signal.aborted) {
    try {
      await turn(body);
    } catch (error) {
      await noteFailure(body, messageOf(error));
    }
  }
}

/** What is applied at the start may be long past: nothing is done on it (R15). */
async function confirm(body: Body): Promise<void> {
  const { ports, log } = body.options;
  while (!body.stopping.signal.aborted && !body.confirmed) {
    try {
      await ports.confirm();
      body.confirmed = true;
    } catch (error) {
      log("info", `Waiting for a leader: ${messageOf(error)}`);
      await watchAlone(body);
      await body.waker.nap(POLL_MS);
    }
  }
}

/**
 * Without a quorum nothing may be concluded from the state, but a primary that was left running is looked
 * after: it gets a guard, and is closed when nobody acknowledges any more (R8, R28).
 */
async function watchAlone(body: Body): Promise<void> {
  try {
    const view = await look(body);
    await adopt(body);
    const isOpen = view.server.kind === "primary" &&
      body.rendered.hba !== "closed";
    if (!isOpen || !isFenced(body.options.ports.state(), view)) return;
    body.options.log(
      "warning",
      "Closing: nobody acknowledges, no leader is known",
    );
    await closeServer(body);
  } catch (error) {
    body.options.log("warning", messageOf(error));
  }
}

async function turn(body: Body): Promise<void> {
  const before = body.view?.server.kind;
  const view = recentView(body) ?? await look(body);
  body.isViewGood = false;
  const { kind } = view.server;
  if (kind === "leftovers" && kind !== before) await endOrphans(body, view);
  await noteConsistent(body, view);
  await undoDrift(body);
  await liftShortage(body);
  keepCheckpointed(body);
  endStaleJob(body);
  const step = plan(body.options.ports.state(), view);
  if (isWaiting(step)) {
    if (body.job === null && !isFoundingFailed(body)) succeeded(body);
    await adopt(body);
    await keepConfigured(body);
    await keepOrders(body);
    dropOldData(body);
    await keepNextStartClosed(body);
    await reloadAsWished(body);
    turnLog(body);
    await body.waker.nap(pollMs(body));
    return;
  }
  const startedAtMs = body.options.clock.nowMs();
  if (IS_JOB.has(step.kind) && startedAtMs < body.jobRetryAtMs) {
    // The others go on to hear of it meanwhile.
    const pauseMs = body.jobRetryAtMs - startedAtMs;
    await body.waker.nap(Math.min(pauseMs, pollMs(body)));
    return;
  }
  await actWhileTelling(body, step);
  const tookMs = body.options.clock.nowMs() - startedAtMs;
  body.options.log("debug", `Did ${step.kind}`, { ms: Math.round(tookMs) });
  // What a job comes to is known at its end.
  if (!IS_JOB.has(step.kind)) succeeded(body);
  body.isViewGood = KEEP_LOOK.has(step.kind);
  if (!body.isViewGood) body.lookedAtMs = -Infinity;
}

/** What was rewound is like any other copy once it lets anybody look. */
async function noteConsistent(
  body: Body,
  { server }: LocalView,
): Promise<void> {
  const answers = server.kind === "standby" || server.kind === "primary";
  if (answers) body.failedStarts = 0;
  if (answers && body.isUnproven) {
    body.isUnproven = false;
    await proveConfiguration(body);
  }
  if (answers && body.saved.rewound > 0) await save(body, { rewound: 0 });
}

/** A primary that an earlier agent left gets a guard of this one. */
async function adopt(body: Body): Promise<void> {
  if (body.view?.server.kind === "primary") await holdGuard(body);
}

/**
 * The newest look, where nothing but what this process knows can have changed since that matters: right
 * after its own steps, for a moment while it looks all the time, and for a pledge, which needs none.
 */
function recentView(body: Body): LocalView | null {
  const isYoung = body.options.clock.nowMs() - body.lookedAtMs < YOUNG_MS;
  const view = lookAgain(body);
  if (!view || body.job !== null) return null;
  const isPledge = plan(body.options.ports.state(), view).kind === "pledge";
  return body.isViewGood || isYoung || isPledge ? view : null;
}

async function actWhileTelling(body: Body, step: Step): Promise<void> {
  const { clock } = body.options;
  const ended = new AbortController();
  const telling = (async () => {
    while (!ended.signal.aborted) {
      await pause(clock, STEP_REPORT_MS, ended.signal);
      if (ended.signal.aborted) return;
      await look(body).catch(() => {});
      keepCheckpointed(body);
    }
  })();
  try {
    await act(body, step);
  } finally {
    ended.abort();
    await telling;
  }
}

function isFoundingFailed({ options, jobRetryAtMs, failures }: Body): boolean {
  const { clock, ports } = options;
  return failures > 0 && ports.state().phase.kind === "founding" &&
    clock.nowMs() < jobRetryAtMs + FOUNDING_FAILED_MS;
}

function succeeded(body: Body): void {
  if (body.failures === 0) return;
  body.failures = 0;
  body.failure = "";
}

async function noteFailure(body: Body, failure: string): Promise<void> {
  if (body.stopping.signal.aborted) return;
  body.failures += 1;
  body.lookedAtMs = -Infinity;
  if (failure !== body.failure) body.options.log("warning", failure);
  body.failure = failure;
  const retryMs = FIRST_RETRY_MS * 2 ** Math.min(body.failures - 1, 10);
  await body.waker.nap(Math.min(retryMs, MAX_RETRY_MS));
}
