import type {
  ClusterState,
  Epoch,
  HistoryRecord,
  MemberId,
  Tags,
} from "../../pg/cluster/mod.ts";
import {
  copyOf,
  currentPrimary,
  describeRule,
  newestEpoch,
  NO_TAGS,
  uncoveredRules,
} from "../../pg/cluster/mod.ts";
import { Problem } from "../http/mod.ts";
import type { HighAvailability } from "./ha.ts";
import { proposeWish } from "./wish.ts";
import { whenState } from "./when_state.ts";

/** How far behind a target may be that is switched over to; it gets the rest before it is granted. */
const MAX_TARGET_LAG_BYTES = 16 << 20;
/** How long a change of primary may take until it is open. */
const CHANGE_TIMEOUT_MS = 60_000;

/** What a change of primary came to. */
export interface ChangeOutcome {
  readonly primary: MemberId;
  readonly epoch: Epoch;
  readonly record: HistoryRecord | null;
}

/**
 * Switches over to a member, or to the best (R32).
 *
 * @param ha This node's view.
 * @param target Whom; null for the best.
 * @throws {Problem} When it would not be loss-free, before anything is changed; or when it did not happen.
 */
export async function switchOver(
  ha: HighAvailability,
  target: MemberId | null,
): Promise<ChangeOutcome> {
  await ha.confirm();
  const state = ha.state();
  const { phase } = state;
  if (phase.kind !== "open") {
    throw new Problem(
      "conflict",
      "There is no open primary to switch over from; see /v1/explain",
    );
  }
  if (phase.handover) {
    throw new Problem("conflict", "A switchover is under way already");
  }
  checkTarget(ha, state, target);
  const { epoch } = phase;
  await proposeWish(ha, { type: "handover", epoch, target });
  return await whenReigning(ha, epoch, target);
}

function checkTarget(
  ha: HighAvailability,
  state: ClusterState,
  target: MemberId | null,
): void {
  if (target !== null) {
    const why = whyNot(ha, state, target);
    if (why !== null) throw new Problem("conflict", why);
    return;
  }
  const reasons = [...state.members.keys()].map((id) => whyNot(ha, state, id));
  if (reasons.some((why) => why === null)) return;
  throw new Problem(
    "conflict",
    `No standby can take over without loss: ${reasons.join("; ")}`,
  );
}

/** Why a member can't be switched over to; null when it can. */
function whyNot(
  ha: HighAvailability,
  state: ClusterState,
  id: MemberId,
): string | null {
  const name = `node ${id}`;
  const member = state.members.get(id);
  if (!member) return `${name} is no member with PostgreSQL`;
  if (currentPrimary(state)?.id === id) return `${name} is the primary`;
  if (member.tags.nofailover) return `${name} has the tag nofailover`;
  if (member.maintenance) return `${name} is in maintenance`;
  if (member.leaving) return `${name} is leaving`;
  const seen = ha.watch.observations().get(id);
  if (seen?.agent !== "alive") return `the agent of ${name} does not answer`;
  const report = seen.report;
  if (!report || !copyOf(state, id)) return `${name} has no data yet`;
  if (!report.following?.streaming) return `${name} does not stream`;
  const primary = currentPrimary(state);
  const flushLsn = ha.watch.report(primary?.id ?? 0)?.primary?.flushLsn ?? 0;
  const lagBytes = flushLsn - (report.position?.lsn ?? 0);
  return lagBytes > MAX_TARGET_LAG_BYTES
    ? `${name} is ${lagBytes} bytes behind`
    : null;
}

/** What a failover is asked to do. */
export interface FailoverWish {
  readonly target: MemberId | null;
  /** Leave to give up what nobody who can be reached holds (R31). */
  readonly allowDataLoss: boolean;
}

/**
 * Has another member take over although the primary does not take part.
 *
 * @throws {Problem} When commits could be lost and nobody allowed that, naming what would be given up.
 */
export async function failOver(
  ha: HighAvailability,
  { target, allowDataLoss }: FailoverWish,
): Promise<ChangeOutcome> {
  await ha.confirm();
  const state = ha.state();
  const { phase } = state;
  if (phase.kind === "unformed" || phase.kind === "founding") {
    throw new Problem("conflict", "There is no database yet");
  }
  if (target !== null && !state.members.has(target)) {
    throw new Problem("not_found", `Node ${target} is no data member`);
  }
  refuseAbsent(ha, target);
  if (!allowDataLoss) refuseLoss(ha, state);
  const kind = allowDataLoss ? "forced" : "planned";
  if (phase.kind === "sealing") {
    if (!allowDataLoss) {
      throw new Problem("conflict", "An attempt is under way; see /v1/explain");
    }
    const { epoch } = phase;
    await proposeWish(ha, { type: "force", epoch, target, atMs: Date.now() });
    return await whenReigning(ha, epoch - 1, target);
  }
  const epoch = newestEpoch(state);
  await proposeWish(ha, {
    type: "attempt",
    epoch: epoch + 1,
    expected: { kind: phase.kind, epoch: phase.epoch },
    attempt: { kind, target },
    // The kind says how it ends; only what may lose commits is called forced.
    reason: allowDataLoss ? "forced" : "switchover",
    detail: "An operator asked for a failover",
    lostAtMs: Date.now(),
    atMs: Date.now(),
  });
  return await whenReigning(ha, epoch, target);
}

