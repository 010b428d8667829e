import { messageOf } from "../../base/mod.ts";
import { currentPrimary } from "../cluster/mod.ts";
import type { Body } from "./body.ts";
import { setAway } from "./registering.ts";
import { until } from "./until.ts";

/** How long the others have to hear of it, or to take over. */
const LEAVE_TIMEOUT_MS = 1500;
/** How often it is looked whether they have. */
const LEAVE_POLL_MS = 10;

/**
 * A primary that goes on without this agent must not be taken for lost (R8); one that is stopped with it
 * hands its reign over first.
 */
export async function takeLeave(body: Body): Promise<void> {
  if (body.view?.server.kind !== "primary") return;
  const leaving = body.options.keepOnStop
    ? setAway(body, true)
    : handOver(body);
  const bounded = leaving.catch((error) => {
    body.options.log("info", `Going without a word: ${messageOf(error)}`);
  });
  await Promise.race([bounded, pauseFor(body, LEAVE_TIMEOUT_MS)]);
}

async function handOver(body: Body): Promise<void> {
  const { ports, id } = body.options;
  const { phase } = ports.state();
  if (phase.kind !== "open" || currentPrimary(ports.state())?.id !== id) return;
  const { epoch } = phase;
  const wallMs = ports.wallMs();
  await ports.propose({
    type: "attempt",
    epoch: epoch + 1,
    expected: { kind: "open", epoch },
    attempt: { kind: "planned", target: null },
    reason: "switchover",
    detail: `Node ${id} is being stopped`,
    lostAtMs: wallMs,
    atMs: wallMs,
  });
  await until(body, {
    what: "another member reigns",
    timeoutMs: LEAVE_TIMEOUT_MS,
    everyMs: LEAVE_POLL_MS,
    holds: () => Promise.resolve(ports.state().phase.kind === "open"),
  });
}

/** Lets a while pass. */
export async function pauseFor({ options }: Body, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  options.clock.after(ms, resolve);
  await promise;
}
