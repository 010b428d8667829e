import {
  applicationName,
  type Copy,
  copyOfName,
  mustComeBack,
  PLACEHOLDER_LIST,
  type Rule,
  synchronousStandbyNames,
} from "../../pg/cluster/mod.ts";
import type { Step } from "../../pg/policy/mod.ts";
import { between, tell } from "../mod.ts";
import { writeProbe } from "./commit.ts";
import { type PgProcess, stateOf } from "./node.ts";
import { reload } from "./server.ts";
import { endSender } from "./streaming.ts";
import { flushedBy, isPlaceholder, readList } from "./waits.ts";
import {
  commitCommand,
  DEADLINE_MS,
  type Doer,
  serverOf,
  StepFailed,
  until,
  type Work,
} from "./work.ts";

/** Has the server follow a rule, or the placeholder. */
export function* setRule(doer: Doer, rule: Rule | null): Work {
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
    () =>
      proc.list.required === wanted.required &&
      proc.list.names.join() === wanted.names.join(),
    "Reloading the list",
  );
  if (rule) endOldSenders(doer, rule, proc);
  agent.rendered = { ...agent.rendered, rule: rule?.number ?? 0 };
}

/** R18: whose walsender may still read the list of before, and let a commit pass by it. */
function endOldSenders(
  { sim, agent }: Doer,
  rule: Rule,
  proc: PgProcess,
): void {
  for (const stream of [...proc.senders]) {
    const named = copyOfName(stream.name);
    if (named && mustComeBack(stateOf(sim, agent), rule, named.copy)) {
      endSender(stream);
    }
  }
}

/** A commit that k of the rule hold; first one that is seen waiting, where asked (T8, R20). */
export function* barrier(doer: Doer, rule: Rule, seeWaiting: boolean): Work {
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

/** Retires all rules before the one that is proved (R18). */
export function* retireRules(
  doer: Doer,
  { epoch, rule }: Extract<Step, { kind: "retire_rules" }>,
  primary: Copy,
): Work {
  yield 3;
  yield* commitCommand(doer, {
    type: "retire_rules",
    epoch,
    primary,
    rule: rule.number,
  });
}
