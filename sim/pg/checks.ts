import {
  type ClusterCommand,
  type ClusterState,
  type CommandResult,
  type Copy,
  grantOf,
  isCounting,
  isSameCopy,
  mixedRules,
  type Rule,
} from "../../pg/cluster/mod.ts";
import { tell, Violation } from "../mod.ts";
import {
  type Checks,
  count,
  type PgNode,
  type PgProcess,
  type PgSim,
  truth,
} from "./node.ts";
import { endOf, holds, type WalRecord } from "./wal.ts";

/** Makes the checks of a run. */
export function createChecks(): Checks {
  return {
    acknowledged: new Map(),
    seen: new Map(),
    warned: new Set(),
    openEpoch: 0,
    openLsn: 0,
    openNode: null,
    voidBelow: 0,
  };
}

/** A client was told of success. */
export function noteAcknowledged(
  sim: PgSim,
  node: PgNode,
  proc: PgProcess,
  record: WalRecord,
  by: number,
): void {
  const { checks } = sim;
  const { epoch } = proc;
  count(sim, "acknowledged");
  if (epoch <= 0) {
    throw new Violation(
      `Node ${node.id} acknowledges row ${record.row} without a grant`,
    );
  }
  if (epoch < checks.voidBelow) return;
  checkReplicated(sim, node, record, epoch, by);
  checks.acknowledged.set(record.row, { record, epoch });
  if (epoch >= checks.openEpoch) return;
  // An answer under way when its standby was sealed: harmless where the later primary has the row.
  if (checks.openNode && holds(checks.openNode.disk.wal, record)) {
    count(sim, "acknowledged late");
    return;
  }
  throw new Violation(
    `Node ${node.id} acknowledges row ${record.row} in epoch ${epoch}, ` +
      `though epoch ${checks.openEpoch} is open and lacks it`,
  );
}

/** No commit passes with fewer standbys than every rule of its epoch asks for. */
function checkReplicated(
  sim: PgSim,
  node: PgNode,
  record: WalRecord,
  epoch: number,
  by: number,
): void {
  const rules = truth(sim).rules.filter((rule) => rule.epoch === epoch);
  if (rules.length === 0) return;
  const isMet = [...rules, ...mixedRules(rules)].some((
    { standbys, required },
  ) => required <= by && countHolding(sim, standbys, record) >= required);
  if (isMet) return;
  throw new Violation(
    `Node ${node.id} acknowledges row ${record.row} of epoch ${epoch} ` +
      `with ${by} standbys, which no rule in force allows`,
  );
}

/** For how long an answer may have been on its way. */
const UNDER_WAY_MS = 1000;

/** How many copies hold a record, or held it when an answer left whose directory was lost since. */
function countHolding(
  { nodes, world }: PgSim,
  copies: readonly Copy[],
  record: WalRecord,
): number {
  return copies.filter(({ id }) => {
    const disk = nodes.get(id)?.disk;
    if (!disk) return false;
    const { wiped } = disk;
    const isLate = wiped !== null && world.nowMs - wiped.atMs < UNDER_WAY_MS;
    return holds(disk.wal, record) || isLate && holds(wiped.wal, record);
  }).length;
}

/** A client got into a primary: everything that was ever promised must be there. */
export function noteOpen(sim: PgSim, node: PgNode, proc: PgProcess): void {
  const { checks } = sim;
  const { epoch } = proc;
  if (epoch <= 0 || epoch < checks.openEpoch) return;
  if (epoch > checks.openEpoch) {
    tell(sim.world, () => `${node.id} is open in epoch ${epoch}`);
    count(sim, "openings");
    checks.openEpoch = epoch;
    checks.openLsn = endOf(node.disk.wal);
    checks.openNode = node;
    checkHolds(sim, node, `opens in epoch ${epoch}`);
  }
}

