import type { PgBug } from "./patch.ts";

/** Mistakes about pledges, seals, coverage and who wins. */
export const PG_SEALING_BUGS: readonly PgBug[] = [
  {
    name: "pg_sealed_without_pledge",
    wrong: "A member seals without writing its pledge first.",
    standsFor: "R12",
    edits: [
      {
        file: "pg/policy/plan.ts",
        old: `phase.kind === "sealing" && view.saved.pledge < phase.epoch`,
        new: `phase.kind === "sealing" && view.saved.pledge < 0`,
      },
      {
        file: "pg/policy/plan_sealing.ts",
        old:
          "  if (saved.pledge < phase.epoch || saved.upstream !== null) return",
        new: "  if (saved.upstream !== null) return",
      },
    ],
    says: "pledged to",
    seeds: 10,
  },
  {
    name: "pg_pledge_not_obeyed",
    wrong:
      "A member that restarts follows an epoch below its pledge, on an old state that it did not confirm.",
    standsFor: "R12, R15",
    edits: [
      {
        file: "pg/policy/plan.ts",
        old: "  if (view.saved.pledge > phase.epoch) {",
        new: "  if (view.saved.pledge > phase.epoch + 1000) {",
      },
      {
        file: "sim/pg/agent.ts",
        old: "  while (agent.applied < index || index === Infinity) {",
        new: "  while (agent.applied < 0) {",
      },
    ],
    seeds: 100,
  },
  {
    name: "pg_unsealed_counted",
    wrong: "A member that has not sealed yet covers rules.",
    standsFor: "R2, R11",
    edits: [{
      file: "pg/policy/sealing.ts",
      old:
        "if (report?.sealed !== epoch || report.incarnation === null) return [];",
      new: "if (!report || report.incarnation === null) return [];",
    }],
    seeds: 10,
  },
  {
    name: "pg_older_attempt_counted",
    wrong: "What was reported for an older attempt counts for this one.",
    standsFor: "R10",
    edits: [{
      file: "pg/policy/sealing.ts",
      old:
        "if (report?.sealed !== epoch || report.incarnation === null) return [];",
      new: "if (!report?.sealed || report.incarnation === null) return [];",
    }],
    seeds: 200,
  },
  {
    name: "pg_walreceiver_not_awaited",
    wrong: "A standby counts as sealed while its walreceiver ends.",
    standsFor: "R12, T13",
    edits: [{
      file: "pg/policy/plan_sealing.ts",
      old:
        `  if (saved.pledge < phase.epoch || saved.upstream !== null) return false;
  switch (server.kind) {
    case "standby":
      return !server.receiver && isEndKnown(state, view, server);`,
      new: `  if (saved.pledge < phase.epoch) return false;
  switch (server.kind) {
    case "standby":
      return isEndKnown(state, view, server);`,
    }],
    says: "still streams",
    seeds: 10,
  },
  {
    name: "pg_end_taken_for_known",
    wrong: "What is replayed so far after a restart is taken for the end.",
    standsFor: "R12, T12",
    edits: [{
      file: "pg/policy/plan_sealing.ts",
      old: "  return endLsn > replayLsn && replayLsn > startLsn;",
      new: "  return endLsn >= startLsn || replayLsn >= 0;",
    }],
    seeds: 400,
  },
  {
    name: "pg_newest_rule_only",
    wrong: "Only the newest rule must be covered.",
    standsFor: "R1, R2",
    edits: [{
      file: "pg/cluster/rules.ts",
      old:
        "  return [...state.rules, ...mixedRules(state.rules)].filter((rule) =>",
      new: "  return state.rules.slice(-1).filter((rule) =>",
    }],
    seeds: 300,
  },
  {
    name: "pg_position_by_lsn_alone",
    wrong: "The longest log wins, whatever epoch it is of.",
    standsFor: "R14",
    edits: [{
      file: "pg/cluster/lineage.ts",
      old: "  return a.epoch - b.epoch || a.lsn - b.lsn;",
      new: "  return a.lsn - b.lsn;",
    }],
    seeds: 1500,
  },
  {
    name: "pg_lowest_wins",
    wrong: "Any sealed member may win, also one that lacks commits.",
    standsFor: "R16",
    edits: [{
      file: "pg/policy/sealing.ts",
      old: `  const top = able.filter(({ position }) =>
    comparePositions(position, best.position) === 0
  );
  const winner`,
      new: `  const top = able;
  const winner`,
    }],
    says: "without row",
    seeds: 20,
  },
  {
    name: "pg_nofailover_wins",
    wrong: "A member with the tag nofailover is promoted.",
    standsFor: "R16",
    edits: [{
      file: "pg/policy/choosing.ts",
      old: "isAlive && !member.tags.nofailover && !member.maintenance",
      new: "isAlive && !member.maintenance",
    }],
    says: "R16",
    seeds: 1,
  },
  {
    name: "pg_living_rule",
    wrong: "A reign's k follows from who is alive.",
    standsFor: "R6",
    edits: [{
      file: "pg/policy/sealing.ts",
      old: `    : { standbys, required };
}

/** How many data members count. */`,
      new: `    : {
      standbys,
      required: standbys.every(({ id }) =>
          observations.get(id)?.agent === "alive"
        )
        ? required
        : 0,
    };
}

/** How many data members count. */`,
    }],
    seeds: 100,
  },
  {
    name: "pg_degraded_beside_a_standby",
    wrong: "Of two the standby is left out though it streams.",
    standsFor: "R6",
    edits: [{
      file: "pg/policy/reign.ts",
      old: "  if (!absent) return false;",
      new:
        `  if (!absent) return observations.get(copy.id)?.agent !== "alive";`,
    }],
    says: "R6",
    seeds: 1,
  },
  {
    name: "pg_gone_agent_is_lost",
    wrong: "A primary is deposed as soon as its agent is gone.",
    standsFor: "R7",
    edits: [{
      file: "pg/policy/loss.ts",
      old: "  if (absentMs >= settings.agentGraceMs) {",
      new: "  if (absentMs >= 0) {",
    }],
    says: "R7, R8",
    seeds: 1,
  },
];
