import { assertEquals } from "@std/assert";
import { attempt } from "../cluster/command_test_kit.ts";
import { isSealed } from "./plan_sealing.ts";
import {
  copy,
  cutStandby,
  done,
  grantAt,
  grantCommand,
  grantedState,
  openState,
  primaryServer,
  reigningView,
  rule,
  sealingState,
  standby,
  viewOf,
  type ViewPatch,
} from "./policy_test_kit.ts";
import type { Report } from "./report.ts";
import { lossOf, reportOf } from "./report_of.ts";
import { isFenced } from "./self_fence.ts";
import {
  type LocalView,
  NOTHING_SAVED,
  patchSaved,
  type Saved,
  type ServerView,
} from "./view.ts";

/** What a member tells in the attempt on epoch 2, cut and pledged unless said otherwise. */
function told(
  patch: ViewPatch = {},
  state = sealingState(),
): Pick<Report, "sealed" | "position"> {
  const view = viewOf(2, {
    server: cutStandby(),
    ...patch,
    saved: { pledge: 2, upstream: null, ...patch.saved },
  });
  const { sealed, position } = reportOf(state, view);
  assertEquals(isSealed(state, view), sealed > 0);
  return { sealed, position };
}

Deno.test("a member is sealed when it has pledged and nothing can reach it (R12, T13)", () => {
  const cases: readonly [ViewPatch, number][] = [
    [{}, 2],
    [{ saved: { pledge: 1 } }, 0],
    [{ saved: { upstream: { id: 1, epoch: 1 } } }, 0],
    [{ server: standby() }, 0],
    [{ server: cutStandby({ receiver: true }) }, 0],
    [{ server: primaryServer() }, 0],
    [{ server: { kind: "starting" } }, 0],
    [{ server: { kind: "stopped" } }, 0],
    [{ server: { kind: "leftovers" } }, 0],
    [{ server: { kind: "hung", detail: "" } }, 0],
    [{ job: { kind: "initialize", epoch: 1 } }, 0],
    [{ data: { kind: "empty" } }, 0],
    [{ data: { kind: "unusable", why: "" } }, 0],
    [{ saved: { incarnation: null } }, 0],
  ];
  for (const [patch, sealed] of cases) {
    assertEquals(told(patch).sealed, sealed, JSON.stringify(patch));
  }
  assertEquals(told({}, openState()).sealed, 0);
});

Deno.test("a copy that is brought back seals with what it never followed alone (R2, R12, R29)", () => {
  const rewound = { epoch: 2, followed: 1, rewound: 2 };
  const starting = { kind: "starting" } as const;
  const unusable = { kind: "unusable", why: "A rewind broke" } as const;
  const stopped = { kind: "stopped" } as const;
  const seal = (patch: ViewPatch): unknown => {
    const view = viewOf(3, {
      server: cutStandby(),
      ...patch,
      saved: { pledge: 3, upstream: null, ...patch.saved },
    });
    const state = done(
      grantedState({
        phase: { kind: "open", epoch: 2, handover: null },
      }),
      attempt({ epoch: 3, expected: { kind: "open", epoch: 2 } }),
    );
    const { sealed, position, incarnation, followed } = reportOf(state, view);
    assertEquals(isSealed(state, view), false);
    return sealed > 0 ? [position, incarnation, followed] : null;
  };
  const blank = [null, 30, 1];
  assertEquals(seal({ job: { kind: "rewind", epoch: 2 } }), blank);
  assertEquals(seal({ job: { kind: "clone", epoch: 2 } }), blank);
  assertEquals(seal({ data: unusable, server: stopped }), blank);
  assertEquals(seal({ saved: rewound, server: starting }), blank);
  // What may still be reached, is of no known copy or history, or has not pledged.
  const upstream = { id: 2, epoch: 2 };
  assertEquals(
    seal({ saved: { ...rewound, upstream }, server: starting }),
    null,
  );
  assertEquals(seal({ server: starting }), null);
  assertEquals(seal({ data: unusable }), null);
  const broken = { data: unusable, server: stopped };
  assertEquals(seal({ ...broken, saved: { incarnation: null } }), null);
  assertEquals(seal({ ...broken, saved: { epoch: -1 } }), null);
  assertEquals(seal({ ...broken, saved: { pledge: 2 } }), null);
});

Deno.test("a copy keeps its name while it is brought back, and none that reigns does (R2, R7)", () => {
  const job = { kind: "rewind", epoch: 1 } as const;
  const named = (view: LocalView): number | null =>
    reportOf(openState(), view).incarnation;
  assertEquals(named(viewOf(2, { job, saved: { upstream: null } })), 20);
  const wiped = {
    data: { kind: "empty" },
    server: { kind: "stopped" },
  } as const;
  assertEquals(named(reigningView(wiped)), null);
});

