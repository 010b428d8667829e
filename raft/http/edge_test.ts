import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { seededRandom } from "../../base/mod.ts";
import { type ManualClock, manualClock } from "./clock_test_kit.ts";
import {
  askAcross,
  closeEdge,
  createEdge,
  type Edge,
  isCut,
  passIn,
  passOut,
  setEdgeFault,
} from "./edge.ts";
import { faultFrom, type PeerFault } from "./fault.ts";
import type { Frame } from "./frame.ts";
import { type HttpTransportLimits, limitsFrom } from "./limits.ts";
import { sampleMessage } from "./sample_messages_test_kit.ts";

interface Fixture {
  readonly clock: ManualClock;
  readonly edge: Edge;
  /** Sends pings that are numbered by their time. */
  readonly out: (...numbers: number[]) => void;
  readonly in: (...numbers: number[]) => void;
  /** What has passed: the number of a ping that went out, that below 0 of one that came in. */
  readonly passed: number[];
}

function fixture(
  fault: PeerFault | null,
  limits: Partial<HttpTransportLimits> = {},
): Fixture {
  const clock = manualClock();
  const edge = createEdge(
    { limits: limitsFrom(limits), clock, random: seededRandom(1) },
    fault === null ? null : faultFrom(fault),
  );
  const passed: number[] = [];
  const note = (sign: number, frame: Frame): void => {
    if (frame.type === "ping") passed.push(sign * frame.sentAtMs);
  };
  return {
    clock,
    edge,
    passed,
    out: (...numbers) => {
      for (const sentAtMs of numbers) {
        passOut(edge, { type: "ping", sentAtMs }, 1, note);
      }
    },
    in: (...numbers) => {
      for (const sentAtMs of numbers) {
        passIn(edge, { type: "ping", sentAtMs }, -1, note);
      }
    },
  };
}

function countPassed(drop: number, frame: Frame): number {
  const { edge } = fixture({ drop });
  let count = 0;
  for (let at = 0; at < 1000; at++) {
    passOut(edge, frame, null, () => count += 1);
    passIn(edge, frame, null, () => count += 1);
  }
  return count;
}

Deno.test("an edge lets everything pass at once when nothing is wrong", () => {
  const { edge, clock, passed, ...send } = fixture(null);
  send.out(1, 2);
  send.in(3);
  assertEquals([passed, clock.timers(), isCut(edge)], [[1, 2, -3], 0, false]);
});

Deno.test("an edge that is cut one way lets the other way pass, and nobody connect", () => {
  const inward = fixture({ cutIn: true });
  const outward = fixture({ cutOut: true });
  for (const { out, in: come } of [inward, outward]) {
    out(1);
    come(2);
  }
  assertEquals([inward.passed, outward.passed], [[1], [-2]]);
  assertEquals([isCut(inward.edge), isCut(outward.edge)], [true, true]);
});

Deno.test("an edge loses its share of the messages, and none of a stream's own frames", () => {
  const options = { from: 1, to: 2, maxDataBytes: 10 };
  const message = sampleMessage(seededRandom(1), "heartbeat", options);
  const frame: Frame = { type: "message", message };
  assertEquals(countPassed(0, frame), 2000);
  assertEquals(countPassed(1, frame), 0);
  assertEquals(countPassed(1, { type: "want_bulk" }), 2000);
  const passed = countPassed(0.25, frame);
  assert(passed > 1400 && passed < 1600, `${passed} passed`);
});

Deno.test("an edge holds everything up, each way in order", () => {
  const { clock, edge, passed, ...send } = fixture({ delayMs: 100 });
  send.out(1);
  clock.pass(60);
  send.out(2);
  send.in(3);
  assertEquals(passed, []);
  clock.pass(39);
  assertEquals(passed, []);
  clock.pass(1);
  assertEquals(passed, [1]);
  // A shorter delay overtakes nothing.
  setEdgeFault(edge, faultFrom({ delayMs: 5 }));
  send.out(4);
  clock.pass(59);
  assertEquals(passed, [1]);
  clock.pass(1);
  assertEquals(passed.toSorted(), [-3, 1, 2, 4]);
  assert(passed.indexOf(2) < passed.indexOf(4));
  assertEquals(clock.timers(), 0);
});

Deno.test("an edge lets go of what it held up when the fault ends, and loses it by a cut", () => {
  const ended = fixture({ delayMs: 100 });
  ended.out(1, 2);
  ended.in(3);
  setEdgeFault(ended.edge, null);
  ended.out(4);
  assertEquals(ended.passed, [-3, 1, 2, 4]);

  const cut = fixture({ delayMs: 100 });
  cut.out(1, 2);
  cut.in(3);
  setEdgeFault(cut.edge, faultFrom({ cutOut: true }));
  assertEquals(cut.passed, [-3]);

  const deaf = fixture({ delayMs: 100 });
  deaf.out(1, 2);
  deaf.in(3);
  setEdgeFault(deaf.edge, faultFrom({ cutIn: true }));
  assertEquals(deaf.passed, [1, 2]);

  const closed = fixture({ delayMs: 100 });
  closed.out(1);
  closed.in(2);
  closeEdge(closed.edge);
  for (const { clock } of [ended, cut, deaf, closed]) {
    assertEquals(clock.timers(), 0);
    clock.pass(1000);
  }
  const passed = [ended, cut, deaf, closed].map((one) => one.passed.length);
  assertEquals(passed, [4, 1, 2, 0]);
});

Deno.test("an edge holds no more up than it may", () => {
  const limits = { maxQueueMessages: 3 };
  const { clock, passed, out } = fixture({ delayMs: 10 }, limits);
  out(1, 2, 3, 4, 5);
  clock.pass(10);
  out(6);
  clock.pass(10);
  assertEquals(passed, [1, 2, 3, 6]);
});

Deno.test("askAcross() hears nothing across a cut, not even what was asked before", async () => {
  const { edge } = fixture({ cutIn: true });
  const limit = new AbortController();
  let asked = 0;
  const before = askAcross(edge, limit.signal, () => Promise.resolve(asked++));
  setEdgeFault(edge, null);
  const answer = Promise.withResolvers<string>();
  const refusal = Promise.withResolvers<string>();
  const during = askAcross(edge, limit.signal, () => answer.promise);
  const refused = askAcross(edge, limit.signal, () => refusal.promise);
  setEdgeFault(edge, faultFrom({ cutOut: true }));
  answer.resolve("an answer");
  refusal.reject(new Error("Refused"));
  await Promise.resolve();
  limit.abort(new DOMException("Time is up", "TimeoutError"));
  for (const one of [before, during, refused]) {
    await assertRejects(() => one, DOMException, "Time is up");
  }
  assertEquals(asked, 0);
  setEdgeFault(edge, null);
  const open = new AbortController().signal;
  const heard = await askAcross(edge, open, () => Promise.resolve("heard"));
  assertEquals(heard, "heard");
});

Deno.test("faultFrom() fills in what is not named, and refuses what is out of bounds", () => {
  assertEquals(faultFrom({ cutIn: true }), {
    drop: 0,
    delayMs: 0,
    cutIn: true,
    cutOut: false,
  });
  const wrong = [
    { drop: -0.1 },
    { drop: 1.1 },
    { drop: NaN },
    { delayMs: -1 },
    { delayMs: 60_001 },
  ];
  for (const fault of wrong) {
    assertThrows(() => faultFrom(fault), RangeError, "is not 0 to");
  }
});
