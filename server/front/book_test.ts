import { assertEquals } from "@std/assert";
import { admit, begin, type Book, createBook, finish, sweep } from "./book.ts";
import { FRONT_LIMITS } from "./limits.ts";

const LIMITS = {
  ...FRONT_LIMITS,
  maxConnections: 2,
  firstRequestMs: 10,
  idleMs: 60,
  stallMs: 30,
};

/** Takes a connection in under a name; `gone` gets the names of those that were cut. */
function enter(
  book: Book,
  gone: string[],
  name: string,
  atMs: number,
): ReturnType<typeof admit> {
  return admit(book, atMs, () => gone.push(name));
}

type Happening = "ask" | "answer" | "stall" | "move";

/** When what happens to one connection, and when a sweep cuts it. */
const CASES: [
  what: string,
  happens: readonly (readonly [atMs: number, what: Happening])[],
  lastMs: number,
  reason: string,
][] = [
  ["never asks", [], 10, "no_request"],
  ["has asked and is answered", [[5, "ask"], [8, "answer"]], 68, "idle"],
  [
    "asks again before it is idle for long",
    [[5, "ask"], [8, "answer"], [60, "ask"], [61, "answer"]],
    121,
    "idle",
  ],
  [
    "has one request answered and one under way, until that is too",
    [[5, "ask"], [6, "ask"], [7, "answer"], [500, "answer"]],
    560,
    "idle",
  ],
  ["asks and takes nothing", [[5, "ask"], [9, "stall"]], 39, "stalled"],
  [
    "takes nothing, then something, then nothing",
    [[5, "ask"], [9, "stall"], [35, "move"], [100, "stall"]],
    130,
    "stalled",
  ],
];

for (const [what, happens, lastMs, reason] of CASES) {
  Deno.test(`a connection that ${what} is cut after ${lastMs} ms, not before`, () => {
    const book = createBook(LIMITS);
    const gone: string[] = [];
    const guest = enter(book, gone, "it", 0);
    if (!guest) throw new Error("There was a place");
    let at = 0;
    for (let nowMs = 0; nowMs <= lastMs; nowMs++) {
      for (; happens[at]?.[0] === nowMs; at++) {
        const what = happens[at]?.[1];
        if (what === "ask") begin(guest);
        else if (what === "answer") finish(guest, nowMs);
        else guest.stalledSinceMs = what === "stall" ? nowMs : null;
      }
      sweep(book, nowMs);
    }
    assertEquals(gone, []);
    sweep(book, lastMs + 1);
    assertEquals(gone, ["it"]);
    const cut = Object.entries(book.cuts).filter(([, count]) => count > 0);
    assertEquals(cut, [[reason, 1]]);
  });
}

Deno.test("a connection with a request under way is never cut for its time", () => {
  const book = createBook(LIMITS);
  const gone: string[] = [];
  const guest = enter(book, gone, "watcher", 0);
  if (!guest) throw new Error("There was a place");
  begin(guest);
  sweep(book, 1e9);
  assertEquals(gone, []);
});

Deno.test("when all places are taken, whoever has asked nothing goes first, then the idlest, then nobody", () => {
  const book = createBook(LIMITS);
  const gone: string[] = [];
  const busy = enter(book, gone, "busy", 0);
  enter(book, gone, "silent", 1);
  if (!busy) throw new Error("There was a place");
  begin(busy);

  const idle = enter(book, gone, "idle", 2);
  assertEquals(gone, ["silent"]);
  if (!idle) throw new Error("There was a place");
  begin(idle);
  finish(idle, 3);

  const last = enter(book, gone, "last", 4);
  assertEquals(gone, ["silent", "idle"]);
  if (!last) throw new Error("There was a place");
  begin(last);

  assertEquals(enter(book, gone, "late", 5), null);
  assertEquals(gone, ["silent", "idle", "late"]);
  assertEquals([book.guests.size, book.cuts.displaced, book.cuts.full], [
    2,
    2,
    1,
  ]);
});
