import { assertEquals } from "@std/assert";
import { seededRandom } from "../../base/mod.ts";
import type { Message } from "../core/mod.ts";
import { frameWeightBytes } from "./encode.ts";
import type { Frame } from "./frame.ts";
import { createSendQueue, type SendQueue } from "./queue.ts";
import { sampleMessage } from "./sample_messages_test_kit.ts";

const random = seededRandom(3);

function frame(kind: Message["kind"]): Frame {
  const options = { from: 1, to: 2, maxDataBytes: 100 };
  return { type: "message", message: sampleMessage(random, kind, options) };
}

function smallQueue(): SendQueue {
  return createSendQueue({
    maxBytes: 1_000_000,
    maxMessages: 3,
    maxUrgentMessages: 2,
  });
}

Deno.test("take() hands out votes and heartbeats before appends, which keep their order", () => {
  const queue = smallQueue();
  const frames = ["append", "append_response", "heartbeat", "vote"] as const;
  const [first, second, heartbeat, vote] = frames.map(frame);
  for (const each of [first, second, heartbeat, vote]) {
    if (each !== undefined) queue.offer(each);
  }
  assertEquals(queue.take(1_000_000), [heartbeat, vote, first, second]);
  assertEquals(queue.length(), 0);
  assertEquals(queue.bytes(), 0);
});

Deno.test("offer() drops the new one when what keeps its order is full", () => {
  const queue = smallQueue();
  const frames = Array.from({ length: 5 }, () => frame("append"));
  for (const each of frames) queue.offer(each);
  assertEquals(queue.take(1_000_000), frames.slice(0, 3));
  assertEquals(queue.dropped(), 2);
});

Deno.test("offer() drops the oldest when what is urgent is full", () => {
  const queue = smallQueue();
  const frames = Array.from({ length: 5 }, () => frame("heartbeat"));
  for (const each of frames) queue.offer(each);
  assertEquals(queue.take(1_000_000), frames.slice(3));
  assertEquals(queue.dropped(), 3);
});

Deno.test("offer() takes no more bytes than the limit", () => {
  const frames = Array.from({ length: 5 }, () => frame("append"));
  const weights = frames.slice(0, 4).map(frameWeightBytes);
  const queue = createSendQueue({
    maxBytes: weights.reduce((sum, weight) => sum + weight),
    maxMessages: 100,
    maxUrgentMessages: 100,
  });
  for (const each of frames) queue.offer(each);
  assertEquals(queue.take(1_000_000), frames.slice(0, 4));
});

Deno.test("take() stops at about the size asked for, and hands out at least one", () => {
  const queue = smallQueue();
  const frames = Array.from({ length: 3 }, () => frame("append"));
  for (const each of frames) queue.offer(each);
  assertEquals(queue.take(1), frames.slice(0, 1));
  assertEquals(queue.take(1), frames.slice(1, 2));
  const [last] = frames.slice(2);
  assertEquals(queue.bytes(), last === undefined ? 0 : frameWeightBytes(last));
});

Deno.test("clear() counts messages as dropped, and pings not", () => {
  const queue = smallQueue();
  queue.offer(frame("append"));
  queue.offer(frame("vote"));
  queue.offer({ type: "ping", sentAtMs: 1 });
  queue.clear();
  assertEquals([queue.length(), queue.bytes(), queue.dropped()], [0, 0, 2]);
});
