import { assert, assertEquals } from "@std/assert";
import {
  present,
  type Random,
  randomBelow,
  seededRandom,
} from "../../base/mod.ts";
import { encodeFrames, frameWeightBytes } from "./encode.ts";
import { type Frame, FRAME_HEADER_BYTES, FrameError } from "./frame.ts";
import { createFrameDecoder, decodeChunk } from "./frame_decoder.ts";
import { sampleMessages } from "./sample_messages_test_kit.ts";

const MAX_FRAME_BYTES = 64 * 1024;

function sampleFrames(random: Random, maxDataBytes = 300): Frame[] {
  const messages = sampleMessages(random, { from: 1, to: 1000, maxDataBytes });
  const frames = messages.map((message): Frame => ({
    type: "message",
    message,
  }));
  return [
    {
      type: "hello",
      clusterId: "c–1",
      nodeId: 7,
      incarnation: 2 ** 48 - 1,
      bootId: "ab",
      proof: "",
    },
    { type: "ping", sentAtMs: random.next() * 1e7 },
    { type: "pong", sentAtMs: 0 },
    { type: "want_bulk" },
    { type: "note", data: Uint8Array.of(1, 2, 3) },
    ...frames,
  ];
}

/** Plain arrays: equality is about content, not about the buffers behind it. */
function plain(frames: readonly Frame[]): unknown {
  return JSON.parse(JSON.stringify(
    frames,
    (_key, value) => value instanceof Uint8Array ? [...value] : value,
  ));
}

function decodeInPieces(
  random: Random,
  bytes: Uint8Array,
  maxPiece: number,
): Frame[] {
  const decoder = createFrameDecoder({ maxFrameBytes: MAX_FRAME_BYTES });
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + randomBelow(random, maxPiece) + 1;
    // A copy whose source is overwritten: nothing decoded may be a view of a chunk.
    const chunk = bytes.slice(at, end);
    frames.push(...decodeChunk(decoder, chunk));
    chunk.fill(0xee);
    at = end;
  }
  return frames;
}

function thrownBy(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

Deno.test("createFrameDecoder() gives back every frame, however the bytes are cut", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed);
    const frames = sampleFrames(random);
    const bytes = encodeFrames(frames);
    for (const maxPiece of [1, 7, 500, 100_000]) {
      const decoded = decodeInPieces(random, bytes, maxPiece);
      assertEquals(plain(decoded), plain(frames));
    }
  }
});

Deno.test("createFrameDecoder() gives back a frame that is larger than its first buffer", () => {
  const random = seededRandom(1);
  const frames = sampleFrames(random, 60_000);
  const decoder = createFrameDecoder({ maxFrameBytes: 1 << 20 });
  const bytes = encodeFrames(frames);
  const decoded: Frame[] = [];
  for (let at = 0; at < bytes.length; at += 16_384) {
    decoded.push(...decodeChunk(decoder, bytes.slice(at, at + 16_384)));
  }
  assertEquals(plain(decoded), plain(frames));
});

Deno.test("createFrameDecoder() keeps no more than a frame's bytes behind an entry", () => {
  const data = new Uint8Array(1000).fill(7);
  const envelope = {
    from: 1,
    to: 2,
    fromIncarnation: 1,
    toIncarnation: 1,
    term: 1,
  };
  const one: Frame = {
    type: "message",
    message: {
      kind: "append",
      ...envelope,
      prevIndex: 0,
      prevTerm: 0,
      commit: 0,
      entries: [{ index: 1, term: 1, kind: "command", data }],
    },
  };
  const bytes = encodeFrames(Array.from({ length: 50 }, () => one));
  const decoder = createFrameDecoder({ maxFrameBytes: MAX_FRAME_BYTES });
  for (const frame of decodeChunk(decoder, bytes)) {
    assert(frame.type === "message" && frame.message.kind === "append");
    const entry = present(frame.message.entries[0], "the entry");
    assertEquals([...entry.data], [...data]);
    assert(entry.data.buffer.byteLength < 1200);
  }
});

Deno.test("createFrameDecoder() throws nothing but FrameError for damaged bytes", () => {
  let refused = 0;
  for (let seed = 1; seed <= 1500; seed++) {
    const random = seededRandom(seed);
    const bytes = encodeFrames(sampleFrames(random, 40));
    const hits = 1 + randomBelow(random, 4);
    for (let hit = 0; hit < hits; hit++) {
      bytes[randomBelow(random, bytes.length)] = randomBelow(random, 256);
    }
    const error = thrownBy(() => decodeInPieces(random, bytes, 4000));
    if (error === undefined) continue;
    assert(error instanceof FrameError, `seed ${seed}: ${String(error)}`);
    refused += 1;
  }
  assert(refused > 500, `only ${refused} of the damaged streams were refused`);
});

