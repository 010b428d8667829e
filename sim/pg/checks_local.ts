import type { Saved } from "../../pg/policy/mod.ts";
import { Violation } from "../mod.ts";
import type { PgNode, PgSim } from "./node.ts";
import { holds, isPrefix } from "./wal.ts";

/** What an agent is about to write down for good. */
export function checkSaved(node: PgNode, next: Saved): void {
  const { saved } = node;
  if (next.pledge < saved.pledge) {
    throw new Violation(
      `Node ${node.id} takes back its pledge: ${saved.pledge} to ${next.pledge}`,
    );
  }
  const isNew = next.upstream !== saved.upstream;
  if (isNew && next.upstream && next.upstream.epoch < next.pledge) {
    throw new Violation(
      `Node ${node.id} is told to stream in epoch ${next.upstream.epoch}, ` +
        `though pledged to ${next.pledge}`,
    );
  }
}

/** A postmaster starts: nobody may be in the directory, and it must be whole (R23, R29). */
export function checkStart(_sim: PgSim, node: PgNode): void {
  const { disk, proc } = node;
  if (proc) {
    throw new Violation(
      `PostgreSQL of node ${node.id} starts beside processes that are left`,
    );
  }
  if (disk.kind === "empty" || disk.marker) {
    throw new Violation(
      `PostgreSQL of node ${node.id} starts on ${disk.marker ?? "no"} data`,
    );
  }
}

/** A stream begins that PostgreSQL lets through: the logs must be the same so far (R29, T27). */
export function checkJoin(_sim: PgSim, node: PgNode, upstream: PgNode): void {
  if (isPrefix(node.disk.wal, upstream.disk.wal)) return;
  throw new Violation(
    `Node ${node.id} streams from ${upstream.id}, whose log is another`,
  );
}

/** Data is about to be gone: nothing promised may be on it alone (R4). */
export function checkDiscard(sim: PgSim, node: PgNode, what: string): void {
  const others = [...sim.nodes.values()].filter((one) =>
    one !== node && one.disk.kind === "present" && !one.disk.marker
  );
  for (const [row, { record }] of sim.checks.acknowledged) {
    if (!holds(node.disk.wal, record)) continue;
    if (others.some(({ disk }) => holds(disk.wal, record))) continue;
    throw new Violation(
      `Node ${node.id} ${what} the only copy that holds row ${row}`,
    );
  }
}
