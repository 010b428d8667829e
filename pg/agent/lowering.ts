import { messageOf } from "../../base/mod.ts";
import type { ClusterState, Epoch, Timeline } from "../cluster/mod.ts";
import type { Body } from "./body.ts";
import { configureStart, forgetNoted } from "./configuring.ts";
import { holdGuard } from "./guarding.ts";

/** How long the server may take to stop, to start and to promote. */
const LOWER_TIMEOUT_MS = 60_000;

/**
 * Promotes so that the server has less than before of the settings that standbys must match, where the parameters
 * say so and somebody asked for this change of primary: it takes a start more, for which no failover waits (T30).
 * The rule, the closing and the epoch are on disk by then, so the server that comes up is bound by them like the
 * one that stopped, and so is whatever comes up when this process ends on the way.
 *
 * @returns Whether it promoted so; otherwise nothing has changed.
 */
export async function promoteLowered(
  body: Body,
  timeline: Timeline,
): Promise<boolean> {
  const { instance, ports, log } = body.options;
  const { epoch } = body.saved;
  if (body.loweringFailed === epoch) return false;
  if (!isAskedFor(ports.state(), epoch)) return false;
  await configureStart(body);
  const names = await instance.settingsToLower();
  if (names.length === 0) return false;
  log("info", `Starting anew on the way, to lower ${names.join(", ")}`);
  body.isLowering = true;
  try {
    await instance.promoteLowered({ timeline, timeoutMs: LOWER_TIMEOUT_MS });
  } catch (error) {
    body.loweringFailed = epoch;
    const fault = `${names.join(", ")} could not be lowered: ${
      messageOf(error)
    }`;
    body.config = { ...body.config, fault };
    throw new Error(fault);
  } finally {
    body.isLowering = false;
  }
  await holdGuard(body);
  forgetNoted(body);
  log("info", `Promoted to timeline ${timeline}`);
  return true;
}

/** A switchover, or a restart of the primary in its place. */
function isAskedFor(
  { history, members }: ClusterState,
  epoch: Epoch,
): boolean {
  const record = history.find((one) => one.epoch === epoch);
  const isRestarting = [...members.values()].some(({ order }) =>
    order?.kind === "restart" && order.inPlace && order.outcome === null
  );
  return record?.kind === "switchover" || isRestarting;
}
