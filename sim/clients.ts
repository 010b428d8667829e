import { addProposal, addRead } from "../raft/driver/mod.ts";
import { Violation } from "./checks.ts";
import type { Cluster, SimNode } from "./node.ts";
import type { SimOperation } from "./machine.ts";
import { between, chance, pick, schedule, tell, type World } from "./world.ts";

/** What a client asked for. */
export type ClientInput =
  | { readonly kind: "put"; readonly value: number }
  | { readonly kind: "cas"; readonly expected: number; readonly value: number }
  | { readonly kind: "get" };

/** One call of a client on a register, for the checker. */
export interface ClientCall {
  readonly key: string;
  readonly input: ClientInput;
  readonly invokedAtMs: number;
  /** Infinity while the outcome is unknown. */
  returnedAtMs: number;
  /** What a get found, or whether a compare-and-set took place (1 or 0). */
  output: number | null;
  /** It certainly did not happen. */
  refused: boolean;
}

/** What the clients did and were told. */
export interface Clients {
  readonly calls: ClientCall[];
  /** Marks that were acknowledged. */
  readonly acknowledged: Set<number>;
  /** Marks that were certainly not applied. */
  readonly refused: Set<number>;
  nextValue: number;
  running: boolean;
}

/** How long a client waits for an answer. */
const CALL_TIMEOUT_MS = 3000;
/** How often a client calls many times at once, and how many times. */
const BURST_RATIO = 0.01;
const BURST_CALLS = 20;
const KEYS = ["a", "b", "c"];
/** Calls after which a history is long enough for the checker. */
const MAX_CALLS = 4000;

/** Starts clients that call one after the other until they are stopped. */
export function startClients(cluster: Cluster, count: number): Clients {
  const clients: Clients = {
    calls: [],
    acknowledged: new Set(),
    refused: new Set(),
    nextValue: 1,
    running: true,
  };
  for (let i = 0; i < count; i++) think(cluster, clients);
  return clients;
}

function think(cluster: Cluster, clients: Clients): void {
  const { world } = cluster;
  const pauseMs = chance(world, 0.1)
    ? between(world, 20, 400)
    : between(world, 0, 10);
  schedule(world, pauseMs, () => {
    if (!clients.running) return;
    const node = pick(world, [...cluster.nodes.values()]);
    const quiet = cluster.quietUntilMs > world.nowMs;
    if (quiet || !node?.driver || node.frozenUntilMs > world.nowMs) {
      think(cluster, clients);
      return;
    }
    act(cluster, clients, node, once(() => think(cluster, clients)));
    if (!chance(world, BURST_RATIO)) return;
    // So that a log that is cut off grows longer than the others'.
    for (let i = 0; i < BURST_CALLS; i++) mark(clients, node, () => {});
  });
}

function once(run: () => void): () => void {
  let ran = false;
  return () => {
    if (ran) return;
    ran = true;
    run();
  };
}

function act(
  cluster: Cluster,
  clients: Clients,
  node: SimNode,
  next: () => void,
): void {
  const { world } = cluster;
  // A node that dies does not answer.
  schedule(world, CALL_TIMEOUT_MS * 1.5, next);
  const full = clients.calls.length >= MAX_CALLS;
  if (full || chance(world, 0.3)) mark(clients, node, next);
  else if (chance(world, 0.4)) get(cluster, clients, node, next);
  else put(cluster, clients, node, next);
}

function mark(
  clients: Clients,
  node: SimNode,
  next: () => void,
): void {
  const value = clients.nextValue++;
  const operation: SimOperation = { kind: "mark", mark: value };
  propose(node, operation, (outcome) => {
    if (outcome === "refused") clients.refused.add(value);
    else if (outcome !== "unknown") clients.acknowledged.add(value);
    next();
  });
}

