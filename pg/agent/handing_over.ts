import { messageOf } from "../../base/mod.ts";
import type { Body } from "./body.ts";

/** How long a checkpoint before a switchover may take. */
const CHECKPOINT_TIMEOUT_MS = 120_000;

/**
 * Makes the checkpoint before a switchover (R32), beside the loop: meanwhile a rule may have to be followed, or the
 * primary to close itself (R6, R28, R30).
 *
 * @param body The agent of the primary.
 * @param handover Which switchover.
 */
export function beginCheckpoint(body: Body, handover: number): void {
  body.checkpointingFor = handover;
  body.checkpointEnded = checkpoint(body, handover)
    .catch((error) => giveUp(body, handover, messageOf(error)))
    .catch((error) => body.options.log("warning", messageOf(error)))
    .finally(() => {
      body.checkpointingFor = 0;
      body.waker.poke();
    });
}

async function checkpoint(body: Body, handover: number): Promise<void> {
  const timeoutMs = CHECKPOINT_TIMEOUT_MS;
  await body.options.instance.checkpoint({ timeoutMs });
  body.checkpointed = handover;
}

/** A switchover whose checkpoint fails is given up while the primary still serves. */
async function giveUp(
  { options: { ports, log }, saved: { epoch } }: Body,
  handover: number,
  why: string,
): Promise<void> {
  log("warning", `The switchover is given up: ${why}`);
  await ports.propose({ type: "drop_handover", epoch, number: handover });
}
