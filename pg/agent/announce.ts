import {
  type CommandResult,
  type Epoch,
  newestRule,
  type Timeline,
} from "../cluster/mod.ts";
import type { Body } from "./body.ts";
import { passBarrier } from "./reign_steps.ts";
import { render } from "./standby_steps.ts";
import { ownPassword } from "./saved_file.ts";

/** Tells that the database is made; only one founder is believed (R34). */
export async function announceFounding(
  body: Body,
  attempt: number,
): Promise<void> {
  const { instance, ports, directory, id, log } = body.options;
  const { incarnation } = body.saved;
  const data = await instance.inspect();
  if (data.kind !== "present" || incarnation === null) {
    throw new Error("The database that was made is not there");
  }
  const result = await ports.propose({
    type: "found",
    founder: id,
    attempt,
    systemId: data.systemId,
    incarnation,
    replicationPassword: await ownPassword(directory),
    parameters: Object.fromEntries(
      [...body.options.parameters].map(([name, value]) => [
        name.toLowerCase(),
        value,
      ]),
    ),
    maximumLagBytes: body.options.maximumLagBytes,
    timeline: await instance.newestTimeline() + 1,
    isAdopted: body.saved.adopted === data.systemId,
    atMs: ports.wallMs(),
  });
  if (result.kind === "done") {
    log("info", `Founded the database ${data.systemId}`);
  }
}

/** Tells where the new timeline branched off: from there on positions are of this epoch (R14). */
export async function announcePromotion(
  body: Body,
  epoch: Epoch,
  timeline: Timeline,
): Promise<void> {
  const { instance, ports, id } = body.options;
  const { incarnation } = body.saved;
  const history = await instance.history(timeline);
  if (!history || incarnation === null) {
    throw new Error(`There is no history of timeline ${timeline}`);
  }
  const telling = ports.propose({
    type: "promoted",
    epoch,
    winner: { id, incarnation },
    switchLsn: history.switchLsn,
    atMs: ports.wallMs(),
  });
  const [told] = await Promise.all([telling, tryBarrier(body)]);
  if (told.kind === "refused") throw new Error(told.why);
}

/** The barrier need not wait until the promotion is known; where it does not stand yet it is tried again. */
async function tryBarrier(body: Body): Promise<void> {
  const rule = newestRule(body.options.ports.state());
  const isKnown = rule !== null && body.rendered.rule === rule.number &&
    !body.mayHaveBeenEmpty && rule.standbys.length >= rule.required;
  if (!isKnown) return;
  await passBarrier(body, rule, false).catch(() => {});
}

/** Tells that the barrier stands: the reign opens when that is committed (R20). */
export async function announceOpening(
  body: Body,
  epoch: Epoch,
  rule: number,
): Promise<void> {
  const { ports, id, clock } = body.options;
  const { incarnation } = body.saved;
  if (incarnation === null) throw new Error("There is no data");
  const nowMs = clock.nowMs();
  const wallMs = ports.wallMs();
  const sinceMs = nowMs - body.barrierAtMs;
  const proposed = ports.propose({
    type: "opened",
    epoch,
    winner: { id, incarnation },
    rule,
    barrierAtMs: Math.round(wallMs - sinceMs),
    gapMs: gapOf(body, epoch, wallMs),
    atMs: wallMs,
  });
  await openOnce(body, proposed);
}

/** The file is made ready while the group decides; the server is told of it only when it has. */
async function openOnce(
  body: Body,
  proposed: Promise<CommandResult>,
): Promise<void> {
  body.rendered = { ...body.rendered, hba: null };
  const [result] = await Promise.all([proposed, render(body, { hba: "open" })]);
  if (result.kind === "refused") throw new Error(result.why);
  await body.options.instance.reload({ settle: false });
  body.rendered = { ...body.rendered, hba: "open" };
  body.options.log("info", `Open as primary (epoch ${body.saved.epoch})`);
}

/** How long nobody could write; null where there was nothing before. */
function gapOf(
  { options: { ports } }: Body,
  epoch: Epoch,
  wallMs: number,
): number | null {
  const record = ports.state().history.find((one) => one.epoch === epoch);
  if (!record || record.kind === "founding") return null;
  return Math.max(0, Math.round(wallMs - record.lostAtMs));
}
