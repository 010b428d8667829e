import type { MemberId } from "../../pg/cluster/mod.ts";
import {
  decide,
  isFenced,
  isWaiting,
  KEEPS_VIEW,
  type LocalView,
  lossOf,
  type Observation,
  plan,
  type Report,
  reportOf,
  type Step,
  wantsCheckpoint,
} from "../../pg/policy/mod.ts";
import { between, schedule, tell } from "../mod.ts";
import { writeProbe } from "./commit.ts";
import { ELECTION_TIMEOUT_MS, propose, readIndex } from "./consensus.ts";
import { passesBoth, sendOver } from "./net.ts";
import {
  type Agent,
  clockOf,
  count,
  type Heard,
  isFrozen,
  type PgNode,
  type PgSim,
  stateOf,
} from "./node.ts";
import { look, noteProbe, type Seen, seenAgain, viewOf } from "./observe.ts";
import { perform } from "./perform.ts";
import { noteFailure, runWork, struck } from "./running.ts";
import { killServer } from "./server.ts";
import {
  commitCommand,
  type Doer,
  save,
  StepFailed,
  type Work,
} from "./work.ts";

const REPORT_MS = 100;
const PROBE_MS = 500;
const POLICY_MS = 20;
const TICK_MS = 15;
/** How long PostgreSQL may run without an agent (R7, R8). */
export const AGENT_GRACE_MS = 3000;

/** Starts an agent's process with what is durable. */
export function startAgent(sim: PgSim, node: PgNode): void {
  if (node.agent || node.id === sim.gone) return;
  node.lives += 1;
  const { world } = sim;
  const floor = Math.floor(node.durableApplied * between(world, 0.5, 1));
  const agent: Agent = {
    life: node.lives,
    bootedAtMs: world.nowMs,
    isLooking: false,
    isActing: false,
    confirmed: false,
    // Its files tell a successor that a primary was closed, and that it needs a barrier.
    rendered: {
      hba: node.toldClosed ? "closing" : null,
      rule: null,
      upstream: null,
    },
    job: null,
    barrier: 0,
    checkpointed: 0,
    checkpointingFor: 0,
    checkpointEpoch: 0,
    mayHaveBeenEmpty: true,
    rewindFailed: 0,
    failures: 0,
    failure: "",
    failedKind: "",
    leaderAtMs: world.nowMs,
    acknowledgedAtMs: world.nowMs,
    probeLsn: 0,
    phaseKey: "",
    phaseSinceMs: clockOf(sim, node),
    state: "",
    stateSinceMs: clockOf(sim, node),
    lostSinceMs: null,
    absentSinceMs: new Map(),
    sequence: 0,
    heard: new Map(),
    applied: floor,
    commit: floor,
    leads: 0,
    ownIndex: Infinity,
    leaderHint: 0,
    term: 0,
    proposing: false,
    lagUntilMs: 0,
    findings: "",
  };
  node.agent = agent;
  tell(world, () => `${node.id} agent starts at ${floor}`);
  const doer: Doer = { sim, node, agent };
  runWork(doer, policyLoop(doer));
  runWork(doer, reportLoop(doer));
  if (node.isWitness) return;
  runWork(doer, stepLoop(doer));
  runWork(doer, probeLoop(doer));
  runWork(doer, checkpointLoop(doer));
}

/** Ends an agent's process; PostgreSQL stays, and its guard waits (R8). */
export function crashAgent(sim: PgSim, node: PgNode): void {
  if (!node.agent) return;
  node.agent = null;
  const { life } = { life: node.lives };
  count(sim, "agent crashes");
  tell(sim.world, () => `${node.id} agent is gone`);
  schedule(sim.world, AGENT_GRACE_MS, () => {
    if (!node.agent && node.lives === life && !isFrozen(sim, node)) {
      killServer(sim, node);
    }
  });
}

/** What was seen last, and whether it holds after the step that was done since. */
interface Kept extends Seen {
  readonly isGood: boolean;
}

/** A pledge needs no look of now. */
function* nextView(doer: Doer, kept: Kept | null): Work<LocalView> {
  const { sim, node, agent } = doer;
  if (kept === null || agent.job !== null) return yield* lookAndTell(doer);
  const again = viewOf(sim, node, agent, seenAgain(agent, kept));
  const holds = kept.isGood ||
    plan(stateOf(sim, agent), again).kind === "pledge";
  return holds ? again : yield* lookAndTell(doer);
}

