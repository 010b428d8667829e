import type { PgBug } from "./patch.ts";

/** Mistakes about promotion, barriers, rules, fences and rejoining. */
export const PG_REIGN_BUGS: readonly PgBug[] = [
  {
    name: "pg_opens_before_its_barrier",
    wrong: "A winner opens before k standbys hold a commit of its epoch.",
    standsFor: "R20, T5",
    edits: [
      {
        file: "pg/policy/plan_reign.ts",
        old: "  if (view.barrier !== rule.number) {",
        new: `  if (view.barrier !== rule.number && phase.kind === "open") {`,
      },
      {
        file: "pg/policy/plan_reign.ts",
        old: `  const wasClosed = hba === "closed" || hba === "closing";`,
        new: "  const wasClosed = false;",
      },
    ],
    seeds: 200,
  },
  {
    name: "pg_rule_retired_without_barrier",
    wrong: "An old rule is retired before the new one was proved.",
    standsFor: "R18",
    edits: [{
      file: "pg/policy/plan_reign.ts",
      old: "  if (view.barrier !== rule.number) {",
      new: `  if (view.barrier !== rule.number && phase.kind !== "open") {`,
    }],
    seeds: 300,
  },
  {
    name: "pg_who_left_lets_go_on",
    wrong:
      "A rule is proved while the walsender of a copy that left may read the list of before.",
    standsFor: "R18, R20",
    edits: [{
      file: "pg/cluster/rules.ts",
      old: "  return grows || hasLeft;",
      new: "  return grows;",
    }],
    seeds: 100,
  },
  {
    name: "pg_rule_not_followed",
    wrong: "A new rule is committed and the server goes on by the old one.",
    standsFor: "R18",
    edits: [{
      file: "pg/policy/plan_reign.ts",
      old: "  if (view.rendered.rule !== rule.number && !seeWaiting) {",
      new: `  if (
    view.rendered.rule !== rule.number && !seeWaiting && phase.kind !== "open"
  ) {`,
    }],
    seeds: 300,
  },
  {
    name: "pg_names_before_seen_waiting",
    wrong: "The names go into a list that was empty before a commit waited.",
    standsFor: "R20, T8",
    edits: [{
      file: "pg/policy/plan_reign.ts",
      old: "view.mayHaveBeenEmpty && rule.required > 0;",
      new: "false;",
    }],
    seeds: 300,
  },
  {
    name: "pg_reopens_without_barrier",
    wrong: "A primary that closed itself opens again at once.",
    standsFor: "R24, R28",
    edits: [{
      file: "pg/policy/plan_reign.ts",
      old: "!isChanging && !wasClosed) return null;",
      new: "!isChanging) return null;",
    }],
    seeds: 1500,
  },
  {
    name: "pg_promotes_twice",
    wrong: "A winner that stopped after its promotion promotes again.",
    standsFor: "R10, R17, R24",
    edits: [{
      file: "pg/policy/plan_reign.ts",
      old: "  if (timeline >= grant.timeline || isForeign",
      new: "  if (isForeign",
    }],
    seeds: 300,
  },
  {
    name: "pg_reigns_again_without_grant",
    wrong: "A primary that was restarted goes on with its old grant.",
    standsFor: "R24, T5",
    edits: [
      {
        file: "pg/policy/plan_reign.ts",
        old: `      return hasReigned(reigning, view) ||
          isPastTakeover(state, reigning, view, server)
        ?`,
        new: `      return false
        ?`,
      },
      {
        file: "pg/policy/plan_reign.ts",
        old: `      return hasReigned(reigning, view)
        ? idle("PostgreSQL has stopped; waiting for the next epoch")
        : { kind: "start" };`,
        new: `      return { kind: "start" };`,
      },
    ],
    seeds: 200,
  },
  {
    name: "pg_sessions_stay_at_promotion",
    wrong: "Sessions that sat on the standby are there when it is promoted.",
    standsFor: "R22",
    edits: [{
      file: "pg/policy/plan_reign.ts",
      old: `  if (rendered.hba !== "closed" || server.sessions > 0) {
    return { kind: "close" };
  }
  if (!server.replayDone)`,
      new: "  if (!server.replayDone)",
    }],
    seeds: 1500,
  },
  {
    name: "pg_old_primary_left_running",
    wrong: "A primary that sees a later grant is left as it is.",
    standsFor: "R11, R33",
    edits: [{
      file: "pg/policy/plan_following.ts",
      old: `      return disown(state, view, server.timeline) ??
        { kind: "stop", mode: "immediate", why };
    }`,
      new: `      return idle(why);
    }`,
    }],
    seeds: 50,
  },
  {
    name: "pg_old_primary_seals_running",
    wrong: "An old primary does not stop when an attempt begins.",
    standsFor: "R12",
    edits: [{
      file: "pg/policy/plan_sealing.ts",
      old: `      return disown(state, view, server.timeline) ?? {
        kind: "stop",
        mode: isOrderly(phase, view) ? "fast" : "immediate",
        why: \`Epoch \${phase.epoch} begins\`,
      };`,
      new: `      return idle("It is primary");`,
    }],
    seeds: 50,
  },
  {
    name: "pg_follows_with_a_tail",
    wrong: "Where a log ends is not known when it is told to follow.",
    standsFor: "R29, T12",
    edits: [{
      file: "pg/policy/plan_following.ts",
      old:
        '  if (!isEndKnown(state, view, server)) return { kind: "finish_replay" };\n',
      new: "",
    }],
    seeds: 1500,
  },
  {
    name: "pg_diverged_follows",
    wrong: "What diverged is led to follow instead of rewound.",
    standsFor: "R29",
    edits: [{
      file: "pg/policy/plan_following.ts",
      old: `  if (relation.kind === "prefix") {`,
      new: `  if (relation.kind !== "unknown") {`,
    }],
    seeds: 1000,
  },
  {
    name: "pg_closed_by_its_files",
    wrong: "What an earlier agent wrote to be closed is taken for closed.",
    standsFor: "R22, R28, R30",
    edits: [{
      file: "sim/pg/agent.ts",
      old: '      hba: node.toldClosed ? "closing" : null,',
      new: '      hba: node.toldClosed ? "closed" : null,',
    }],
    says: "the next one closes",
    seeds: 1,
  },
  {
    name: "pg_inconsistent_copy_counts",
    wrong: "What is rewound acknowledges commits before it is of any use.",
    standsFor: "R2, R29",
    edits: [{
      file: "pg/policy/plan_following.ts",
      old: '{ kind: "recover_from", epoch, upstream: winner.id }',
      new: '{ kind: "follow", epoch, upstream: winner.id }',
    }],
    seeds: 1,
  },
  {
    name: "pg_hand_made_timeline_counts",
    wrong: "Log of a promotion that nobody granted has a position.",
    standsFor: "R14, R17, T27",
    edits: [{
      file: "pg/policy/own.ts",
      old: "  if (saved.epoch === NO_EPOCH) return true;\n",
      new: "  if (saved.epoch !== 0) return false;\n",
    }],
    seeds: 200,
  },
  {
    name: "pg_conninfo_of_any_epoch",
    wrong: "A standby that streams under an old conninfo holds commits.",
    standsFor: "R3, R15",
    edits: [
      {
        file: "pg/cluster/copies.ts",
        old: "_${incarnation.toString(36)}_${epoch}`;",
        new: "_${incarnation.toString(36)}_${Math.min(epoch, 1)}`;",
      },
      {
        file: "sim/pg/observe.ts",
        old: "    return named?.epoch === node.saved.epoch",
        new: "    return named",
      },
      {
        file: "sim/pg/scenarios.ts",
        old: "_${epoch}`;",
        new: "_${Math.min(epoch, 1)}`;",
      },
    ],
    seeds: 400,
  },
  {
    name: "pg_rejoin_awaits_barrier",
    wrong: "Who must give up its copy waits for an opening that needs it.",
    standsFor: "R21",
    edits: [{
      file: "pg/policy/plan_following.ts",
      old: `  if (phase.kind !== "open" || !held) return false;`,
      new: "  if (!held) return false;",
    }],
    seeds: 200,
  },
  {
    name: "pg_told_once_only",
    wrong: "An upstream that was noted counts as told after a restart.",
    standsFor: "R12, R15",
    edits: [{
      file: "pg/policy/plan_following.ts",
      old: "    if (rendered.upstream?.epoch !== epoch) {",
      new: "    if (rendered.upstream?.epoch === -1) {",
    }],
    seeds: 300,
  },
  {
    name: "pg_never_fences_itself",
    wrong: "A primary that is cut off stays open.",
    standsFor: "R28",
    edits: [{
      file: "pg/policy/self_fence.ts",
      old: "  return lonelyMs >= limitMs && unacknowledgedMs >= limitMs;",
      new: "  return lonelyMs < 0 && unacknowledgedMs >= limitMs;",
    }],
    seeds: 20,
  },
  {
    name: "pg_fences_in_an_election",
    wrong: "A primary closes though its standbys acknowledge.",
    standsFor: "R28",
    edits: [{
      file: "pg/policy/self_fence.ts",
      old: "  return lonelyMs >= limitMs && unacknowledgedMs >= limitMs;",
      new: "  return lonelyMs >= limitMs && unacknowledgedMs >= 0;",
    }],
    says: "R28",
    seeds: 1,
  },
  {
    name: "pg_change_that_never_ends",
    wrong: "A change of rule whose standbys are gone is waited for.",
    standsFor: "R18",
    edits: [{
      file: "pg/policy/reign.ts",
      old: "  if (isRuleChanging(state) && isMet(rule, primary)) return null;",
      new: "  if (isRuleChanging(state)) return null;",
    }],
    seeds: 200,
  },
  {
    name: "pg_checkpoint_after_opening_only",
    wrong:
      "A primary makes the checkpoint that others need for a rewind only once it is open.",
    standsFor: "T17, R20",
    edits: [{
      file: "pg/policy/checkpointing.ts",
      old: "  return isOpen || isAwaited;",
      new: "  return isOpen && (isOpen || isAwaited);",
    }],
    seeds: 100,
  },
  {
    name: "pg_unopened_reign_binds",
    wrong:
      "The rules of a reign that never opened bind who takes over, whose copies may be gone.",
    standsFor: "R1, R21",
    edits: [{
      file: "pg/cluster/rules.ts",
      old: `  return phase.kind === "granted"
    ?`,
      new: `  return phase.kind === "founding"
    ?`,
    }],
    seeds: 600,
  },
  {
    name: "pg_half_rewound_seals_nothing",
    wrong:
      "A copy that is being rewound is waited for, though it never followed the reign that is lost.",
    standsFor: "R2, R12, R29",
    edits: [{
      file: "pg/policy/plan_sealing.ts",
      old:
        "  if (saved.incarnation === null || saved.epoch <= 0) return false;",
      new:
        "  if (saved.incarnation === null || saved.epoch !== -9) return false;",
    }],
    seeds: 1500,
  },
];