function put(
  cluster: Cluster,
  clients: Clients,
  node: SimNode,
  next: () => void,
): void {
  const { world } = cluster;
  const value = clients.nextValue++;
  const key = pick(world, KEYS) ?? "a";
  const expected = node.machine.get(key);
  const input: ClientInput = chance(world, 0.3)
    ? { kind: "cas", expected, value }
    : { kind: "put", value };
  const call = invoke(world, clients, key, input);
  propose(node, { key, ...input }, (outcome) => {
    if (outcome === "refused") call.refused = true;
    else if (outcome !== "unknown") finish(world, call, outcome);
    next();
  });
}

function get(
  cluster: Cluster,
  clients: Clients,
  node: SimNode,
  next: () => void,
): void {
  const { world } = cluster;
  const { driver, machine } = node;
  if (!driver) return;
  const key = pick(world, KEYS) ?? "a";
  const call = invoke(world, clients, key, { kind: "get" });
  const nowMs = driver.ports.nowMs();
  const committed = cluster.checks.committed.length;
  addRead(driver.reads, nowMs, nowMs + CALL_TIMEOUT_MS, (error) => {
    if (error) call.refused = true;
    else {
      checkRead(node, driver.applier.applied, committed);
      finish(world, call, machine.get(key));
    }
    next();
  });
  driver.ports.wake();
}

/** How often and how long reads are asked of all nodes. */
const WATCH_INTERVAL_MS = 40;
const WATCH_MS = 2000;

/** Asks every node for reads for a while, without a client that waits: whoever answers is checked. */
export function watchReads(cluster: Cluster, leftMs: number = WATCH_MS): void {
  if (leftMs <= 0) return;
  const { world, nodes } = cluster;
  for (const node of nodes.values()) watchRead(cluster, node);
  schedule(world, between(world, 1, 2 * WATCH_INTERVAL_MS), () => {
    watchReads(cluster, leftMs - WATCH_INTERVAL_MS);
  });
}

function watchRead(cluster: Cluster, node: SimNode): void {
  const { driver } = node;
  if (!driver || node.frozenUntilMs > cluster.world.nowMs) return;
  const committed = cluster.checks.committed.length;
  const nowMs = driver.ports.nowMs();
  addRead(driver.reads, nowMs, nowMs + CALL_TIMEOUT_MS, (error) => {
    if (!error) checkRead(node, driver.applier.applied, committed);
  });
  driver.ports.wake();
}

/** A read shows at least what was committed when it began, whether its key shows it or not. */
function checkRead(node: SimNode, applied: number, committed: number): void {
  if (applied >= committed) return;
  throw new Violation(
    `Node ${node.id} reads at ${applied} what was asked when ${committed} was committed`,
  );
}

function invoke(
  world: World,
  clients: Clients,
  key: string,
  input: ClientInput,
): ClientCall {
  const call: ClientCall = {
    key,
    input,
    invokedAtMs: world.nowMs,
    returnedAtMs: Infinity,
    output: null,
    refused: false,
  };
  clients.calls.push(call);
  return call;
}

function finish(world: World, call: ClientCall, output: number): void {
  call.returnedAtMs = world.nowMs;
  call.output = output;
  tell(world, () => `client ${JSON.stringify(call)}`);
}

type Outcome = number | "refused" | "unknown";

function propose(
  node: SimNode,
  operation: SimOperation,
  done: (outcome: Outcome) => void,
): void {
  const { driver } = node;
  if (!driver) return;
  const data = new TextEncoder().encode(JSON.stringify(operation));
  addProposal(
    driver.proposals,
    driver.ports,
    { kind: "custom", data },
    CALL_TIMEOUT_MS,
    (outcome) => {
      if (outcome.kind === "applied") return done(outcome.result[0] ?? 0);
      const { code } = outcome.error;
      const certain = code === "busy" || code === "no_quorum" ||
        code === "too_large";
      done(certain ? "refused" : "unknown");
    },
  );
  driver.ports.wake();
}