/** A target that can't take part would be waited for in vain. */
function refuseAbsent(ha: HighAvailability, target: MemberId | null): void {
  if (target === null) return;
  const seen = ha.watch.observations().get(target);
  const isThere = seen?.agent === "alive" &&
    (seen.report?.position ?? null) !== null;
  if (isThere) return;
  throw new Problem(
    "conflict",
    `Node ${target} can't take over: its agent does not answer, or it has no valid data`,
  );
}

/** Names who is missing and what would be given up (R31). */
function refuseLoss(ha: HighAvailability, state: ClusterState): void {
  const seen = ha.watch.observations();
  const there = [...state.members.keys()].filter((id) =>
    seen.get(id)?.agent === "alive" &&
    (seen.get(id)?.report?.position ?? null) !== null
  );
  const copies = there.flatMap((id) => {
    const copy = copyOf(state, id);
    const position = seen.get(id)?.report?.position ?? null;
    return copy ? [{ ...copy, position }] : [];
  });
  const rules = uncoveredRules(state, copies);
  if (rules.length === 0) return;
  const missing = [...state.members.keys()].filter((id) => !there.includes(id));
  throw new Problem(
    "conflict",
    `Acknowledged commits could be lost: ${
      missing.map((id) => `node ${id}`).join(", ")
    } can't be sealed, ` +
      `and what is left does not cover: ${
        rules.map(describeRule).join("; ")
      }. ` +
      "Allow it with allow_data_loss (ctl: --allow-data-loss)",
    { extra: { missing, rules: rules.map(describeRule) } },
  );
}

/** Waits until an epoch after `since` is open, or the switchover was given up. */
async function whenReigning(
  ha: HighAvailability,
  since: Epoch,
  target: MemberId | null,
): Promise<ChangeOutcome> {
  const state = await whenState(
    ha,
    CHANGE_TIMEOUT_MS,
    ({ phase }) =>
      phase.kind === "open" &&
      (phase.epoch > since || phase.handover === null),
  );
  const { phase } = state;
  const primary = currentPrimary(state)?.id ?? 0;
  if (phase.kind !== "open") {
    throw new Problem(
      "outcome_unknown",
      "No primary has opened in time; see /v1/explain",
    );
  }
  if (phase.epoch === since) {
    throw new Problem(
      "conflict",
      "The switchover was given up before the primary stopped; see /v1/explain",
    );
  }
  const record = state.history.find(({ epoch }) => epoch === phase.epoch) ??
    null;
  if (target !== null && primary !== target) {
    throw new Problem(
      "conflict",
      `Node ${primary} is the primary now, not node ${target}: ${
        record?.why ?? ""
      }`,
    );
  }
  return { primary, epoch: phase.epoch, record };
}

/** Stops or starts what the policy does by itself (R33). */
export async function setPaused(
  ha: HighAvailability,
  paused: boolean,
): Promise<void> {
  await proposeWish(ha, { type: "pause", paused });
}

/** Changes some tags of a member. */
export async function setTags(
  ha: HighAvailability,
  id: MemberId,
  change: Partial<Tags>,
): Promise<Tags> {
  await ha.confirm();
  const member = ha.state().members.get(id);
  if (!member) throw new Problem("not_found", `Node ${id} is no data member`);
  const tags = { ...NO_TAGS, ...member.tags, ...change };
  await proposeWish(ha, { type: "tags", id, tags });
  return tags;
}

/** Has no rule name a member that is to be removed (R18): after this its copy is not counted on. */
export async function leaveRules(
  ha: HighAvailability,
  id: MemberId,
): Promise<void> {
  if (!ha.state().members.has(id)) return;
  await proposeWish(ha, { type: "leave", id });
  const state = await whenState(
    ha,
    CHANGE_TIMEOUT_MS,
    (now) =>
      !now.rules.some(({ standbys }) =>
        standbys.some((copy) => copy.id === id)
      ),
  );
  const isNamed = state.rules.some(({ standbys }) =>
    standbys.some((copy) => copy.id === id)
  );
  if (!isNamed) return;
  throw new Problem(
    "conflict",
    `Commits still count on node ${id}; see /v1/explain`,
  );
}
