import { between, chance, pick, schedule } from "../mod.ts";
import { noteOpen, noteRead } from "./checks.ts";
import { commitRow } from "./commit.ts";
import {
  count,
  isFrozen,
  type PgNode,
  type PgProcess,
  type PgSim,
  type Session,
} from "./node.ts";

const CLIENT_TIMEOUT_MS = 3000;

type Life = Generator<number, void, void>;

/** Starts sessions that write and read wherever they are let in. */
export function startClients(sim: PgSim, clients: number): void {
  for (let client = 1; client <= clients; client++) {
    // Some sit on standbys: they are there when one of these is promoted (R22).
    const isSitter = client % 3 === 0;
    live(sim, clientLife(sim, client, isSitter));
  }
}

function live(sim: PgSim, life: Life): void {
  const { done, value } = life.next();
  if (!done) schedule(sim.world, Math.max(0.01, value), () => live(sim, life));
}

function* clientLife(sim: PgSim, client: number, isSitter: boolean): Life {
  const { world } = sim;
  for (;;) {
    yield between(world, 5, 60);
    const node = chooseNode(sim, isSitter);
    const proc = node?.proc;
    if (!node || !proc || !canConnect(sim, node, proc)) continue;
    const session: Session = { client, ended: false };
    proc.sessions.add(session);
    const operations = Math.ceil(between(world, 1, isSitter ? 200 : 30));
    for (let i = 0; i < operations && !session.ended; i++) {
      yield* operate(sim, node, proc, session);
    }
    if (node.proc === proc) proc.sessions.delete(session);
    session.ended = true;
  }
}

function chooseNode(sim: PgSim, isSitter: boolean): PgNode | undefined {
  const data = [...sim.nodes.values()].filter(({ isWitness }) => !isWitness);
  if (isSitter || chance(sim.world, 0.1)) return pick(sim.world, data);
  return data.find(({ proc }) => proc?.hbaOpen && proc.mode === "primary");
}

function canConnect(sim: PgSim, node: PgNode, proc: PgProcess): boolean {
  return proc.hasPostmaster && proc.hbaOpen && proc.mode !== "starting" &&
    !isFrozen(sim, node) &&
    sim.world.nowMs >= proc.postmasterFrozenUntilMs &&
    proc.sessions.size < 50;
}

function* operate(
  sim: PgSim,
  node: PgNode,
  proc: PgProcess,
  session: Session,
): Life {
  const { world } = sim;
  yield between(world, 5, 80);
  if (session.ended || node.proc !== proc || isFrozen(sim, node)) return;
  if (proc.mode !== "primary") return;
  noteOpen(sim, node, proc);
  noteRead(sim, node, proc);
  if (chance(world, 0.3)) return;
  const waiter = commitRow(sim, node, session);
  if (!waiter) return;
  count(sim, "writes");
  const endMs = world.nowMs + CLIENT_TIMEOUT_MS;
  while (
    waiter.outcome === "waits" && world.nowMs < endMs && !session.ended
  ) yield 3;
  // T3: a client that leaves leaves a backend behind that still waits.
  if (waiter.outcome === "waits") count(sim, "writes unknown");
  if (waiter.outcome === "warned") count(sim, "writes warned");
}