function* stepLoop(doer: Doer): Work {
  const { sim, node, agent } = doer;
  yield* confirmState(doer);
  let kept: Kept | null = null;
  for (;;) {
    const state = stateOf(sim, agent);
    if (!state.members.has(node.id)) {
      yield* registerSelf(doer);
      yield 50;
      continue;
    }
    const view: LocalView = yield* nextView(doer, kept);
    kept = { server: view.server, data: view.data, isGood: false };
    if (view.saved.rewound > 0 && view.server.kind === "standby") {
      yield* save(doer, { rewound: 0 });
    }
    const step = plan(stateOf(sim, agent), view);
    if (isWaiting(step)) {
      yield TICK_MS;
      continue;
    }
    tell(sim.world, () => `${node.id} ${describe(step)}`);
    agent.isActing = true;
    try {
      yield* struck(doer, step.kind, perform(doer, step));
      if (agent.failedKind === step.kind) agent.failures = 0;
      kept = { ...kept, isGood: KEEPS_VIEW.includes(step.kind) };
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      noteFailure(sim, node, agent, step.kind, error);
      yield 50;
    } finally {
      agent.isActing = false;
    }
  }
}

function describe(step: Step): string {
  return JSON.stringify(step).slice(0, 160);
}

/** R15: nothing is done before what was committed when this process began is applied here. */
function* confirmState(doer: Doer): Work {
  const { sim, node, agent } = doer;
  let index = Infinity;
  while (agent.applied < index || index === Infinity) {
    if (index === Infinity) {
      readIndex(sim, node, (at) => {
        index = Math.min(index, at);
      });
    }
    yield* watchAlone(doer);
    yield 30;
  }
  agent.confirmed = true;
}

/** Without a quorum a primary that was left running is closed all the same (R28, R30). */
function* watchAlone(doer: Doer): Work {
  const { sim, node, agent } = doer;
  const view = viewOf(sim, node, agent);
  const mayBeOpen = view.server.kind === "primary" &&
    view.rendered.hba !== "closed";
  if (!mayBeOpen || !isFenced(stateOf(sim, agent), view)) return;
  try {
    yield* perform(doer, { kind: "close" });
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
  }
}

function* registerSelf(doer: Doer): Work {
  const { node, sim } = doer;
  if (!sim.consensus.members.has(node.id)) return;
  try {
    yield* commitCommand(doer, {
      type: "register",
      id: node.id,
      host: `node${node.id}`,
      port: 5432,
      version: "15.10",
      mode: "quorum",
    });
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
  }
}

function* probeLoop({ sim, node, agent }: Doer): Work {
  for (;;) {
    yield PROBE_MS / 2;
    noteProbe(sim, node, agent);
    yield PROBE_MS / 2;
    noteProbe(sim, node, agent);
    const { proc } = node;
    const isHung = sim.world.nowMs < node.diskHungUntilMs ||
      sim.world.nowMs < node.diskFullUntilMs;
    if (proc?.mode === "primary" && proc.hasPostmaster && !isHung) {
      writeProbe(sim, node, proc);
    }
  }
}

/** T17: beside all steps, as it may take long; what it is for hears of it by a report. */
function* checkpointLoop({ sim, node, agent }: Doer): Work {
  for (;;) {
    yield TICK_MS;
    const { proc } = node;
    const { epoch } = node.saved;
    const isAwaited = [...agent.heard].some(([id, { report }]) =>
      id !== node.id && report?.awaitsCheckpoint
    );
    const view = viewOf(sim, node, agent);
    if (!proc || !wantsCheckpoint(stateOf(sim, agent), view, isAwaited)) {
      continue;
    }
    yield Math.max(0, proc.checkpointerStalledUntilMs - sim.world.nowMs);
    yield between(sim.world, 5, 300);
    if (node.proc !== proc || proc.mode !== "primary") continue;
    writeProbe(sim, node, proc, "checkpoint");
    agent.checkpointEpoch = epoch;
  }
}

/** While a step takes long the others hear of it; a witness only lives. */
function* reportLoop(doer: Doer): Work {
  const { sim, node, agent } = doer;
  for (;;) {
    if (node.isWitness || !agent.confirmed) send(sim, node, agent, null);
    else if (agent.isActing) yield* lookAndTell(doer);
    yield REPORT_MS;
  }
}