Deno.test("createFrameDecoder() throws nothing but FrameError for noise", () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const random = seededRandom(seed);
    const content = Uint8Array.from(
      { length: 1 + randomBelow(random, 200) },
      () => randomBelow(random, 256),
    );
    content[0] = randomBelow(random, 34);
    const frame = new Uint8Array(FRAME_HEADER_BYTES + content.length);
    new DataView(frame.buffer).setUint32(0, content.length);
    frame.set(content, FRAME_HEADER_BYTES);
    const error = thrownBy(() => decodeInPieces(random, frame, 300));
    assert(
      error === undefined || error instanceof FrameError,
      `seed ${seed}: ${String(error)}`,
    );
  }
});

Deno.test("createFrameDecoder() refuses a frame over the limit at its header", () => {
  const decoder = createFrameDecoder({ maxFrameBytes: 1000 });
  const error = thrownBy(() =>
    decodeChunk(decoder, Uint8Array.of(0, 0, 3, 233))
  );
  assert(error instanceof FrameError);
  assert(error.message.includes("1001"));
});

Deno.test("createFrameDecoder() takes a frame of exactly the limit", () => {
  const frame: Frame = { type: "ping", sentAtMs: 1 };
  const decoder = createFrameDecoder({ maxFrameBytes: 9 });
  assertEquals(decodeChunk(decoder, encodeFrames([frame])), [frame]);
});

Deno.test("createFrameDecoder() takes nothing more after a refusal", () => {
  const decoder = createFrameDecoder({ maxFrameBytes: 1000 });
  const first = thrownBy(() =>
    decodeChunk(decoder, Uint8Array.of(0, 0, 0, 1, 99))
  );
  const ping = encodeFrames([{ type: "ping", sentAtMs: 1 }]);
  assert(first instanceof FrameError);
  assertEquals(thrownBy(() => decodeChunk(decoder, ping)), first);
});

const REFUSED_CONTENTS: readonly [string, readonly number[]][] = [
  ["an empty frame", []],
  ["an unknown kind", [200]],
  ["a kind without its body", [20]],
  ["a ping that is not a number", [2, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]],
  ["bytes after the end", [4, 0]],
  ["a hello that is no JSON", [1, 0, 0, 0, 1, 0x7b]],
  ["a hello that is a list", [1, 0, 0, 0, 2, 0x5b, 0x5d]],
  ["a node with id 0", [26, 0, 0, 0, 2, ...new Array(24).fill(0)]],
  ["a node with id 1001", [26, 3, 0xe9, 0, 2, ...new Array(24).fill(0)]],
  ["a number above 2^53 - 1", [
    26,
    0,
    1,
    0,
    2,
    0xff,
    ...new Array(23).fill(0),
  ]],
];

Deno.test("createFrameDecoder() refuses contents that are no frame", async (t) => {
  for (const [what, content] of REFUSED_CONTENTS) {
    await t.step(what, () => {
      const bytes = Uint8Array.of(0, 0, 0, content.length, ...content);
      const decoder = createFrameDecoder({ maxFrameBytes: 1000 });
      assert(thrownBy(() => decodeChunk(decoder, bytes)) instanceof FrameError);
    });
  }
});

Deno.test("createFrameDecoder() does not believe a count of entries that cannot fit", () => {
  const [bytes] = [encodeFrames([{
    type: "message",
    message: {
      kind: "append",
      from: 1,
      to: 2,
      fromIncarnation: 0,
      toIncarnation: 0,
      term: 1,
      prevIndex: 0,
      prevTerm: 0,
      commit: 0,
      entries: [],
    },
  }])];
  new DataView(bytes.buffer).setUint32(bytes.length - 4, 0xffffffff);
  const decoder = createFrameDecoder({ maxFrameBytes: 1000 });
  const error = thrownBy(() => decodeChunk(decoder, bytes));
  assert(error instanceof FrameError && error.message.includes("4294967295"));
});

Deno.test("encodeFrames() refuses appended entries with a gap", () => {
  const error = thrownBy(() =>
    encodeFrames([{
      type: "message",
      message: {
        kind: "append",
        from: 1,
        to: 2,
        fromIncarnation: 0,
        toIncarnation: 0,
        term: 1,
        prevIndex: 4,
        prevTerm: 0,
        commit: 0,
        entries: [{
          index: 6,
          term: 1,
          kind: "noop",
          data: new Uint8Array(0),
        }],
      },
    }])
  );
  assert(error instanceof Error && error.name === "InvariantError");
});

Deno.test("frameWeightBytes() is never below what the bulk of a frame takes", () => {
  for (let seed = 1; seed <= 200; seed++) {
    for (const frame of sampleFrames(seededRandom(seed), 2000)) {
      assert(frameWeightBytes(frame) >= encodeFrames([frame]).length);
    }
  }
});
