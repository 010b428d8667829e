import { openBoard } from "./board.ts";
import type { Address } from "./sockets.ts";
import { assert, assertEquals } from "@std/assert";

const FROM: Address = { host: "10.0.0.9", port: 4321 };

Deno.test("enter() finds the loop with the fewest clients, and the first of those", () => {
  const board = openBoard();
  for (const wakeFd of [11, 12, 13]) board.join(wakeFd);
  const found = Array.from({ length: 7 }, () => board.enter());
  assertEquals(found, [0, 1, 2, 0, 1, 2, 0]);
  board.leave(1);
  board.leave(1);
  assertEquals([board.enter(), board.enter(), board.enter()], [1, 1, 1]);
  assertEquals(board.clients(), [3, 3, 2]);
});

Deno.test("a loop that has joined is found by its number, also by another thread", () => {
  const board = openBoard();
  board.join(11);
  const other = openBoard(board.memory);
  other.join(12);
  assertEquals(board.loops(), 2);
  assertEquals([board.wakeFd(0), board.wakeFd(1)], [11, 12]);
});

Deno.test("place() and wait() give no more than there are, and again what was given back", () => {
  const board = openBoard();
  const other = openBoard(board.memory);
  assertEquals(
    [board.place(2), other.place(2), board.place(2), other.place(2)],
    [true, true, false, false],
  );
  other.unplace();
  assertEquals([board.place(2), board.place(2)], [true, false]);
  assertEquals([board.wait(1), other.wait(1)], [true, false]);
  assert(other.wait(Infinity));
  assertEquals([board.wait(2), board.wait(3)], [false, true]);
});

Deno.test("take() returns clients in the order in which they were handed over, as they are", () => {
  const board = openBoard();
  const other = openBoard(board.memory);
  const clients = [
    { fd: 5, door: "read_write", from: FROM },
    {
      fd: 2 ** 31 - 1,
      door: "read_only",
      from: { host: "2001:db8:0:0:0:0:0:1", port: 65_535 },
    },
  ] as const;
  for (const client of clients) board.hand(1, client);
  assertEquals(other.take(0), null);
  assertEquals([other.take(1), other.take(1), other.take(1)], [
    ...clients,
    null,
  ]);
});

Deno.test("enter() passes over a loop that has not taken what was handed to it, round after round", () => {
  const board = openBoard();
  for (const wakeFd of [11, 12]) board.join(wakeFd);
  const client = { door: "read_write", from: FROM } as const;
  for (let round = 0; round < 5; round++) {
    let handed = 0;
    // Loop 0 gets far more, and still loop 1 is full at last.
    while (handed < 1000) {
      const loop = board.enter();
      if (loop === 0) {
        if (board.clients()[0] === board.clients()[1]) continue;
        if ((board.clients()[0] ?? 0) > (board.clients()[1] ?? 0) + 1) break;
      } else board.hand(1, { fd: handed++, ...client });
    }
    assertEquals(handed, 64);
    for (let at = 0; at < handed; at++) assertEquals(board.take(1)?.fd, at);
    assertEquals(board.take(1), null);
    while ((board.clients()[0] ?? 0) > 0) board.leave(0);
    while ((board.clients()[1] ?? 0) > 0) board.leave(1);
  }
});

Deno.test("turn() goes round among all loops", () => {
  const board = openBoard();
  const other = openBoard(board.memory);
  assertEquals(
    [board.turn(3), other.turn(3), board.turn(3), other.turn(3)],
    [0, 1, 2, 0],
  );
});