function* lookAndTell(doer: Doer): Work<LocalView> {
  const { sim, node, agent } = doer;
  const seen = yield* look(doer);
  const state = stateOf(sim, agent);
  notePhase(sim, node, agent);
  const view = viewOf(sim, node, agent, seen);
  const loss = lossOf(state, view);
  agent.lostSinceMs = loss ? agent.lostSinceMs ?? clockOf(sim, node) : null;
  agent.sequence += 1;
  send(sim, node, agent, {
    ...reportOf(state, view),
    boot: String(agent.life),
    sequence: agent.sequence,
  });
  return view;
}

function send(
  sim: PgSim,
  node: PgNode,
  agent: Agent,
  report: Report | null,
): void {
  const boot = agent.life;
  const sequence = agent.sequence;
  for (const other of sim.nodes.values()) {
    sendOver(sim.net, node.id, other.id, () => {
      const { agent: hearer } = other;
      if (!hearer || isFrozen(sim, other)) return;
      hear(sim, hearer, node.id, { report, boot, sequence });
    });
  }
}

/** The newest report of the newest life counts, in whatever order they come (R10). */
function hear(
  { world }: PgSim,
  hearer: Agent,
  from: MemberId,
  { report, boot, sequence }: Pick<Heard, "report" | "boot" | "sequence">,
): void {
  const { nowMs } = world;
  const known = hearer.heard.get(from);
  const isNewer = !known || boot > known.boot ||
    (boot === known.boot && sequence > known.sequence);
  if (known && boot >= known.boot) known.heardAtMs = nowMs;
  if (!isNewer) return;
  const atMs = { reportAtMs: nowMs, heardAtMs: nowMs };
  hearer.heard.set(from, { report, boot, sequence, ...atMs });
}

function notePhase(sim: PgSim, node: PgNode, agent: Agent): void {
  const { phase } = stateOf(sim, agent);
  const key = "epoch" in phase ? `${phase.kind} ${phase.epoch}` : phase.kind;
  if (agent.phaseKey === key) return;
  agent.phaseKey = key;
  agent.phaseSinceMs = clockOf(sim, node);
}

/** Whoever believes to lead, and has applied an entry of its term, decides (R10). */
function* policyLoop({ sim, node, agent }: Doer): Work {
  for (;;) {
    yield POLICY_MS;
    notePhase(sim, node, agent);
    if (agent.leads === 0 || agent.applied < agent.ownIndex) continue;
    if (agent.proposing) continue;
    const state = stateOf(sim, agent);
    const { command, findings } = decide(state, {
      observations: observe(sim, node, agent),
      settings: {
        electionTimeoutMs: ELECTION_TIMEOUT_MS,
        agentGraceMs: AGENT_GRACE_MS,
        maximumLagBytes: 1 << 20,
      },
      phaseMs: clockOf(sim, node) - agent.phaseSinceMs,
      raftMembers: [...sim.consensus.members],
      wallMs: Math.round(sim.world.nowMs),
    });
    agent.findings = findings.map(({ text }) => text).join("; ");
    if (!command) continue;
    agent.proposing = true;
    const applied = agent.applied;
    propose(sim, node, command, (index) => {
      agent.proposing = false;
      if (index === null) return;
      tell(sim.world, () => `${node.id} decided at ${applied}`);
    });
  }
}

function observe(
  sim: PgSim,
  node: PgNode,
  agent: Agent,
): Map<MemberId, Observation> {
  const { nowMs } = sim.world;
  const found = new Map<MemberId, Observation>();
  for (const other of sim.nodes.values()) {
    const known = agent.heard.get(other.id);
    const heardAtMs = known?.heardAtMs ?? agent.bootedAtMs;
    const silentMs = (nowMs - heardAtMs) * node.clockRate;
    // A stream that broke and whose reconnect is refused: the process is gone.
    const isGone = other.agent === null && !isFrozen(sim, other) &&
      passesBoth(sim.net, node.id, other.id) && silentMs > 10;
    const kind = silentMs < ELECTION_TIMEOUT_MS ? "alive" : "silent";
    found.set(other.id, {
      agent: isGone ? "gone" : kind,
      silentMs,
      report: known?.report ?? null,
      absentMs: silentMs,
      reportMs: known ? (nowMs - known.reportAtMs) * node.clockRate : silentMs,
    });
  }
  return found;
}
