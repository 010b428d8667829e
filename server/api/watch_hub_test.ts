import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  createKvMachine,
  encodeKvOperation,
  type KvMachine,
} from "../../raft/machines/mod.ts";
import { Problem } from "../http/mod.ts";
import type { NodeStage } from "./context.ts";
import {
  createWatchHub,
  MAX_WATCHERS,
  type WatchFormat,
  type WatchHub,
} from "./watch_hub.ts";

/** What a watcher was told, in short. */
const FORMAT: WatchFormat<string> = {
  started: (through) => `started ${through}`,
  revision: ({ revision, changes }) =>
    `${revision}: ${changes.map(({ after }) => after.key).join(" ")}`,
  progress: (through) => `progress ${through}`,
  ended: (end) => end.kind === "compacted" ? `oldest ${end.oldest}` : end.kind,
};

interface Bench {
  readonly kv: KvMachine;
  readonly hub: WatchHub;
  /** How many listen to the node. */
  listeners(): number;
  put(key: string, value?: string): void;
  become(stage: NodeStage): void;
  readonly stop: AbortController;
}

function bench(): Bench {
  const kv = createKvMachine();
  const listeners = new Set<() => void>();
  const stop = new AbortController();
  let stage: NodeStage = "running";
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const hub = createWatchHub({
    stage: () => stage,
    stopSignal: stop.signal,
    machine: { kv },
    raft: {
      onChange: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
  });
  const put = (key: string, value = ""): void => {
    const data = encodeKvOperation({
      type: "put",
      key,
      value,
      returnPrevious: false,
    });
    const index = kv.getLastAppliedIndex() + 1;
    kv.applyOperation({ kind: "custom", data }, index);
    tell();
  };
  const become = (next: NodeStage): void => {
    stage = next;
    put("last");
  };
  return { kv, hub, put, become, stop, listeners: () => listeners.size };
}

function watch(
  { hub }: Bench,
  after: number,
  { key = "", rangeEnd = "\0", signal = new AbortController().signal } = {},
): ReadableStreamDefaultReader<string> {
  return hub.watch({ key, rangeEnd, after, format: FORMAT, signal })
    .getReader();
}

async function read(
  reader: ReadableStreamDefaultReader<string>,
  count: number,
): Promise<string[]> {
  const chunks: string[] = [];
  while (chunks.length < count) {
    const { done, value } = await reader.read();
    if (done) return [...chunks, "end"];
    chunks.push(value);
  }
  return chunks;
}

Deno.test("a watcher is told what was before it came and what comes, once and in order", async () => {
  const one = bench();
  one.put("a");
  one.put("b");
  const reader = watch(one, 0);
  assertEquals(await read(reader, 3), ["started 0", "1: a", "2: b"]);
  const next = read(reader, 2);
  one.put("c");
  one.put("d");
  assertEquals(await next, ["3: c", "4: d"]);
  await reader.cancel();
  assertEquals([one.hub.size(), one.listeners()], [0, 0]);
});

Deno.test("a watcher of a range is told of that alone, and does not fall behind by others", async () => {
  const one = bench();
  const reader = watch(one, 0, { key: "x", rangeEnd: "" });
  assertEquals(await read(reader, 1), ["started 0"]);
  const next = read(reader, 1);
  for (let n = 0; n < 20_000; n++) {
    one.put(`k${n % 10}`);
    if (n % 5000 === 0) await Promise.resolve();
  }
  one.put("x");
  assertEquals(await next, ["20001: x"]);
  await reader.cancel();
});

Deno.test("a watcher that does not read is told that it fell behind, and ended", async () => {
  const one = bench();
  const reader = watch(one, 0);
  for (let n = 0; n < 20_000; n++) one.put("k");
  assertEquals([one.hub.size(), one.listeners()], [0, 0]);
  assertEquals(await read(reader, 9), ["started 0", "oldest 2", "end"]);
});

Deno.test("a watcher of what is forgotten is told so at once", async () => {
  const one = bench();
  for (let n = 0; n < 20_000; n++) one.put("k");
  const reader = watch(one, 5);
  assertEquals(await read(reader, 9), ["started 5", "oldest 3617", "end"]);
  assertEquals(one.hub.size(), 0);
});

Deno.test("a watcher from a later revision is told of that one first", async () => {
  const one = bench();
  const reader = watch(one, 2);
  const next = read(reader, 2);
  for (const key of ["a", "b", "c"]) one.put(key);
  assertEquals(await next, ["started 2", "3: c"]);
  await reader.cancel();
});

Deno.test("watchers are ended when the node stops, and when it is removed", async () => {
  const stopped = bench();
  const first = watch(stopped, 0);
  stopped.stop.abort();
  assertEquals(await read(first, 9), ["started 0", "stopping", "end"]);

  const removed = bench();
  const second = watch(removed, 0);
  removed.become("removed");
  assertEquals(await read(second, 9), ["started 0", "stopping", "end"]);
  assertEquals([stopped.listeners(), removed.listeners()], [0, 0]);
});

Deno.test("a watcher that went is forgotten", async () => {
  const one = bench();
  const gone = new AbortController();
  const reader = watch(one, 0, { signal: gone.signal });
  assertEquals([one.hub.size(), one.listeners()], [1, 1]);
  gone.abort();
  assertEquals([one.hub.size(), one.listeners()], [0, 0]);
  assertEquals(await read(reader, 9), ["started 0", "end"]);
  const late = watch(one, 0, { signal: gone.signal });
  assertEquals(await read(late, 9), ["started 0", "end"]);
});

Deno.test("more watchers than allowed are refused as busy, and later ones served", async () => {
  const one = bench();
  const readers = Array.from({ length: MAX_WATCHERS }, () => watch(one, 0));
  assertEquals(one.listeners(), 1);
  const error = assertThrows(() => watch(one, 0), Problem);
  assertEquals(error.code, "busy");
  const [first] = readers;
  assert(first);
  await first.cancel();
  readers[0] = watch(one, 0);
  for (const reader of readers) await reader.cancel();
  assertEquals(one.listeners(), 0);
});
