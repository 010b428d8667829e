import { messageOf, randomIdentity } from "../../base/mod.ts";
import type { Epoch, MemberId } from "../cluster/mod.ts";
import { isJobStale, type Step } from "../policy/mod.ts";
import type { Body } from "./body.ts";
import { ownPassword } from "./saved_file.ts";
import { forgetServer, save } from "./standby_steps.ts";

/** How long a rewind may take. */
const REWIND_TIMEOUT_MS = 3_600_000;

/** How long a job that failed is not begun again; doubles with each failure. */
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5000;

/** Makes the database, beside the loop that goes on to listen. */
export function beginInitialize(body: Body, attempt: number): void {
  begin(body, { kind: "initialize", epoch: 0 }, async () => {
    const { instance, directory, random, log, adopt } = body.options;
    if (adopt) {
      throw new Error(
        "This node shall adopt a database and has none: set adopt in [cluster] alike on all nodes",
      );
    }
    log("info", "Making a new database with initdb");
    const replicationPassword = await ownPassword(directory);
    const firstContent = await body.options.firstContent();
    // What is found here after a crash was made by this node, and counts for nothing.
    await save(body, { incarnation: null, founding: attempt });
    await instance.initialize({ replicationPassword, firstContent });
    const incarnation = randomIdentity(random);
    await instance.writeMark(String(incarnation));
    await save(body, {
      incarnation,
      // What it holds is the beginning of the first epoch, if it is granted.
      epoch: 1,
      upstream: null,
      founding: attempt,
    });
  });
}

/** Makes the database that is there the cluster's first one; it stays where it is. */
export function beginAdopt(body: Body, attempt: number): void {
  begin(body, { kind: "adopt", epoch: 0 }, async () => {
    const { instance, directory, random, log } = body.options;
    const data = await instance.inspect();
    if (data.kind !== "present") throw new Error("There is nothing to adopt");
    log("info", `Adopting the database ${data.systemId}`, { attempt });
    const replicationPassword = await ownPassword(directory);
    const resumes = body.saved.adopted === data.systemId;
    // From here on it is known as one that was to be adopted, wherever this process ends.
    await save(body, { incarnation: null, adopted: data.systemId });
    await instance.adopt({ replicationPassword, resumes });
    const incarnation = randomIdentity(random);
    await instance.writeMark(String(incarnation));
    await save(body, { incarnation, epoch: 1, upstream: null });
  });
}

/** Takes a new copy of the primary's data; the old one is kept until the new one streams (R4, R29). */
export function beginClone(
  body: Body,
  { epoch, source, lost }: Extract<Step, { kind: "clone" }>,
): void {
  begin(body, { kind: "clone", epoch }, async (signal) => {
    const { instance, ports, random, log } = body.options;
    const state = ports.state();
    const from = copySource(body, epoch) ?? source;
    const address = addressOf(body, from);
    log("info", `Cloning from node ${from}`);
    // What is still being removed must not be taken for what this clone replaces.
    await body.dropEnded;
    body.mayHaveOldData = true;
    if (await hasServer(body)) await instance.stop("fast");
    forgetServer(body);
    if (lost) await noteLoss(body, epoch, lost);
    // Nothing reaches the copy that is there any more, which counts until it is replaced (R12).
    await save(body, { upstream: null });
    await instance.clone({
      source: address,
      replicationPassword: state.replicationPassword ?? "",
      systemId: state.systemId,
      keepOld: true,
      // From here on the directory may be any copy's: it must not count as the one it was (R3).
      beforeReplacing: () =>
        save(body, { incarnation: null, epoch: 0, upstream: null }),
      signal,
      onProgress: (doneBytes, totalBytes) => {
        if (doneBytes !== body.copy?.doneBytes) noteMoved(body);
        body.copy = { doneBytes, totalBytes };
      },
      openBackup: (signal) => ports.openBackup(from, signal),
    });
    const incarnation = randomIdentity(random);
    await instance.writeMark(String(incarnation));
    await save(body, {
      incarnation,
      epoch,
      upstream: null,
      rewound: 0,
      founding: 0,
    });
    body.mustClone = false;
    log("info", `Cloned from node ${from}`);
  });
}

/**
 * A standby that others shall copy from, to spare the primary: one that streams in this epoch holds a part of
 * the same history. Null for none, and after a copy that failed: then the primary is asked.
 */
