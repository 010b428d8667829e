import {
  copyOfName,
  type Epoch,
  grantOf,
  hasCopy,
  isRuleChanging,
  mustComeBack,
  PLACEHOLDER_LIST,
  type Rule,
  synchronousStandbyNames,
  type Timeline,
} from "../cluster/mod.ts";
import type { Step } from "../policy/mod.ts";
import { holdGuard } from "./guarding.ts";
import type { Body } from "./body.ts";
import { promoteLowered } from "./lowering.ts";
import { closeServer, reloadSettings, render, save } from "./standby_steps.ts";
import { until } from "./until.ts";

/** How long a promotion may take before it counts as failed. */
const PROMOTE_TIMEOUT_MS = 10_000;
/** How long one try of the barrier lasts. */
const BARRIER_TIMEOUT_MS = 2000;
/** How long a commit has to be seen waiting. */
const SEE_WAITING_TIMEOUT_MS = 5000;
/** How often the barrier's holders are counted. */
const BARRIER_POLL_MS = 2;
const LOOK_TIMEOUT_MS = 1000;

/** Has the server follow a rule: the placeholder for null (R18, R20). */
export async function setRule(body: Body, rule: Rule | null): Promise<void> {
  const { log } = body.options;
  const names = rule === null
    ? PLACEHOLDER_LIST
    : synchronousStandbyNames(rule);
  const isTakeover = rule !== null && body.view?.server.kind === "standby";
  if (isTakeover) return await prepareReign(body, rule, names);
  const changed = await render(body, { names });
  // Which list is followed is not known before it has been read.
  if (changed) body.rendered = { ...body.rendered, rule: null };
  if (body.rendered.rule === null) await reloadSettings(body);
  if (names === "") body.mayHaveBeenEmpty = true;
  if (rule) await endOldSenders(body, rule);
  body.rendered = { ...body.rendered, rule: rule?.number ?? 0 };
  if (rule && changed) log("info", `Commits wait for ${names || "nobody"}`);
}

/**
 * Everything that must be so before the promotion, side by side, since nobody can write meanwhile: the rule
 * and the closing in one reload, the timeline's fillers, and whose data it is (R17, R19, R22).
 */
async function prepareReign(
  body: Body,
  rule: Rule,
  names: string,
): Promise<void> {
  const { instance, ports, log } = body.options;
  const grant = grantOf(ports.state(), rule.epoch);
  await Promise.all([
    own(body, rule.epoch),
    closeServer(body, { names }),
    grant ? instance.layFillers(grant.timeline) : null,
  ]);
  if (names === "") body.mayHaveBeenEmpty = true;
  body.rendered = { ...body.rendered, rule: rule.number };
  log("info", `Commits will wait for ${names || "nobody"}`);
}

/**
 * Replaces walsenders that may not have read the list yet: what they let go by the one of before must lie
 * before the barrier's commit, or the new rule would not be proved to hold it (R18, R20).
 */
async function endOldSenders(body: Body, rule: Rule): Promise<void> {
  const { ports, instance } = body.options;
  const state = ports.state();
  if (!isRuleChanging(state)) return;
  const seen = await instance.observe({ timeoutMs: LOOK_TIMEOUT_MS });
  const names = seen.replication.map(({ name }) => name).filter((name) => {
    const named = copyOfName(name);
    return named !== null && mustComeBack(state, rule, named.copy);
  });
  await instance.endWalSenders(names);
}

/** Makes the slots of all others, and drops those of members that left (T23). */
export async function setSlots(
  body: Body,
  wanted: readonly string[],
): Promise<void> {
  await body.options.instance.setSlots(wanted);
  body.slots = wanted;
}

/** Notes that the data is the epoch's, before anything of the epoch is written. */
export async function own(body: Body, epoch: Epoch): Promise<void> {
  await save(body, { epoch, pledge: Math.max(body.saved.pledge, epoch) });
}

/** Promotes to the timeline of the grant (R17, R19). The guard begins while PostgreSQL is busy with it (R8). */
export async function promote(body: Body, timeline: Timeline): Promise<void> {
  const { instance, log } = body.options;
  if (await promoteLowered(body, timeline)) return;
  await instance.layFillers(timeline);
  const timeoutMs = PROMOTE_TIMEOUT_MS;
  await Promise.all([instance.promote({ timeoutMs }), holdGuard(body)]);
  log("info", `Promoted to timeline ${timeline}`);
}

/**
 * Passes the barrier: a synchronous commit returns, and k of the rule's copies are seen to hold it. That
 * it returns proves nothing by itself (T8), so where the list may have been empty a commit must first be
 * seen waiting under the placeholder (R20).
 */
export async function passBarrier(
  body: Body,
  rule: Rule,
  seeWaiting: boolean,
): Promise<void> {
  const { instance, clock, log } = body.options;
  if (seeWaiting) {
    await setRule(body, null);
    const timeoutMs = SEE_WAITING_TIMEOUT_MS;
    if (!await instance.seenWaiting({ timeoutMs })) {
      throw new Error("No commit was seen waiting under the placeholder name");
    }
    body.mayHaveBeenEmpty = false;
    log("info", "A commit was seen waiting, before it is known for whom");
    await setRule(body, rule);
  }
  const { lsn } = await instance.barrier({ timeoutMs: BARRIER_TIMEOUT_MS });
  await until(body, {
    what: `${rule.required} standbys hold the barrier`,
    timeoutMs: BARRIER_TIMEOUT_MS,
    everyMs: BARRIER_POLL_MS,
    holds: async () => await countHolders(body, rule, lsn) >= rule.required,
  });
  body.barrier = rule.number;
  body.barrierAtMs = clock.nowMs();
  body.watch.acknowledgedAtMs = clock.nowMs();
  log("info", `The barrier of rule ${rule.number} stands`);
}

async function countHolders(
  body: Body,
  rule: Rule,
  lsn: number,
): Promise<number> {
  if (rule.required === 0) return 0;
  const { instance } = body.options;
  const seen = await instance.observe({ timeoutMs: LOOK_TIMEOUT_MS });
  const holders = new Set<string>();
  for (const { name, flushLsn } of seen.replication) {
    const named = copyOfName(name);
    if (named?.epoch !== rule.epoch || (flushLsn ?? 0) < lsn) continue;
    if (hasCopy(rule.standbys, named.copy)) holders.add(name);
  }
  return holders.size;
}

/** Retires all rules before the one that is proved (R18). */
export async function retireRules(
  { options: { ports } }: Body,
  { epoch, rule }: Extract<Step, { kind: "retire_rules" }>,
): Promise<void> {
  const { primary, number } = rule;
  await ports.propose({ type: "retire_rules", epoch, primary, rule: number });
}
