import type { Copy, Rule } from "../../pg/cluster/mod.ts";
import { between, tell, Violation } from "../mod.ts";
import { isCopyOf } from "./checks.ts";
import { killNode, reigning } from "./faults.ts";
import { count, type PgNode, type PgSim, truth } from "./node.ts";

/** When, after the faults have ended, the primary is lost. */
const LATEST_LOSS_MS = 4000;
/** How long it may take until somebody can write again. */
const OUTLIVE_MS = 30_000;

/**
 * Loses the primary for good while a healed cluster still comes back to itself, and sees the others write on: what
 * only a revival would mend must not pass for mended.
 *
 * @param sim The cluster, after its faults.
 * @param runUntil Lets time pass until something holds.
 * @throws {Violation} When nobody writes though everybody else is whole.
 */
export function losePrimary(
  sim: PgSim,
  runUntil: (ms: number, holds: () => boolean) => boolean,
): void {
  const { world } = sim;
  runUntil(between(world, 0, LATEST_LOSS_MS), () => false);
  const victim = reigning(sim);
  if (!victim || !mustOutlive(sim, victim)) return;
  tell(world, () => `== ${victim.id} is lost for good`);
  sim.gone = victim.id;
  killNode(sim, victim);
  const before = sim.counts.get("acknowledged") ?? 0;
  const isOutlived = runUntil(
    OUTLIVE_MS,
    () => (sim.counts.get("acknowledged") ?? 0) > before,
  );
  if (!isOutlived) {
    throw new Violation(
      `Node ${victim.id} is lost, and nobody writes for ${OUTLIVE_MS} ms`,
    );
  }
  count(sim, "primaries outlived");
  sim.gone = 0;
}

/**
 * Whether the others can show that they hold every commit: each copy that a rule of an open reign names is whole, or
 * is being brought back and was never told to follow that reign; and one is whole.
 */
function mustOutlive(sim: PgSim, victim: PgNode): boolean {
  const { mode, phase, rules } = truth(sim);
  if (mode !== "quorum" || sim.counts.has("promotions without a grant")) {
    return false;
  }
  const others = [...sim.nodes.values()].filter((node) =>
    node !== victim && !node.isWitness
  );
  // Who goes on from a later grant holds all that went before it, and knows that once it was told to.
  const newest = Math.max(
    ...others.filter(isWhole).map(({ disk, saved }) =>
      Math.min(disk.wal.records.at(-1)?.epoch ?? 0, saved.epoch)
    ),
  );
  const isKept = (copy: Copy, { primary, epoch }: Rule): boolean =>
    copy.id === victim.id ||
    others.some((node) =>
      isCopyOf(node, copy) &&
      (isWhole(node) || (copy !== primary && node.saved.followed < epoch))
    );
  const counts = (rule: Rule): boolean =>
    rule.epoch < newest ||
    (rule.required > 0 &&
      [rule.primary, ...rule.standbys].every((copy) => isKept(copy, rule)));
  // Before it opens nobody is told of a commit.
  const opened = rules.filter(({ epoch }) =>
    phase.kind !== "granted" || epoch !== phase.epoch
  );
  return others.some(isWhole) && opened.every(counts);
}

function isWhole({ disk, saved }: PgNode): boolean {
  return disk.kind === "present" && !disk.marker && saved.rewound === 0;
}