function copySource(
  { options: { ports, id: ownId }, failures }: Body,
  epoch: Epoch,
): MemberId | null {
  if (failures > 0) return null;
  const fit = [...ports.state().members.values()].find(({ id, tags }) =>
    id !== ownId && tags.clonefrom && ports.isStreaming(id, epoch)
  );
  return fit?.id ?? null;
}

/** Takes back what the others do not have; the incarnation stays (R29). */
export function beginRewind(
  body: Body,
  step: Extract<Step, { kind: "rewind" }>,
): void {
  const { epoch, source, sinceLsn } = step;
  begin(body, { kind: "rewind", epoch }, async (signal) => {
    const { instance, log } = body.options;
    const address = addressOf(body, source);
    log("info", `Rewinding to node ${source}`);
    await instance.stop("fast");
    forgetServer(body);
    await noteLoss(body, epoch, { sinceLsn, from: step.from });
    const result = await instance.rewind({
      source: address,
      timeoutMs: REWIND_TIMEOUT_MS,
      signal,
    });
    if (result.kind === "failed") {
      body.rewindFailed = epoch;
      log("warning", `The rewind failed, a clone follows: ${result.why}`);
      return;
    }
    await instance.writeMark(String(body.saved.incarnation));
    // What follows the branch is the source's, up to which the data is of the epoch's own history.
    await save(body, { epoch, upstream: null, rewound: epoch });
    log("info", `Rewound to node ${source}`);
  });
}

/** Ends a copy that comes from a reign which has ended, and does not come (R29). */
export function endStaleJob(body: Body): void {
  const { job, jobAbort, jobMovedAtMs, options: { ports, clock, log } } = body;
  if (job === null || jobAbort.signal.aborted) return;
  const stillMs = clock.nowMs() - jobMovedAtMs;
  if (!isJobStale(ports.state(), job, stillMs)) return;
  log("warning", `Ending a ${job.kind} that stands still: another reigns now`);
  jobAbort.abort();
}

function noteMoved(body: Body): void {
  body.jobMovedAtMs = body.options.clock.nowMs();
}

function begin(
  body: Body,
  job: NonNullable<Body["job"]>,
  run: (signal: AbortSignal) => Promise<void>,
): void {
  body.job = job;
  body.jobAbort = new AbortController();
  noteMoved(body);
  const signals = [body.stopping.signal, body.jobAbort.signal];
  const ended = run(AbortSignal.any(signals)).then(() => {
    body.failures = 0;
  }).catch((error) => noteJobFailure(body, job.kind, messageOf(error))).finally(
    () => {
      body.job = null;
      body.copy = null;
      body.lookedAtMs = -Infinity;
      body.isViewGood = false;
      body.waker.poke();
    },
  );
  body.jobEnded = ended;
}

/** A job that failed is tried again, less and less often; the same reason is said once. */
function noteJobFailure(body: Body, kind: string, failure: string): void {
  const { log, clock } = body.options;
  if (failure !== body.failure) {
    log("warning", `The ${kind} failed: ${failure}`);
  }
  const pauseMs = FIRST_PAUSE_MS * 2 ** Math.min(body.failures, 10);
  body.failures += 1;
  body.failure = failure;
  body.jobRetryAtMs = clock.nowMs() + Math.min(pauseMs, MAX_PAUSE_MS);
}

async function hasServer({ options: { instance } }: Body): Promise<boolean> {
  return await instance.isOccupied();
}

function addressOf(
  { options: { ports } }: Body,
  id: MemberId,
): { host: string; port: number } {
  const member = ports.state().members.get(id);
  if (!member) throw new Error(`Node ${id} is no data member`);
  return { host: member.host, port: member.port };
}

/** Reports what is given up, for the history (R29). */
async function noteLoss(
  body: Body,
  epoch: Epoch,
  lost: { sinceLsn: number; from: Epoch },
): Promise<void> {
  const { instance, ports, id, log } = body.options;
  const grant = ports.state().grants.find((one) => one.epoch === lost.from);
  if (!grant) return;
  const given = await instance.countGivenUp(grant.timeline, lost.sinceLsn);
  if (given?.bytes === 0) return;
  const { bytes, commits } = given ?? { bytes: null, commits: null };
  log(
    "warning",
    given
      ? "Giving up what nobody else has"
      : "Giving up what nobody else has; how much could not be counted",
    { bytes, commits },
  );
  await ports.propose({ type: "gave_up", id, epoch, bytes, commits });
}