function checkHolds(sim: PgSim, node: PgNode, what: string): void {
  const { checks } = sim;
  const { wal } = node.disk;
  for (const [row, { record, epoch }] of checks.acknowledged) {
    if (holds(wal, record)) continue;
    throw new Violation(
      `Node ${node.id} ${what} without row ${row}, acknowledged in epoch ${epoch}`,
    );
  }
  for (const [row, { record, epoch }] of checks.seen) {
    if (holds(wal, record)) continue;
    if (checks.warned.has(row)) {
      count(sim, "warned rows lost");
      checks.seen.delete(row);
      continue;
    }
    throw new Violation(
      `Node ${node.id} ${what} without row ${row}, read in epoch ${epoch}`,
    );
  }
}

/** Somebody reads all that a primary shows. */
export function noteRead(sim: PgSim, node: PgNode, proc: PgProcess): void {
  const { checks } = sim;
  const { records } = node.disk.wal;
  if (proc.mode !== "primary" || proc.epoch <= 0) return;
  if (proc.epoch < checks.voidBelow) return;
  noteOpen(sim, node, proc);
  for (; proc.readCursor < records.length; proc.readCursor++) {
    const record = records[proc.readCursor];
    if (!record || record.row === 0) continue;
    // What waits is read when it is next looked at; all before it was looked at already.
    if (proc.hidden.has(record.row)) return;
    see(sim, node, proc, record);
  }
}

function see(
  sim: PgSim,
  node: PgNode,
  { epoch }: PgProcess,
  record: WalRecord,
): void {
  const { checks } = sim;
  const { row } = record;
  if (checks.seen.has(row)) return;
  checks.seen.set(row, { record, epoch });
  const { openNode, openEpoch } = checks;
  if (epoch >= openEpoch || !openNode || holds(openNode.disk.wal, record)) {
    return;
  }
  checks.seen.delete(row);
  if (checks.warned.has(row)) {
    count(sim, "rows read in the window of R28");
    return;
  }
  throw new Violation(
    `Node ${node.id} shows row ${row} of epoch ${epoch}, ` +
      `which the open primary of epoch ${openEpoch} lacks`,
  );
}

/** Looks at what an entry brought about. */
export function checkCommitted(
  sim: PgSim,
  before: ClusterState,
  after: ClusterState,
  command: ClusterCommand,
  result: CommandResult,
): void {
  if (result.kind === "refused") {
    count(sim, "commands refused");
    return;
  }
  if (command.type === "grant") {
    checkGrant(sim, before, after, command);
    count(sim, `granted ${command.coverage}`);
  }
  if (command.type === "attempt") count(sim, `attempt: ${command.reason}`);
  if (command.type === "propose_rule") {
    checkRequired(sim, command.required);
    count(sim, "rules proposed");
  }
  if (command.type === "catch_up") count(sim, "catch-ups");
}

type GrantCommand = Extract<ClusterCommand, { type: "grant" }>;

function checkGrant(
  sim: PgSim,
  before: ClusterState,
  after: ClusterState,
  { epoch, winner, coverage, sealed, required }: GrantCommand,
): void {
  const { nodes } = sim;
  const node = nodes.get(winner.id);
  if (!node) throw new Violation(`Epoch ${epoch} is granted to nobody`);
  if (grantOf(before, epoch)) {
    throw new Violation(`Epoch ${epoch} is granted twice`);
  }
  const grants = after.grants.filter((one) => one.epoch === epoch);
  if (grants.length !== 1) throw new Violation(`Epoch ${epoch} has two grants`);
  for (const { id, incarnation } of sealed) {
    checkSealed(sim, epoch, { id, incarnation });
  }
  checkRequired(sim, required);
  if (coverage !== "covered") {
    giveUp(sim, node, epoch);
    return;
  }
  for (const rule of [...before.rules, ...mixedRules(before.rules)]) {
    checkCovered(sim, rule, epoch, node);
  }
  checkHolds(sim, node, `is granted epoch ${epoch}`);
}

/** How many entries may lie between a decision and its own. */
const DECISION_LAG = 50;