Deno.test("a pledge never goes down, and what is rewound has not followed yet (R12, R29)", () => {
  const at = (saved: Saved): number[] => [saved.epoch, saved.followed];
  const first = patchSaved(NOTHING_SAVED, { incarnation: 7, epoch: 1 });
  assertEquals(at(first), [1, 1]);
  const rewound = patchSaved(first, { epoch: 3, rewound: 3 });
  assertEquals(at(rewound), [3, 1]);
  const upstream = { id: 2, epoch: 3 };
  assertEquals(at(patchSaved(rewound, { upstream })), [3, 1]);
  const consistent = patchSaved(rewound, { rewound: 0 });
  assertEquals(at(patchSaved(consistent, { epoch: 3, upstream })), [3, 3]);
  assertEquals(at(patchSaved(rewound, { rewound: 0 })), [3, 1]);
  assertEquals(at(patchSaved(rewound, { epoch: -1 })), [-1, 1]);
  assertEquals(at(patchSaved(rewound, { incarnation: 8, epoch: 2 })), [2, 2]);
  const pledged = patchSaved(first, { pledge: 5 });
  assertEquals(patchSaved(pledged, { pledge: 4 }).pledge, 5);
});

Deno.test("a standby that has restarted is not sealed before it has replayed all it has (R12, R13)", () => {
  // It has received nothing in this life, so what it replays is all that is known.
  const replaying = cutStandby({
    endLsn: 50,
    replayLsn: 50,
    replayDone: false,
  });
  assertEquals(told({ server: replaying }).sealed, 0);
  const replayed = cutStandby({ endLsn: 90, replayLsn: 90 });
  assertEquals(told({ server: replayed }), {
    sealed: 2,
    position: { epoch: 1, lsn: 90 },
  });
});

Deno.test("what is flushed counts at once, replayed or not (R13)", () => {
  const behind = cutStandby({ endLsn: 90, replayLsn: 50, replayDone: false });
  assertEquals(told({ server: behind }), {
    sealed: 2,
    position: { epoch: 1, lsn: 90 },
  });
});

Deno.test("half a record of the epoch before is no log of the new one (R13, R14)", () => {
  // It follows epoch 2, which branched off at 90 for sure, and has nothing of it.
  const state = sealingState({
    grants: [grantAt(1), grantAt(2, { winner: copy(3), startLsn: 90 })],
    phase: {
      kind: "sealing",
      epoch: 3,
      attempt: { kind: "automatic" },
      catchUp: null,
    },
  });
  const at = (server: ServerView): Pick<Report, "sealed" | "position"> =>
    told({ server, saved: { pledge: 3, epoch: 2 } }, state);
  const half = cutStandby({ endLsn: 195, replayLsn: 90 });
  assertEquals(at(half), { sealed: 3, position: { epoch: 1, lsn: 90 } });
  assertEquals(at({ ...half, replayDone: false }).sealed, 0);
  const past = cutStandby({ endLsn: 195, replayLsn: 91, replayDone: false });
  assertEquals(at(past), { sealed: 3, position: { epoch: 2, lsn: 195 } });
});

Deno.test("a stopped server tells its end in a planned change only (R12, R32)", () => {
  const server = { kind: "stopped" } as const;
  const data = {
    kind: "present",
    systemId: "7000",
    timeline: 2,
    shutdownLsn: 70,
  } as const;
  const planned = sealingState({
    phase: {
      kind: "sealing",
      epoch: 2,
      attempt: { kind: "planned", target: 3 },
      catchUp: null,
    },
  });
  assertEquals(told({ server, data }, planned), {
    sealed: 2,
    position: { epoch: 1, lsn: 70 },
  });
  assertEquals(told({ server, data }).sealed, 0);
  const crashed = { ...data, shutdownLsn: null };
  assertEquals(told({ server, data: crashed }, planned), {
    sealed: 0,
    position: null,
  });
});

Deno.test("only data of this cluster under a name of its own has a position (R3, R34)", () => {
  const position = (patch: ViewPatch): Report["position"] =>
    reportOf(openState(), viewOf(2, patch)).position;
  assertEquals(position({}), { epoch: 1, lsn: 100 });
  assertEquals(position({ job: { kind: "clone", epoch: 1 } }), null);
  assertEquals(position({ saved: { incarnation: null } }), null);
  assertEquals(position({ data: { kind: "empty" } }), null);
  const data = {
    kind: "present",
    systemId: "9",
    timeline: 1,
    shutdownLsn: null,
  } as const;
  assertEquals(position({ data }), null);
  assertEquals(reportOf(openState(), viewOf(2, { data })).state, "failed");
});

Deno.test("a member says that it waits for leave, and what it waits for (R4)", () => {
  const broken = viewOf(2, {
    server: standby({ streaming: false, broken: "WAL removed" }),
  });
  assertEquals(reportOf(openState(), broken).needsClone, true);
  assertEquals(reportOf(openState(), viewOf(2)).needsClone, false);
  // Of one that streams nothing is to be said.
  assertEquals(reportOf(openState(), viewOf(2)).trouble, null);
  const waiting = viewOf(2, { server: standby({ streaming: false }) });
  assertEquals(
    reportOf(openState(), waiting).trouble,
    "Waiting for the primary",
  );
  const failing = viewOf(2, { failures: 1, failure: "No space left" });
  assertEquals(reportOf(openState(), failing).trouble, "No space left");
});

