import { assertEquals } from "@std/assert";
import { present, seededRandom } from "../../base/mod.ts";
import { createFrameDecoder } from "./decode.ts";
import type { Frame, HelloFrame } from "./frame.ts";
import { createOutlet, type Outlet } from "./outlet.ts";
import { createSendQueue, type SendQueue } from "./queue.ts";
import { sampleMessage } from "./sample_messages_test_kit.ts";

const HELLO: HelloFrame = {
  type: "hello",
  clusterId: "c",
  nodeId: 1,
  incarnation: 2,
  bootId: "b",
  proof: "p",
};

function fixture(): { queue: SendQueue; outlet: Outlet; closed: () => number } {
  let closed = 0;
  const queue = createSendQueue({
    maxBytes: 1 << 20,
    maxMessages: 100,
    maxUrgentMessages: 100,
  });
  const outlet = createOutlet({
    hello: HELLO,
    queue,
    maxChunkBytes: 1000,
    onClosed: () => closed += 1,
  });
  return { queue, outlet, closed: () => closed };
}

function append(): Frame {
  const options = { from: 1, to: 2, maxDataBytes: 10 };
  const message = sampleMessage(seededRandom(1), "read_index", options);
  return { type: "message", message };
}

Deno.test("createOutlet() greets first, and writes what one turn queues at once", async () => {
  const { queue, outlet } = fixture();
  const reader = outlet.body.getReader();
  const decoder = createFrameDecoder({ maxFrameBytes: 10_000 });
  const read = async (): Promise<Frame[]> =>
    decoder.push(present((await reader.read()).value, "chunk"));
  assertEquals(await read(), [HELLO]);
  const next = read();
  await Promise.resolve();
  for (let at = 0; at < 3; at++) {
    queue.offer(append());
    outlet.wake();
  }
  assertEquals((await next).length, 3);
  outlet.close();
  assertEquals((await reader.read()).done, true);
});

Deno.test("createOutlet() takes nothing from the queue before the reader asks", async () => {
  const { queue, outlet } = fixture();
  queue.offer(append());
  outlet.wake();
  await Promise.resolve();
  assertEquals([queue.length(), outlet.writes()], [1, 0]);
  await outlet.body.cancel();
});

Deno.test("createOutlet() drops what waits and tells once, whichever end closes", async () => {
  for (const end of ["reader", "writer"]) {
    const { queue, outlet, closed } = fixture();
    queue.offer(append());
    if (end === "reader") await outlet.body.cancel();
    outlet.close();
    outlet.close();
    outlet.wake();
    assertEquals([queue.length(), queue.dropped(), closed()], [0, 1, 1]);
  }
});
