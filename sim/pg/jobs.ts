import type { Step } from "../../pg/policy/mod.ts";
import { between, chance, tell } from "../mod.ts";
import { checkDiscard } from "./checks_local.ts";
import { passesBoth } from "./net.ts";
import { count, type PgNode, type PgProcess } from "./node.ts";
import { runJob } from "./running.ts";
import { performStop } from "./stop.ts";
import { copyWal, createWal, endOf, timelineOf, writeRecord } from "./wal.ts";
import { type Doer, save, StepFailed, type Work } from "./work.ts";

type JobStep = Extract<Step, { kind: "initialize" | "clone" | "rewind" }>;

/** Begins a long task; the agent goes on to listen beside it. */
export function* performJob(doer: Doer, step: JobStep): Work {
  const { agent } = doer;
  const epoch = step.kind === "initialize" ? 0 : step.epoch;
  agent.job = { kind: step.kind, epoch };
  runJob(doer, step.kind, jobOf(doer, step));
  yield 1;
}

function jobOf(doer: Doer, step: JobStep): Work {
  switch (step.kind) {
    case "initialize":
      return initialize(doer, step.attempt);
    case "clone":
      return clone(doer, step.source);
    case "rewind":
      return rewind(doer, step.source);
  }
}

function* initialize(doer: Doer, attempt: number): Work {
  const { node, sim } = doer;
  yield between(sim.world, 50, 400);
  const { disk } = node;
  disk.wal = createWal();
  disk.systemId = `system-${sim.nextIncarnation}`;
  writeRecord(disk.wal, { kind: "init", epoch: 0, bytes: 100 });
  disk.knownTimeline = 1;
  yield* save(doer, {
    incarnation: sim.nextIncarnation++,
    epoch: 0,
    founding: attempt,
  });
  disk.kind = "present";
}

/** The primary that a copy is taken from, or brought back to: it must be that of the epoch. */
function sourceOf(
  { sim, node, agent }: Doer,
  id: number,
): { readonly source: PgNode; readonly server: PgProcess } {
  const source = sim.nodes.get(id);
  const server = source?.proc;
  if (!source || !server?.hasPostmaster || server.mode !== "primary") {
    throw new StepFailed(`Node ${id} is no primary`);
  }
  if (server.epoch !== agent.job?.epoch) {
    throw new StepFailed(`Node ${id} is not the primary of that epoch`);
  }
  if (!passesBoth(sim.net, node.id, id)) {
    throw new StepFailed(`Node ${id} is not reached`);
  }
  return { source, server };
}

function* clone(doer: Doer, from: number): Work {
  const { node, sim, agent } = doer;
  const { disk } = node;
  sourceOf(doer, from);
  yield* performStop(doer, "immediate");
  if (node.proc) throw new StepFailed("PostgreSQL does not end");
  const { source, server } = sourceOf(doer, from);
  yield 1;
  disk.marker = "clone";
  yield between(sim.world, 50, 700);
  if (source.proc !== server) throw new StepFailed("The source has stopped");
  checkDiscard(sim, node, "clones over");
  yield between(sim.world, 1, 50);
  sourceOf(doer, from);
  if (source.proc !== server) throw new StepFailed("The source has stopped");
  disk.kind = "present";
  disk.systemId = source.disk.systemId;
  disk.wal = copyWal(source.disk.wal);
  disk.knownTimeline = timelineOf(disk.wal);
  disk.shutdownLsn = null;
  disk.consistentLsn = 0;
  const incarnation = sim.nextIncarnation++;
  yield* save(doer, {
    incarnation,
    epoch: agent.job?.epoch ?? 0,
    upstream: null,
    rewound: 0,
    founding: 0,
  });
  yield 1;
  disk.marker = null;
  agent.rendered = { hba: null, rule: null, upstream: null };
  count(sim, "clones");
  tell(sim.world, () => `${node.id} is a clone of ${from}: ${incarnation}`);
}

/** R29: stopped, a marker while it is neither old nor new. */
function* rewind(doer: Doer, from: number): Work {
  const { node, sim, agent } = doer;
  const { disk } = node;
  yield* performStop(doer, "fast");
  if (node.proc) throw new StepFailed("PostgreSQL does not end");
  const epoch = agent.job?.epoch ?? 0;
  const { source, server } = sourceOf(doer, from);
  yield 2;
  disk.shutdownLsn = null;
  disk.marker = "rewind";
  if (chance(sim.world, sim.rewindFailure)) {
    yield 50;
    agent.rewindFailed = epoch;
    throw new StepFailed("pg_rewind gave up");
  }
  yield between(sim.world, 20, 300);
  if (source.proc !== server) throw new StepFailed("The source has stopped");
  checkDiscard(sim, node, "rewinds over");
  disk.wal = copyWal(source.disk.wal);
  yield between(sim.world, 0, 50);
  if (source.proc !== server) throw new StepFailed("The source has stopped");
  disk.consistentLsn = endOf(source.disk.wal);
  disk.knownTimeline = timelineOf(disk.wal);
  yield* save(doer, { epoch, upstream: null, rewound: epoch });
  yield 2;
  disk.marker = null;
  agent.rendered = { hba: null, rule: null, upstream: null };
  count(sim, "rewinds");
  tell(sim.world, () => `${node.id} is rewound to ${from}`);
}
