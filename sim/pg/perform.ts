import { applicationName, UNCOUNTED } from "../../pg/cluster/mod.ts";
import type { Step, Upstream } from "../../pg/policy/mod.ts";
import { between } from "../mod.ts";
import { writeProbe } from "./commit.ts";
import { performJob } from "./jobs.ts";
import { endSession, onProcess } from "./process.ts";
import { barrier, retireRules, setRule } from "./reign_work.ts";
import {
  promoteServer,
  reload,
  renderClosed,
  setHba,
  startServer,
} from "./server.ts";
import { runWork } from "./running.ts";
import { performStop } from "./stop.ts";
import { timelineOf } from "./wal.ts";
import {
  commitCommand,
  type Doer,
  save,
  serverOf,
  StepFailed,
  until,
  type Work,
} from "./work.ts";

/** Does a step of a plan. */
export function* perform(doer: Doer, step: Step): Work {
  switch (step.kind) {
    case "idle":
    case "await_leave":
    case "await_checkpoint":
      return;
    case "pledge":
      return yield* save(doer, { pledge: step.epoch });
    case "propose":
      return yield* commitCommand(doer, step.command);
    case "move_aside":
      return yield* moveAside(doer);
    case "stop":
      return yield* performStop(doer, step.mode);
    case "start":
      return yield* start(doer);
    case "cut_upstream":
      return yield* cutUpstream(doer);
    case "follow":
      return yield* follow(doer, step.epoch, step.upstream, step.epoch);
    case "recover_from":
      return yield* recoverFrom(doer, step.epoch, step.upstream);
    case "catch_up":
      return yield* follow(doer, step.epoch, step.source, step.follows);
    case "close":
      return yield* close(doer);
    case "open":
      return yield* open(doer);
    case "set_rule":
      return yield* setRule(doer, step.rule);
    case "set_slots":
      yield 2;
      doer.node.slots = [...step.wanted];
      return;
    case "own":
      return yield* save(doer, { epoch: step.epoch });
    case "adopt":
      throw new Error("No modelled member has a database to adopt");
    case "initialize":
    case "clone":
    case "rewind":
      return yield* performJob(doer, step);
    default:
      return yield* performReign(doer, step);
  }
}

function* performReign(
  doer: Doer,
  step: Extract<Step, {
    kind:
      | "announce_founding"
      | "finish_replay"
      | "promote"
      | "announce_promotion"
      | "barrier"
      | "announce_opening"
      | "retire_rules"
      | "checkpoint";
  }>,
): Work {
  const { node, sim, agent } = doer;
  const { saved: { incarnation } } = node;
  const winner = { id: node.id, incarnation: incarnation ?? 0 };
  const atMs = Math.round(sim.world.nowMs);
  switch (step.kind) {
    case "announce_founding":
      return yield* commitCommand(doer, {
        type: "found",
        founder: node.id,
        attempt: step.attempt,
        systemId: node.disk.systemId,
        incarnation: winner.incarnation,
        replicationPassword: "secret",
        parameters: {},
        atMs,
      });
    case "finish_replay":
      return yield* finishReplay(doer);
    case "promote":
      return yield* promote(doer, step.timeline);
    case "announce_promotion":
      return yield* commitCommand(doer, {
        type: "promoted",
        epoch: step.epoch,
        winner,
        switchLsn: switchOf(doer, step.timeline),
        atMs,
      });
    case "barrier":
      return yield* barrier(doer, step.rule, step.seeWaiting);
    case "announce_opening": {
      const { epoch, rule } = step;
      const gap = { barrierAtMs: atMs, gapMs: null, atMs };
      return yield* commitCommand(doer, {
        type: "opened",
        epoch,
        winner,
        rule,
        ...gap,
      });
    }
    case "retire_rules":
      return yield* retireRules(doer, step, winner);
    case "checkpoint":
      agent.checkpointingFor = step.handover;
      return runWork(doer, checkpoint(doer, step.handover));
  }
}

/** Beside all steps; a checkpointer that is stalled makes it take as long. */
function* checkpoint({ sim, node, agent }: Doer, handover: number): Work {
  const { proc } = node;
  const stallMs = (proc?.checkpointerStalledUntilMs ?? 0) - sim.world.nowMs;
  yield Math.max(0, stallMs) + between(sim.world, 2, 30);
  if (proc?.hasPostmaster && node.proc === proc) {
    writeProbe(sim, node, proc, "checkpoint");
    agent.checkpointed = handover;
  }
  agent.checkpointingFor = 0;
}

function* moveAside(doer: Doer): Work {
  yield 5;
  const { disk } = doer.node;
  disk.kind = "empty";
  disk.wal = { records: [], tail: 0, history: [] };
  yield* save(doer, { incarnation: null, founding: 0, epoch: 0 });
}

