import type { ClusterCommand, Timeline } from "../cluster/mod.ts";
import type { Step } from "../policy/mod.ts";
import {
  announceFounding,
  announceOpening,
  announcePromotion,
} from "./announce.ts";
import type { Body } from "./body.ts";
import { beginCheckpoint } from "./handing_over.ts";
import { look } from "./look.ts";
import {
  beginAdopt,
  beginClone,
  beginInitialize,
  beginRewind,
} from "./jobs.ts";
import {
  own,
  passBarrier,
  promote,
  retireRules,
  setRule,
  setSlots,
} from "./reign_steps.ts";
import {
  catchUp,
  closeServer,
  cutUpstream,
  finishReplay,
  follow,
  moveAside,
  openServer,
  pledge,
  recoverFrom,
  startServer,
  stopServer,
} from "./standby_steps.ts";

/**
 * Does one step to its end. What it throws is a failure of this step, to be tried again or done
 * differently when the next look has shown what is there.
 */
export async function act(body: Body, step: Step): Promise<void> {
  switch (step.kind) {
    case "idle":
    case "await_leave":
    case "await_checkpoint":
      return;
    case "pledge":
      return await pledge(body, step.epoch);
    case "initialize":
      return beginInitialize(body, step.attempt);
    case "adopt":
      return beginAdopt(body, step.attempt);
    case "propose":
      return await propose(body, step.command);
    case "announce_founding":
      return await announceFounding(body, step.attempt);
    case "move_aside":
      return await moveAside(body, step.why);
    case "stop":
      return await stopServer(body, step.mode, step.why);
    case "start":
      return await startServer(body);
    case "cut_upstream":
      return await cutUpstream(body);
    case "follow":
      return await follow(body, step.epoch, step.upstream);
    case "recover_from":
      return await recoverFrom(body, step.epoch, step.upstream);
    case "catch_up":
      return await catchUp(body, step);
    case "close":
      return await closeServer(body);
    case "open":
      return await openServer(body);
    default:
      return await actOnReign(body, step);
  }
}

type ReignStep = Extract<
  Step,
  {
    kind:
      | "set_rule"
      | "set_slots"
      | "finish_replay"
      | "own"
      | "promote"
      | "announce_promotion"
      | "barrier"
      | "announce_opening"
      | "retire_rules"
      | "checkpoint"
      | "rewind"
      | "clone";
  }
>;

async function actOnReign(body: Body, step: ReignStep): Promise<void> {
  switch (step.kind) {
    case "set_rule":
      return await setRule(body, step.rule);
    case "set_slots":
      return await setSlots(body, step.wanted);
    case "finish_replay":
      return await finishReplay(body);
    case "own":
      return await own(body, step.epoch);
    case "promote":
      return await promoteAndTell(body, step.timeline);
    case "announce_promotion":
      return await announcePromotion(body, step.epoch, step.timeline);
    case "barrier":
      return await passBarrier(body, step.rule, step.seeWaiting);
    case "announce_opening":
      return await announceOpening(body, step.epoch, step.rule);
    case "retire_rules":
      return await retireRules(body, step);
    case "checkpoint":
      return beginCheckpoint(body, step.handover);
    case "rewind":
      return beginRewind(body, step);
    case "clone":
      return beginClone(body, step);
  }
}

/** The news of a promotion need not wait for the next look. */
async function promoteAndTell(body: Body, timeline: Timeline): Promise<void> {
  await promote(body, timeline);
  await Promise.all([
    announcePromotion(body, body.saved.epoch, timeline),
    look(body),
  ]);
}

async function propose(body: Body, command: ClusterCommand): Promise<void> {
  const result = await body.options.ports.propose(command);
  if (result.kind === "refused") {
    throw new Error(`The cluster refused "${command.type}": ${result.why}`);
  }
}
