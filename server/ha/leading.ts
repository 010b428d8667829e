import { type Clock, messageOf } from "../../base/mod.ts";
import type { ClusterCommand, ClusterState } from "../../pg/cluster/mod.ts";
import {
  decide,
  type Decision,
  type PolicyInput,
  type PolicySettings,
} from "../../pg/policy/mod.ts";
import type { RaftServer, Term } from "../../raft/mod.ts";
import { logger } from "../logging/mod.ts";
import { CALM_LOOK_MS, lookAgainMs } from "./pace.ts";
import type { Proposer } from "./proposing.ts";
import type { Watch } from "./watch.ts";

/** How long a new leader's first entry is waited for before it is asked again. */
const CONFIRM_TIMEOUT_MS = 1000;
/** How long a decision may take to be committed. */
const PROPOSE_TIMEOUT_MS = 2000;

const LOG = logger("ha");

/** What the policy of a node needs. */
export interface LeadingOptions {
  readonly raft: RaftServer;
  readonly watch: Watch;
  readonly clock: Clock;
  readonly settings: PolicySettings;
  readonly proposer: Proposer;
  state(): ClusterState;
}

/** The policy, which acts while this node leads. */
export interface Leading {
  /** Something is new: it looks at once. */
  poke(): void;
  /** What it would decide now, on what this node knows. */
  consider(): { readonly input: PolicyInput; readonly decision: Decision };
  stop(): Promise<void>;
}

interface Memory {
  readonly options: LeadingOptions;
  stopped: boolean;
  poked: boolean;
  wake: (() => void) | null;
  /** The term in which an entry of its own is applied (R10). */
  confirmedTerm: Term;
  phase: string;
  phaseSinceMs: number;
  told: string;
}

/** Starts the policy of a node. */
export function startLeading(options: LeadingOptions): Leading {
  const memory: Memory = {
    options,
    stopped: false,
    poked: false,
    wake: null,
    confirmedTerm: 0,
    phase: "",
    phaseSinceMs: options.clock.nowMs(),
    told: "",
  };
  const running = run(memory);
  const poke = (): void => {
    memory.poked = true;
    memory.wake?.();
  };
  return {
    poke,
    consider: () => consider(memory),
    async stop(): Promise<void> {
      memory.stopped = true;
      poke();
      await running;
    },
  };
}

async function run(memory: Memory): Promise<void> {
  while (!memory.stopped) {
    try {
      if (await mayDecide(memory)) await decideOnce(memory);
    } catch (error) {
      LOG.info("A decision was not committed", { reason: messageOf(error) });
    }
    await nap(memory);
  }
}

async function nap(memory: Memory): Promise<void> {
  if (!memory.poked && !memory.stopped) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = memory.options.clock.after(napMs(memory), resolve);
    memory.wake = resolve;
    await promise;
    memory.wake = null;
    timer.cancel();
  }
  memory.poked = false;
}

/** Another than the leader is woken when it comes to lead. */
function napMs({ options, phaseSinceMs }: Memory): number {
  const { raft, watch, clock } = options;
  if (raft.leadership().role !== "leader") return CALM_LOOK_MS;
  const phaseMs = clock.nowMs() - phaseSinceMs;
  return lookAgainMs(options.state(), watch.observations(), phaseMs);
}

/** Only a leader whose state holds everything that was committed before its reign decides (R10). */
async function mayDecide(memory: Memory): Promise<boolean> {
  const { raft } = memory.options;
  const { role, term } = raft.leadership();
  if (role !== "leader") return false;
  if (memory.confirmedTerm === term) return true;
  await raft.read(() => {}, { timeoutMs: CONFIRM_TIMEOUT_MS });
  const now = raft.leadership();
  if (now.role !== "leader" || now.term !== term) return false;
  memory.confirmedTerm = term;
  return true;
}

async function decideOnce(memory: Memory): Promise<void> {
  const { proposer } = memory.options;
  const { decision: { command, findings } } = consider(memory);
  tell(memory, findings.map(({ text }) => text).join("; "), command);
  if (!command) return;
  const result = await proposer.propose(command, {
    timeoutMs: PROPOSE_TIMEOUT_MS,
    forward: false,
  });
  if (result.kind === "refused") {
    LOG.info(`The state has passed a decision: ${result.why}`);
  }
  memory.poked = true;
}

function tell(
  memory: Memory,
  why: string,
  command: ClusterCommand | null,
): void {
  if (!command) return;
  const text = `Deciding: ${command.type}; ${why}`;
  if (text === memory.told) return;
  memory.told = text;
  const isGrave = command.type === "attempt" || command.type === "grant";
  if (isGrave) LOG.warning(text);
  else LOG.info(text);
}

function consider(
  memory: Memory,
): { readonly input: PolicyInput; readonly decision: Decision } {
  const { raft, watch, clock, settings } = memory.options;
  const state = memory.options.state();
  const { phase } = state;
  // A switchover that is prepared is a phase of its own here: it has its own deadline.
  const handover = phase.kind === "open" ? phase.handover?.number ?? 0 : 0;
  const epoch = "epoch" in phase ? phase.epoch : 0;
  const name = `${phase.kind} ${epoch} ${handover}`;
  const nowMs = clock.nowMs();
  if (name !== memory.phase) {
    memory.phase = name;
    memory.phaseSinceMs = nowMs;
  }
  const input: PolicyInput = {
    observations: watch.observations(),
    settings,
    phaseMs: nowMs - memory.phaseSinceMs,
    raftMembers: raft.status().members.map(({ id }) => id),
    wallMs: Date.now(),
  };
  return { input, decision: decide(state, input) };
}