Deno.test("a reign that was begun is lost with its server (R7 a, R24)", () => {
  const lost = (patch: ViewPatch): string | null =>
    lossOf(openState(), reigningView(patch))?.reason ?? null;
  assertEquals(lost({}), null);
  assertEquals(lost({ server: { kind: "stopped" } }), "postmaster_gone");
  assertEquals(lost({ server: { kind: "leftovers" } }), "postmaster_gone");
  assertEquals(lost({ server: { kind: "starting" } }), "postmaster_gone");
  assertEquals(lost({ server: cutStandby() }), "postmaster_gone");
  assertEquals(
    lost({ server: { kind: "hung", detail: "" } }),
    "postmaster_hung",
  );
  const failing = { reason: "disk_full", detail: "" } as const;
  assertEquals(lost({ server: primaryServer({ failing }) }), "disk_full");
  assertEquals(lossOf(openState(), viewOf(2)), null);
  assertEquals(lossOf(sealingState(), reigningView()), null);
  const other = { incarnation: 11 };
  assertEquals(lost({ server: { kind: "stopped" }, saved: other }), null);
});

Deno.test("a takeover is lost when it fails often, or ended right after the promotion (R21)", () => {
  const granted = done(sealingState(), grantCommand());
  const reason = (patch: ViewPatch): string | null =>
    lossOf(
      granted,
      viewOf(2, {
        server: cutStandby(),
        ...patch,
        saved: { pledge: 2, upstream: null, ...patch.saved },
      }),
    )?.reason ?? null;
  assertEquals(reason({}), null);
  assertEquals(reason({ server: { kind: "stopped" } }), null);
  assertEquals(reason({ failures: 2 }), null);
  assertEquals(reason({ failures: 3 }), "takeover_failed");
  assertEquals(reason({ stillMs: 14_999 }), null);
  assertEquals(reason({ stillMs: 15_000 }), "takeover_failed");
  const promoted = cutStandby({ timeline: 3 });
  assertEquals(reason({ server: promoted }), "takeover_failed");
  const told = viewOf(2, {
    server: { kind: "stopped" },
    saved: { pledge: 2, epoch: 2, upstream: null },
  });
  assertEquals(lossOf(grantedState(), told)?.reason, "postmaster_gone");
});

Deno.test("a barrier that fails is a loss only when standbys are there to hold it (R20, R21)", () => {
  const reason = (failures: number, streaming: boolean): string | null =>
    lossOf(
      grantedState(),
      viewOf(2, {
        failures,
        server: primaryServer({
          timeline: 3,
          standbys: [{ copy: copy(3), streaming, flushLsn: 100 }],
        }),
        saved: { pledge: 2, epoch: 2, upstream: null },
      }),
    )?.reason ?? null;
  assertEquals(reason(29, true), null);
  assertEquals(reason(30, true), "takeover_failed");
  // They clone, say: another reign would have them begin again.
  assertEquals(reason(30, false), null);
});

Deno.test("half a record at the end of a winner's log does not stop its takeover (R13, R14)", () => {
  // It followed epoch 2, got nothing of it, and was granted epoch 3 by what it has whole.
  const state = openState({
    grants: [
      grantAt(1),
      grantAt(2, { winner: copy(3), startLsn: 90 }),
      grantAt(3, {
        winner: copy(2),
        parent: 1,
        startLsn: 90,
        timeline: 4,
        promoted: false,
      }),
    ],
    phase: { kind: "granted", epoch: 3 },
  });
  const reason = (server: ServerView): string | null =>
    lossOf(
      state,
      viewOf(2, { server, saved: { pledge: 3, epoch: 2, upstream: null } }),
    )?.reason ?? null;
  const half = cutStandby({ endLsn: 195, replayLsn: 90 });
  assertEquals(reason(half), null);
  assertEquals(reason({ ...half, replayDone: false }), null);
  // A promotion that came late has made it longer than what was granted.
  const grown = cutStandby({ endLsn: 195, replayLsn: 195 });
  assertEquals(reason(grown), "takeover_failed");
});

Deno.test("a primary closes itself when it is cut off, and mere elections cost nothing (R28, R30)", () => {
  const fenced = (
    lonelyMs: number,
    unacknowledgedMs: number,
    state = openState(),
  ): boolean => {
    const view: LocalView = reigningView({ lonelyMs, unacknowledgedMs });
    return isFenced(state, view);
  };
  assertEquals(fenced(3000, 3000), true);
  assertEquals(fenced(2999, 9000), false);
  assertEquals(fenced(9000, 2999), false);
  const alone = openState({ rules: [rule([], 0)] });
  assertEquals(fenced(9000, 9000, alone), false);
  const off = openState({ rules: [rule([], 0)], mode: "off" });
  assertEquals(fenced(999, 9000, off), false);
  assertEquals(fenced(1000, 0, off), true);
});