/** k follows from the membership, and of two the survivor alone may go on without the other (R6). */
function checkRequired({ consensus }: PgSim, required: number): void {
  // Mode and members may have changed since it was decided; the next decision makes that good.
  const lately = consensus.states.slice(-DECISION_LAG);
  if (lately.some((state) => mayRequire(state, required))) return;
  throw new Violation(
    `A rule asks for ${required} standbys, which the membership does not`,
  );
}

function mayRequire(
  { members, mode }: ClusterState,
  required: number,
): boolean {
  const counting = [...members.values()].filter(isCounting).length;
  const wanted = mode === "off" ? 0 : Math.floor(counting / 2);
  const isAlone = required === 0 && mode === "quorum" && counting === 2;
  return required === wanted || isAlone;
}

/** Who is counted as sealed can acknowledge nothing more, seen from its own disk. */
function checkSealed({ nodes }: PgSim, epoch: number, copy: Copy): void {
  const node = nodes.get(copy.id);
  if (node?.saved.incarnation !== copy.incarnation) return;
  if (node.saved.pledge < epoch) {
    throw new Violation(
      `Node ${copy.id} counts as sealed for ${epoch}, pledged to ${node.saved.pledge}`,
    );
  }
  const upstream = node.saved.upstream;
  const isCatchingUp = upstream !== null && upstream.epoch >= epoch;
  if (node.proc?.receiver && !isCatchingUp) {
    throw new Violation(
      `Node ${copy.id} counts as sealed for ${epoch} and still streams`,
    );
  }
  if (node.proc?.mode === "primary" && node.proc.epoch > 0) {
    throw new Violation(
      `Node ${copy.id} counts as sealed for ${epoch} and is still primary`,
    );
  }
}

/** From the machines themselves: could the primary of a rule still gather what the rule asks for? */
function checkCovered(
  sim: PgSim,
  rule: Rule,
  epoch: number,
  winner: PgNode,
): void {
  const { primary, standbys, required, number } = rule;
  // Of what a grant gave up, nothing is promised (R30, R31).
  if (rule.epoch < sim.checks.voidBelow) return;
  const node = sim.nodes.get(primary.id);
  // Its directory was replaced since, or it has pledged away from that epoch and stopped reigning.
  if (!node || node.saved.incarnation !== primary.incarnation) return;
  const reigns = node.proc?.mode === "primary" &&
    node.proc.epoch === rule.epoch;
  if (node.saved.pledge > rule.epoch && !reigns) return;
  const able = standbys.filter((copy) => {
    const one = sim.nodes.get(copy.id);
    if (!one || one.saved.incarnation !== copy.incarnation) return false;
    if (one === winner) return false;
    const mayStream = one.proc?.receiver?.upstream === node ||
      one.proc?.conninfo?.upstream === node.id ||
      one.disk.conninfo?.upstream === node.id ||
      one.saved.upstream?.id === node.id;
    return mayStream || one.saved.pledge <= rule.epoch;
  });
  // Standbys whose directory was replaced since hold nothing of it, and acknowledge nothing.
  if (able.length < required) return;
  throw new Violation(
    `Epoch ${epoch} is granted though rule ${number} can still be met: ` +
      `node ${primary.id} with ${able.map(({ id }) => id).join(", ")}`,
  );
}

/** What an entry gave up is promised no more (R30, R31). */
function giveUp(sim: PgSim, winner: PgNode, epoch: number): void {
  const { checks } = sim;
  checks.voidBelow = epoch;
  for (const promised of [checks.acknowledged, checks.seen]) {
    for (const [row, { record }] of promised) {
      if (holds(winner.disk.wal, record)) continue;
      promised.delete(row);
      count(sim, "rows given up");
    }
  }
}

/** Whether a copy is that of a node's disk now. */
export function isCopyOf(node: PgNode, copy: Copy | null): boolean {
  const { incarnation } = node.saved;
  return incarnation !== null &&
    isSameCopy({ id: node.id, incarnation }, copy);
}
