import type { KvRange, KvRevision } from "../../raft/machines/mod.ts";
import { Problem } from "../http/mod.ts";
import { createBell } from "./bell.ts";
import type { NodeContext } from "./context.ts";

/** How many watchers a node serves at once; more are refused as busy. */
export const MAX_WATCHERS = 2000;
/** How often a watcher that asked for it is told how far it is. */
const PROGRESS_INTERVAL_MS = 5000;

/** What watching needs of its node. */
export type WatchContext =
  & Pick<NodeContext, "stage" | "stopSignal">
  & {
    readonly raft: Pick<NodeContext["raft"], "onChange">;
    readonly machine: {
      readonly kv: Pick<
        NodeContext["machine"]["kv"],
        "changes" | "revision" | "oldestRevision"
      >;
    };
  };

/** Why a watch ended from this side. */
export type WatchEnd =
  /** It fell behind: `oldest` is the first revision that is still remembered here. */
  | { readonly kind: "compacted"; readonly oldest: number }
  /** The node stops, or is no member any more. */
  | { readonly kind: "stopping" };

/** How what is watched is written. */
export interface WatchFormat<T> {
  /** The watch stands; all up to this revision is known to the watcher. */
  started(through: number): T;
  /** A revision; null where none of it is of interest. */
  revision(revision: KvRevision): T | null;
  /** All up to this revision was told; null where the watcher does not want to know. */
  progress(through: number): T | null;
  ended(end: WatchEnd): T;
}

/** A watch. */
export interface WatchOptions<T> extends KvRange {
  /** The last revision that the watcher knows. */
  readonly after: number;
  readonly format: WatchFormat<T>;
  /** Aborted when the watcher has gone. */
  readonly signal: AbortSignal;
}

/** A watch, as it is shown. */
export interface WatcherView {
  readonly id: number;
  /** How many revisions it was told of. */
  readonly told: number;
  /** The last revision that it has gone through. */
  readonly through: number;
}

/** Serves watchers. None has a queue of its own: each is a place in the store's history. */
export interface WatchHub {
  /** Begins a watch. */
  watch<T>(options: WatchOptions<T>): ReadableStream<T>;
  /** How many there are. */
  size(): number;
  /** All of them, in the order in which they came. */
  list(): readonly WatcherView[];
}

interface Watcher {
  /** Looks for changes, or ends if it is too late for them. */
  look(): void;
  /** Tells how far it is. */
  tick(): void;
  readonly at: WatcherView;
}

interface Hub {
  readonly context: WatchContext;
  readonly watchers: Set<Watcher>;
  /** The number of the next one. */
  nextId: number;
  /** Ends the listening; null while nobody watches. */
  forget: (() => void) | null;
}

/**
 * Makes what serves watchers; it listens while there are any.
 *
 * @param context The node.
 */
export function createWatchHub(context: WatchContext): WatchHub {
  const hub: Hub = { context, watchers: new Set(), nextId: 1, forget: null };
  return {
    size: () => hub.watchers.size,
    list: () => [...hub.watchers].map(({ at }) => ({ ...at })),
    watch: (options) => {
      if (hub.watchers.size >= MAX_WATCHERS) {
        throw new Problem(
          "busy",
          `${MAX_WATCHERS} watchers are served; end some, or watch another node`,
          { headers: { "retry-after": "1" } },
        );
      }
      return createWatch(hub, options);
    },
  };
}

function enlist(hub: Hub, watcher: Watcher): void {
  hub.watchers.add(watcher);
  hub.forget ??= listen(hub);
}

function dismiss(hub: Hub, watcher: Watcher): void {
  hub.watchers.delete(watcher);
  if (hub.watchers.size > 0) return;
  hub.forget?.();
  hub.forget = null;
}

function listen({ context, watchers }: Hub): () => void {
  const { raft, machine, stopSignal } = context;
  let last = machine.kv.revision();
  const all = (): void => {
    for (const watcher of [...watchers]) watcher.look();
  };
  const forget = raft.onChange(() => {
    const revision = machine.kv.revision();
    if (revision === last) return;
    last = revision;
    all();
  });
  const timer = setInterval(() => {
    for (const watcher of [...watchers]) watcher.tick();
  }, PROGRESS_INTERVAL_MS);
  stopSignal.addEventListener("abort", all);
  return () => {
    forget();
    clearInterval(timer);
    stopSignal.removeEventListener("abort", all);
  };
}

/** A stream that is pulled by its reader: what nobody reads is not looked up. */
function createWatch<T>(hub: Hub, options: WatchOptions<T>): ReadableStream<T> {
  const { format, signal } = options;
  const at = { id: hub.nextId++, told: 0, through: options.after };
  const bell = createBell();
  let isDue = false;
  let isEnded = false;
  let controller: ReadableStreamDefaultController<T> | null = null;
  const watcher: Watcher = {
    look(): void {
      // Who does not read is told at once that it is too late; it would learn it only later.
      const end = endOf(hub, at.through);
      if (end) finish(end);
      bell.ring();
    },
    tick(): void {
      isDue = true;
      watcher.look();
    },
    at,
  };
  const leave = (): void => {
    isEnded = true;
    bell.ring();
    dismiss(hub, watcher);
    signal.removeEventListener("abort", abandon);
  };
  const finish = (end: WatchEnd): void => {
    if (isEnded) return;
    controller?.enqueue(format.ended(end));
    controller?.close();
    leave();
  };
  const abandon = (): void => {
    if (isEnded) return;
    controller?.close();
    leave();
  };

  async function pull(
    out: ReadableStreamDefaultController<T>,
  ): Promise<void> {
    while (!isEnded) {
      const { chunks, through, end } = tellNext(hub, options, at.through);
      if (end) return finish(end);
      at.through = through;
      at.told += chunks.length;
      for (const chunk of chunks) out.enqueue(chunk);
      if (chunks.length > 0) return;
      if (isDue) {
        isDue = false;
        const progress = format.progress(through);
        if (progress !== null) return out.enqueue(progress);
      }
      await bell.rung();
    }
  }

  return new ReadableStream<T>({
    start(out): void {
      controller = out;
      enlist(hub, watcher);
      signal.addEventListener("abort", abandon);
      out.enqueue(format.started(at.through));
      if (signal.aborted) abandon();
      else watcher.look();
    },
    pull,
    cancel: leave,
  });
}

/** Why a watcher that is so far must end; null when it may go on. */
function endOf({ context }: Hub, through: number): WatchEnd | null {
  const { stopSignal, stage, machine } = context;
  if (stopSignal.aborted || stage() === "removed") return { kind: "stopping" };
  const oldest = machine.kv.oldestRevision();
  return through + 1 < oldest ? { kind: "compacted", oldest } : null;
}

interface Told<T> {
  readonly chunks: readonly T[];
  readonly through: number;
  readonly end: WatchEnd | null;
}

/** The next chunks; goes over what is of no interest until there are some, or all is told. */
function tellNext<T>(
  { context: { machine: { kv } } }: Hub,
  { key, rangeEnd, format }: WatchOptions<T>,
  after: number,
): Told<T> {
  let through = after;
  while (true) {
    const next = kv.changes({ key, rangeEnd, after: through });
    if (next.type === "compacted") {
      const end = { kind: "compacted", oldest: next.oldest } as const;
      return { chunks: [], through, end };
    }
    through = next.through;
    const chunks = next.revisions.flatMap((one) => format.revision(one) ?? []);
    const isAll = through >= kv.revision();
    if (isAll || chunks.length > 0) return { chunks, through, end: null };
  }
}
