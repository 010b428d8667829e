import { assertEquals } from "@std/assert";
import { present, type RawLine, seededRandom } from "../../base/mod.ts";
import type { Frame, HelloFrame } from "./frame.ts";
import { createFrameDecoder, decodeChunk } from "./frame_decoder.ts";
import {
  beginOn,
  bodyOf,
  closeOutlet,
  createOutlet,
  endOutlet,
  type Outlet,
  pullOutlet,
  wakeOutlet,
} from "./outlet.ts";
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

interface Bare {
  readonly queue: SendQueue;
  readonly outlet: Outlet;
  readonly closed: () => number;
}

interface Fixture extends Bare {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

function fixture(): Fixture {
  const bare = bareFixture();
  return { ...bare, body: bodyOf(bare.outlet) };
}

function bareFixture(): Bare {
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
  const { queue, outlet, body } = fixture();
  const reader = body.getReader();
  const decoder = createFrameDecoder({ maxFrameBytes: 10_000 });
  const read = async (): Promise<Frame[]> =>
    decodeChunk(decoder, present((await reader.read()).value, "chunk"));
  assertEquals(await read(), [HELLO]);
  const next = read();
  await Promise.resolve();
  for (let at = 0; at < 3; at++) {
    queue.offer(append());
    wakeOutlet(outlet);
  }
  assertEquals((await next).length, 3);
  closeOutlet(outlet);
  assertEquals((await reader.read()).done, true);
});

Deno.test("createOutlet() takes nothing from the queue before the reader asks", async () => {
  const { queue, outlet, body } = fixture();
  queue.offer(append());
  wakeOutlet(outlet);
  await Promise.resolve();
  assertEquals([queue.length(), outlet.writes], [1, 0]);
  await body.cancel();
});

Deno.test("createOutlet() drops what waits and tells once, whichever end closes", async () => {
  for (const end of ["reader", "writer"]) {
    const { queue, outlet, body, closed } = fixture();
    queue.offer(append());
    if (end === "reader") await body.cancel();
    closeOutlet(outlet);
    closeOutlet(outlet);
    wakeOutlet(outlet);
    assertEquals([queue.length(), queue.dropped(), closed()], [0, 1, 1]);
  }
});

Deno.test("createOutlet() bears a reader that cancels while a write hands it the bytes", async () => {
  const { queue, outlet, closed } = fixture();
  await pullOutlet(outlet);
  let chunks = 0;
  outlet.sink = {
    enqueue: () => {
      chunks += 1;
      endOutlet(outlet);
    },
    close: () => {
      throw new TypeError("A cancelled stream cannot be closed");
    },
  };
  const pulled = pullOutlet(outlet);
  queue.offer(append());
  wakeOutlet(outlet);
  queue.offer(append());
  await pulled;
  closeOutlet(outlet);
  await pullOutlet(outlet);
  assertEquals([chunks, outlet.writes, closed()], [1, 2, 1]);
  assertEquals([queue.length(), outlet.answerPull], [0, null]);
});

/** A connection that has room for so many writes. */
function createLine(room: number): {
  readonly line: RawLine;
  readonly frames: Frame[];
  leave(room: number): void;
  isEnded(): boolean;
} {
  const decoder = createFrameDecoder({ maxFrameBytes: 10_000 });
  const frames: Frame[] = [];
  let left = room;
  let ended = false;
  return {
    frames,
    line: {
      write(bytes): boolean {
        frames.push(...decodeChunk(decoder, bytes));
        left -= 1;
        return left > 0;
      },
      end: () => {
        ended = true;
      },
    },
    leave: (room) => {
      left = room;
    },
    isEnded: () => ended,
  };
}

Deno.test("beginOn() greets once there is room, and writes what one turn queues at once", async () => {
  const { queue, outlet } = bareFixture();
  const { line, frames, isEnded } = createLine(Infinity);
  const answer = beginOn(outlet, line);
  assertEquals(frames, []);
  answer.hasRoom();
  assertEquals(frames, [HELLO]);
  for (let at = 0; at < 3; at++) {
    queue.offer(append());
    wakeOutlet(outlet);
  }
  await Promise.resolve();
  assertEquals([frames.length, outlet.writes], [4, 2]);
  closeOutlet(outlet);
  assertEquals(isEnded(), true);
});

Deno.test("beginOn() ends a connection whose stream was closed before it began", () => {
  const { outlet } = bareFixture();
  const { line, frames, isEnded } = createLine(Infinity);
  closeOutlet(outlet);
  const answer = beginOn(outlet, line);
  answer.hasRoom();
  answer.ended();
  assertEquals([frames, isEnded()], [[], true]);
});

Deno.test("beginOn() leaves in the queue what the connection has no room for, and goes on when it has", async () => {
  const { queue, outlet } = bareFixture();
  const { line, frames, leave } = createLine(1);
  const answer = beginOn(outlet, line);
  answer.hasRoom();
  queue.offer(append());
  wakeOutlet(outlet);
  await Promise.resolve();
  assertEquals([frames.length, queue.length()], [1, 1]);
  leave(2);
  answer.hasRoom();
  assertEquals([frames.length, queue.length()], [2, 0]);
  for (let at = 0; at < 40; at++) queue.offer(append());
  wakeOutlet(outlet);
  await Promise.resolve();
  // A write gathers a thousand bytes, less than all of them take.
  assertEquals([outlet.writes, queue.length() > 0], [3, true]);
  leave(Infinity);
  answer.hasRoom();
  assertEquals([frames.length, queue.length()], [42, 0]);
});

Deno.test("beginOn() drops what waits and tells once, whichever end closes", () => {
  for (const end of ["reader", "writer"]) {
    const { queue, outlet, closed } = bareFixture();
    const { line, frames } = createLine(1);
    const answer = beginOn(outlet, line);
    answer.hasRoom();
    queue.offer(append());
    if (end === "writer") closeOutlet(outlet);
    answer.ended();
    answer.hasRoom();
    closeOutlet(outlet);
    assertEquals([queue.length(), closed(), frames.length], [0, 1, 1]);
  }
});
