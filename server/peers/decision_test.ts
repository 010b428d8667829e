import { assertEquals, assertNotEquals } from "@std/assert";
import {
  decideFounding,
  type Founder,
  type FoundingAnswer,
  type FoundingDecision,
  foundingIdOf,
} from "./decision.ts";

const CLUSTER = "c";
const founder = (id: number, incarnation = id * 11): Founder => ({
  id,
  incarnation,
  address: `n${id}:7400`,
});
const [ONE, TWO, THREE] = [founder(1), founder(2), founder(3)];
const ALL = [ONE, TWO, THREE];
const ID = foundingIdOf(CLUSTER, ALL);

/** A member whose directory is empty, and what it has agreed to. */
function empty(of: Founder, foundingId = ID): FoundingAnswer {
  return { incarnation: of.incarnation, foundingId, founded: null };
}

function founded(of: Founder, founders: readonly Founder[]): FoundingAnswer {
  const foundingId = foundingIdOf(CLUSTER, founders);
  return { incarnation: of.incarnation, foundingId, founded: founders };
}

const waitFor = (silent: number[], disagreeing: number[] = []): unknown => ({
  kind: "wait",
  silent,
  disagreeing,
});
const FOUND: FoundingDecision = { kind: "found", founders: ALL };
const WIPED = { kind: "wiped" };

/** Node 1 decides. */
const CASES: [
  run: string,
  two: FoundingAnswer | null,
  three: FoundingAnswer | null,
  want: unknown,
][] = [
  ["nobody answers", null, null, waitFor([2, 3])],
  ["one is not up yet", empty(TWO), null, waitFor([3])],
  ["all are empty and agree", empty(TWO), empty(THREE), FOUND],
  [
    "one has not heard from all yet",
    empty(TWO),
    empty(THREE, ""),
    waitFor([], [3]),
  ],
  [
    "both have not heard from all yet",
    empty(TWO, ""),
    empty(THREE, ""),
    waitFor([], [2, 3]),
  ],
  [
    "one was wiped since another heard of it",
    empty(founder(2, 99)),
    empty(THREE),
    waitFor([], [2, 3]),
  ],
  [
    "one names another member, or another address",
    empty(TWO, foundingIdOf(CLUSTER, [ONE, TWO])),
    empty(THREE),
    waitFor([], [2]),
  ],
  [
    "one has founded with this very directory",
    founded(TWO, ALL),
    empty(THREE),
    FOUND,
  ],
  [
    "one has founded with this very directory, and the third is gone",
    founded(TWO, ALL),
    null,
    FOUND,
  ],
  [
    "one has founded with this very directory, and the third was wiped",
    founded(TWO, ALL),
    empty(founder(3, 99), ""),
    FOUND,
  ],
  [
    "the cluster was founded with a former directory of this node",
    founded(TWO, [founder(1, 98), TWO, THREE]),
    founded(THREE, [founder(1, 98), TWO, THREE]),
    WIPED,
  ],
  [
    "one knows the cluster, and the others would agree",
    founded(TWO, [founder(1, 98), TWO, THREE]),
    empty(THREE),
    WIPED,
  ],
  [
    "one came to the cluster later and does not know who founded it",
    founded(TWO, []),
    null,
    WIPED,
  ],
  [
    "another cluster of the same name and members was founded without this node",
    empty(TWO),
    founded(THREE, [TWO, THREE]),
    WIPED,
  ],
];

for (const [run, two, three, want] of CASES) {
  Deno.test(`decideFounding() when ${run}`, () => {
    const answers = new Map([[2, two], [3, three]]);
    assertEquals(decideFounding(CLUSTER, ONE, ALL, answers), want);
  });
}

Deno.test("decideFounding() lets a node alone found at once", () => {
  assertEquals(decideFounding(CLUSTER, ONE, [ONE], new Map()), {
    kind: "found",
    founders: [ONE],
  });
});

Deno.test("all members that decide on the same answers found the same", () => {
  const decisions = ALL.map((own) => {
    const others = ALL.filter((other) => other !== own).toReversed();
    const answers = new Map(others.map((one) => [one.id, empty(one)]));
    return decideFounding(CLUSTER, own, ALL.toReversed(), answers);
  });
  for (const decision of decisions) assertEquals(decision, FOUND);
});

Deno.test("foundingIdOf() knows clusters, members, directories and addresses apart, not their order", () => {
  assertEquals(foundingIdOf(CLUSTER, ALL.toReversed()), ID);
  const others = [
    foundingIdOf("d", ALL),
    foundingIdOf(CLUSTER, [ONE, TWO]),
    foundingIdOf(CLUSTER, [ONE, TWO, founder(3, 99)]),
    foundingIdOf(CLUSTER, [ONE, TWO, { ...THREE, address: "localhost:7400" }]),
  ];
  for (const other of others) assertNotEquals(other, ID);
  assertEquals(new Set(others).size, others.length);
});
