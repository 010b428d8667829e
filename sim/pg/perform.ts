import {
  applicationName,
  type ClusterCommand,
  type Copy,
  copyOfName,
  hasCopy,
  PLACEHOLDER_LIST,
  type Rule,
  synchronousStandbyNames,
} from "../../pg/cluster/mod.ts";
import type { Saved, Step } from "../../pg/policy/mod.ts";
import { between, chance, tell } from "../mod.ts";
import { checkSaved } from "./checks_local.ts";
import { flushedBy, isPlaceholder, readList, writeProbe } from "./commit.ts";
import { propose } from "./consensus.ts";
import { performJob } from "./jobs.ts";
import type { Agent, PgNode, PgProcess, PgSim } from "./node.ts";
import {
  endSession,
  killServer,
  onProcess,
  promoteServer,
  reload,
  renderClosed,
  setHba,
  startServer,
} from "./server.ts";
import { performStop } from "./stop.ts";
import { endSender } from "./streaming.ts";
import { timelineOf } from "./wal.ts";

/** Work in virtual time: each value is how long to wait, and between any two the agent may die. */
export type Work<T = void> = Generator<number, T, void>;

/** A step did not come off; the agent counts it and plans anew. */
export class StepFailed extends Error {
  override readonly name = "StepFailed";
}

/** What a step needs to know of whose it is. */
export interface Doer {
  readonly sim: PgSim;
  readonly node: PgNode;
  readonly agent: Agent;
}

const DEADLINE_MS = 4000;

/** Waits until something holds, or fails. */
export function* until(
  { sim }: Doer,
  holds: () => boolean,
  what: string,
  deadlineMs: number = DEADLINE_MS,
): Work {
  const endMs = sim.world.nowMs + deadlineMs;
  while (!holds()) {
    if (sim.world.nowMs > endMs) throw new StepFailed(`${what} took too long`);
    yield 2;
  }
}

/** Writes down what binds across restarts, synced (R12, R15). */
export function* save({ sim, node }: Doer, patch: Partial<Saved>): Work {
  const { world } = sim;
  const hungMs = Math.max(0, node.diskHungUntilMs - world.nowMs);
  yield hungMs + between(world, 0.2, 4);
  const next = { ...node.saved, ...patch };
  checkSaved(node, next);
  node.saved = next;
}

/** The running server, or the step fails. */
export function serverOf({ node }: Doer): PgProcess {
  const { proc } = node;
  if (!proc?.hasPostmaster) throw new StepFailed("PostgreSQL does not run");
  return proc;
}

/** Does a step of a plan. */
export function* perform(doer: Doer, step: Step): Work {
  switch (step.kind) {
    case "idle":
    case "await_leave":
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
      yield between(sim.world, 2, 30);
      writeProbe(sim, node, serverOf(doer), "checkpoint");
      agent.checkpointed = step.handover;
      return;
  }
}

/** Has a command committed and sees it applied here. */
export function* commitCommand(doer: Doer, command: ClusterCommand): Work {
  const { sim, node, agent } = doer;
  let answer: number | null | undefined;
  propose(sim, node, command, (index) => {
    answer = index;
  });
  yield* until(doer, () => answer !== undefined, `Committing ${command.type}`);
  const index = answer ?? null;
  if (index === null) throw new StepFailed(`${command.type} got no answer`);
  yield* until(doer, () => agent.applied >= index, "Applying it");
  const result = sim.consensus.results[index - 1];
  if (result?.kind === "refused") throw new StepFailed(result.why);
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
  yield* save(doer, { upstream: null });
  yield 1;
  if (node.proc) throw new StepFailed("Processes are left");
  if (node.disk.kind === "empty" || node.disk.marker) {
    throw new StepFailed("There is no data to start on");
  }
  renderClosed(node);
  // Fillers must not be there when a standby starts (R17).
  node.disk.knownTimeline = timelineOf(node.disk.wal);
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
    () => node.proc?.conninfo == null && node.proc?.receiver == null,
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
  const { node, sim } = doer;
  const { saved: { incarnation } } = node;
  serverOf(doer);
  yield* save(doer, { upstream: { id: upstream, epoch }, epoch: follows });
  yield 1;
  const copy = { id: node.id, incarnation: incarnation ?? 0 };
  const name = applicationName(copy, epoch);
  node.disk.conninfo = { upstream, name };
  reload(sim, node);
  yield 1;
  const told = { id: upstream, epoch };
  doer.agent.rendered = { ...doer.agent.rendered, upstream: told };
}

