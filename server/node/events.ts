import { every, systemClock } from "../../base/mod.ts";
import {
  createTeller,
  type PicturePostgres,
  type Teller,
} from "../events/mod.ts";
import type { Node } from "./node.ts";

/** How often it is looked for what nobody tells of, such as an agent that has gone silent. */
const LOOK_INTERVAL_MS = 500;

/** Makes what tells a node's journal of all that changes; to be asked to look once it is called. */
export function tellerOf(node: Node): Teller {
  const { raft, machine } = node;
  const teller = createTeller(node.journal, {
    stage: () => node.stage,
    waitingFor: () => node.waitingFor,
    isDiskFull: () => node.diskFull,
    leadership: () => node.raftRuns ? raft.leadership() : null,
    members: () => raft.status().members,
    cluster: () => machine.cluster(),
    settings: () => machine.settings(),
    postgres(id): PicturePostgres | null {
      const watch = node.ha?.watch;
      const report = watch?.report(id);
      if (!watch || !report) return null;
      if (!watch.isLost(id)) return report;
      const trouble = "Its agent does not answer";
      return { role: "none", state: "stopped", trouble };
    },
  });
  const catchUp = catchingUp(node, teller);
  return {
    ...teller,
    look(): void {
      teller.look();
      catchUp();
    },
  };
}

/** A read that is linearizable shows that all is applied that was committed before it. */
function catchingUp(
  node: Node,
  teller: Teller,
): () => void {
  let state: "behind" | "asking" | "caught up" = "behind";
  return () => {
    const { raft, raftRuns } = node;
    if (state !== "behind" || !raftRuns) return;
    if (raft.leadership().leaderId === 0) return;
    state = "asking";
    raft.read(() => teller.caughtUp()).then(
      () => {
        state = "caught up";
      },
      () => {
        state = "behind";
      },
    );
  };
}

/** Looks now and again, until the node stops. */
export function lookRepeatedly(node: Node, teller: Teller): void {
  const look = (): void => {
    teller.look();
    teller.lookAtPostgres();
  };
  look();
  const timer = every(systemClock(), LOOK_INTERVAL_MS, look);
  const { signal } = node.stopping;
  signal.addEventListener("abort", timer.cancel, { once: true });
}
