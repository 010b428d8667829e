import { assertEquals } from "@std/assert";
import { NO_TAGS, type Phase } from "../../../pg/cluster/mod.ts";
import type { Observations } from "../../../pg/policy/mod.ts";
import {
  memberOf,
  openPhase,
  primaryTells,
  sealingPhase,
  seenOf,
  standbyTells,
  stateOf,
} from "./routes_test_kit.ts";
import { type RouteRules, routesOf, type RouteTable } from "./table.ts";

const RULES: RouteRules = { maxLagBytes: 100, readOnlyFallback: true };
const GRANT = { winner: 1, epoch: 4 };
const ALL_WELL = seenOf(
  [1, primaryTells(1, 4)],
  [2, standbyTells(2, 4)],
  [3, standbyTells(3, 4)],
);

/** A table in few words: the reign that lives, who is written to, who is read, by whom else, whose readers stay. */
function brief(
  { epoch, primary, standbys, fallback, readers }: RouteTable,
): unknown[] {
  return [
    epoch,
    primary?.member ?? 0,
    standbys.map(({ member }) => member),
    fallback?.member ?? 0,
    readers,
  ];
}

const PHASES: readonly (readonly [string, Phase, unknown[]])[] = [
  ["nobody has made the database", { kind: "unformed" }, [
    0,
    0,
    [],
    0,
    [1, 2, 3],
  ]],
  ["the epoch is open", openPhase(4), [4, 1, [2, 3], 1, [2, 3]]],
  [
    "a switchover is being prepared",
    { kind: "open", epoch: 4, handover: { number: 1, target: 2 } },
    [4, 1, [2, 3], 1, [2, 3]],
  ],
  ["the next attempt was begun", sealingPhase(5), [0, 0, [], 0, [1, 2, 3]]],
  ["the epoch was granted and is closed", { kind: "granted", epoch: 4 }, [
    0,
    0,
    [],
    0,
    [2, 3],
  ]],
];

for (const [when, phase, expected] of PHASES) {
  Deno.test(`routesOf() leads and ends sessions as it must when ${when}`, () => {
    const routes = routesOf(stateOf(phase, GRANT), ALL_WELL, RULES);
    assertEquals(brief(routes), expected);
    assertEquals(routes.why === "", routes.primary !== null);
  });
}

const REPORTS: readonly (readonly [string, Observations, unknown[]])[] = [
  [
    "the primary has not let clients in yet",
    seenOf([1, primaryTells(1, 4, false)], [2, standbyTells(2, 4)]),
    [4, 0, [2], 0, [2, 3]],
  ],
  [
    "the primary was heard in an older epoch only",
    seenOf([1, primaryTells(1, 3)], [2, standbyTells(2, 4)]),
    [4, 0, [2], 0, [2, 3]],
  ],
  ["nobody was heard", seenOf(), [4, 0, [], 0, [2, 3]]],
  [
    "another than the granted one claims to be open",
    seenOf([2, primaryTells(2, 4)]),
    [4, 0, [], 0, [2, 3]],
  ],
  [
    "a standby is too far behind, and another just not",
    seenOf(
      [1, primaryTells(1, 4)],
      [2, standbyTells(2, 4, { replayLsn: 899 })],
      [3, standbyTells(3, 4, { replayLsn: 900 })],
    ),
    [4, 1, [3], 1, [2, 3]],
  ],
  [
    "a standby follows another epoch, and another does not stream",
    seenOf(
      [1, primaryTells(1, 4)],
      [2, standbyTells(2, 3)],
      [3, standbyTells(3, 4, { state: "running" })],
    ),
    [4, 1, [], 1, [2, 3]],
  ],
  [
    "a standby's agent is silent",
    seenOf(
      [1, primaryTells(1, 4)],
      [2, { ...standbyTells(2, 4), agent: "silent" }],
      [3, standbyTells(3, 4)],
    ),
    [4, 1, [3], 1, [2, 3]],
  ],
];

for (const [when, seen, expected] of REPORTS) {
  Deno.test(`routesOf() holds new sessions back when ${when}`, () => {
    const routes = routesOf(stateOf(openPhase(4), GRANT), seen, RULES);
    assertEquals(brief(routes), expected);
  });
}

Deno.test("routesOf() honours noloadbalance, and a fallback that is off", () => {
  const members = [1, 2, 3].map((id) =>
    memberOf(id, { tags: { ...NO_TAGS, noloadbalance: id !== 1 } })
  );
  const state = stateOf(openPhase(4), GRANT, members);
  assertEquals(brief(routesOf(state, ALL_WELL, RULES)), [
    4,
    1,
    [],
    1,
    [2, 3],
  ]);
  const rules = { ...RULES, readOnlyFallback: false };
  assertEquals(routesOf(state, ALL_WELL, rules).fallback, null);
});

Deno.test("routesOf() leads no reader to a member in maintenance, or that leaves", () => {
  const members = [
    memberOf(1),
    memberOf(2, { maintenance: true }),
    memberOf(3, { leaving: true }),
  ];
  const state = stateOf(openPhase(4), GRANT, members);
  const expected = [4, 1, [], 1, [2, 3]];
  assertEquals(brief(routesOf(state, ALL_WELL, RULES)), expected);
});

Deno.test("routesOf() leads nobody to a primary that is no member any more", () => {
  const state = stateOf(openPhase(4), GRANT, [memberOf(2), memberOf(3)]);
  assertEquals(brief(routesOf(state, ALL_WELL, RULES)), [0, 0, [], 0, [2, 3]]);
});