function* close(doer: Doer): Work {
  const { node, sim, agent } = doer;
  const proc = serverOf(doer);
  agent.barrier = 0;
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

function* setRule(doer: Doer, rule: Rule | null): Work {
  const { node, sim, agent } = doer;
  const proc = serverOf(doer);
  const text = rule ? synchronousStandbyNames(rule) : PLACEHOLDER_LIST;
  yield 1;
  if (text === "") agent.mayHaveBeenEmpty = true;
  node.disk.syncList = text;
  reload(sim, node);
  const wanted = readList(text);
  yield* until(
    doer,
    () => proc.list.names.join() === wanted.names.join(),
    "Reloading the list",
  );
  agent.rendered = { ...agent.rendered, rule: rule?.number ?? 0 };
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

/** A commit that k of the rule hold; first one that is seen waiting, where asked (T8, R20). */
function* barrier(doer: Doer, rule: Rule, seeWaiting: boolean): Work {
  const { node, sim, agent } = doer;
  const proc = serverOf(doer);
  if (seeWaiting) {
    yield* setRule(doer, null);
    yield* seeOneWaiting(doer, proc);
    agent.mayHaveBeenEmpty = false;
    yield* setRule(doer, rule);
  }
  yield between(sim.world, 0.5, 5);
  if (node.proc !== proc) throw new StepFailed("PostgreSQL has stopped");
  const lsn = writeProbe(sim, node, proc);
  const names = rule.standbys.map((copy) => applicationName(copy, rule.epoch));
  yield* until(
    doer,
    () => flushedBy(proc, names, lsn) >= rule.required,
    "The barrier",
  );
  if (node.proc !== proc) throw new StepFailed("PostgreSQL has stopped");
  tell(sim.world, () => `${node.id} barrier of rule ${rule.number} stands`);
  agent.barrier = rule.number;
}

function* seeOneWaiting(doer: Doer, proc: PgProcess): Work {
  const { node, sim } = doer;
  const endMs = sim.world.nowMs + DEADLINE_MS;
  for (;;) {
    if (node.proc !== proc) throw new StepFailed("PostgreSQL has stopped");
    writeProbe(sim, node, proc);
    // A probe that returns was not made to wait: the list is not in force yet.
    if (proc.isListDefined && isPlaceholder(proc.list)) break;
    if (sim.world.nowMs > endMs) throw new StepFailed("No commit waits");
    yield 20;
  }
}

function* retireRules(
  doer: Doer,
  { epoch, rule, removed }: Extract<Step, { kind: "retire_rules" }>,
  primary: Copy,
): Work {
  const { sim } = doer;
  const proc = serverOf(doer);
  yield 1;
  for (const stream of [...proc.senders]) {
    const named = copyOfName(stream.name);
    if (named && hasCopy(removed, named.copy)) endSender(stream);
  }
  yield 2;
  // R18: a walsender that still reads the old list could let a commit pass by it.
  for (const stream of [...proc.senders]) {
    const isReloaded = stream.list === proc.list;
    if (!isReloaded && chance(sim.world, 0.5)) yield 20;
    if (stream.list !== proc.list) endSender(stream);
  }
  yield* commitCommand(doer, {
    type: "retire_rules",
    epoch,
    primary,
    rule: rule.number,
  });
}

/** Ends every process, as the guard or the kernel would. */
export function killAll({ sim, node }: Doer): void {
  killServer(sim, node);
}