function* start(doer: Doer): Work {
  const { node, agent, sim } = doer;
  if (node.proc) throw new StepFailed("Processes are left");
  yield 1;
  if (node.disk.kind === "empty" || node.disk.marker) {
    throw new StepFailed("There is no data to start on");
  }
  renderClosed(node);
  // Fillers must not be there when a standby starts (R17).
  node.disk.knownTimeline = timelineOf(node.disk.wal);
  yield* save(doer, { upstream: null });
  yield 1;
  if (node.proc) throw new StepFailed("Processes are left");
  const proc = startServer(sim, node);
  agent.rendered = { hba: "closed", rule: 0, upstream: null };
  agent.barrier = 0;
  agent.mayHaveBeenEmpty = false;
  // Recovery may take longer, and what was rewound must stream first: the agent goes on to look.
  const endMs = sim.world.nowMs + (node.saved.rewound > 0 ? 300 : 3000);
  const isGone = (): boolean => node.proc !== proc;
  while (!isGone() && proc.mode === "starting" && sim.world.nowMs < endMs) {
    yield 2;
  }
  if (isGone()) throw new StepFailed("It ended while it started");
}

/** Ends the walreceiver for good, and notes only then that nothing comes any more (R12). */
function* cutUpstream(doer: Doer): Work {
  const { node, sim } = doer;
  yield 1;
  node.disk.conninfo = null;
  doer.agent.rendered = { ...doer.agent.rendered, upstream: null };
  reload(sim, node);
  yield* until(
    doer,
    () => !node.proc?.conninfo && !node.proc?.receiver,
    "Ending the walreceiver",
  );
  yield* save(doer, { upstream: null });
}

function* follow(
  doer: Doer,
  epoch: number,
  upstream: number,
  follows: number,
): Work {
  const { node } = doer;
  serverOf(doer);
  const pledge = Math.max(node.saved.pledge, follows);
  yield* save(doer, {
    upstream: { id: upstream, epoch },
    epoch: follows,
    pledge,
  });
  yield* stream(doer, { id: upstream, epoch });
}

function* recoverFrom(doer: Doer, epoch: number, upstream: number): Work {
  serverOf(doer);
  yield* save(doer, { upstream: { id: upstream, epoch }, pledge: epoch });
  yield* stream(doer, { id: upstream, epoch: UNCOUNTED });
}

function* stream(doer: Doer, upstream: Upstream): Work {
  const { node, sim } = doer;
  const { saved: { incarnation } } = node;
  yield 1;
  const copy = { id: node.id, incarnation: incarnation ?? 0 };
  const name = applicationName(copy, upstream.epoch);
  node.disk.conninfo = { upstream: upstream.id, name };
  reload(sim, node);
  yield 1;
  doer.agent.rendered = { ...doer.agent.rendered, upstream };
}

function* close(doer: Doer): Work {
  const { node, sim, agent } = doer;
  const proc = serverOf(doer);
  agent.barrier = 0;
  // The files first, then the server: an agent may die in between.
  node.toldClosed = true;
  yield between(sim.world, 0.2, 2);
  setHba(sim, node, false);
  yield* until(doer, () => !proc.hbaOpen, "Closing", 1500);
  yield 1;
  for (const session of [...proc.sessions]) endSession(proc, session);
  yield 2;
  agent.rendered = { ...agent.rendered, hba: "closed" };
}

function* open(doer: Doer): Work {
  const { node, sim, agent } = doer;
  const proc = serverOf(doer);
  setHba(sim, node, true);
  agent.rendered = { ...agent.rendered, hba: "open" };
  yield* until(doer, () => proc.hbaOpen, "Opening", 1500);
}

function* finishReplay(doer: Doer): Work {
  const { node, sim } = doer;
  const proc = serverOf(doer);
  for (const session of [...proc.sessions]) endSession(proc, session);
  proc.replayHeldUntilMs = Math.min(
    proc.replayHeldUntilMs,
    sim.world.nowMs + 20,
  );
  yield* until(
    doer,
    () => proc.replayed === node.disk.wal.records.length,
    "Replaying",
  );
}

function* promote(doer: Doer, timeline: number): Work {
  const { node, sim } = doer;
  const proc = serverOf(doer);
  // Fillers for the numbers between make the next free one the granted one (R17).
  node.disk.knownTimeline = Math.max(node.disk.knownTimeline, timeline - 1);
  yield 1;
  if (proc.mode !== "standby") throw new StepFailed("It is no standby");
  const { epoch } = node.saved;
  if (!proc.promoting) {
    proc.promoting = true;
    // Once told, the server promotes, whatever becomes of who told it.
    onProcess(sim, node, proc, between(sim.world, 5, 80), () => {
      if (proc.mode === "standby") {
        promoteServer(sim, node, proc, { epoch, timeline });
      }
    });
  }
  yield* until(
    doer,
    () => node.proc !== proc || proc.mode === "primary",
    "Promoting",
  );
  yield between(sim.world, 0, 30);
}

/** Where a timeline branches off, as its history file says. */
function switchOf({ node }: Doer, timeline: number): number {
  const { history } = node.disk.wal;
  const start = history.find((one) => one.timeline === timeline);
  if (!start) throw new StepFailed(`It is not on timeline ${timeline}`);
  return start.lsn;
}
