import { type Clock, messageOf, type Timer } from "../../base/mod.ts";
import type { Instance, OwnConnection } from "../../pg/instance/mod.ts";
import { logger } from "../logging/mod.ts";
import {
  nextOperation,
  type SqlOutcome,
  type SqlQueue,
} from "../machine/mod.ts";
import { runOperation } from "./run.ts";

/** How long until a try that found out nothing is repeated; doubles with each. */
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 2000;

const LOG = logger("execute");

/** What an executor needs. */
export interface ExecutorOptions {
  readonly instance: Instance;
  readonly clock: Clock;
  /** The operations as this node knows them. */
  queue(): SqlQueue;
  /** The epoch in which this node is the open primary; 0 while it is not. */
  reign(): number;
  /** Resolves once everything committed before is applied here. */
  confirm(): Promise<void>;
  /** Tells all nodes what became of an operation. */
  finish(index: number, outcome: SqlOutcome): Promise<void>;
}

/** Runs replicated SQL while this node is the primary, one operation after the other. */
export interface Executor {
  /** The queue or the primary may be another. */
  groupChanged(): void;
  stop(): Promise<void>;
}

interface Memory {
  readonly options: ExecutorOptions;
  /** Open connections. */
  readonly open: Set<OwnConnection>;
  /** Tries of one operation that found out nothing. */
  readonly tries: { index: number; count: number };
  isStopped: boolean;
  isWorking: boolean;
  retryMs: number;
  timer: Timer | null;
  work: Promise<void>;
}

/** Starts to run replicated SQL. */
export function startExecutor(options: ExecutorOptions): Executor {
  const memory: Memory = {
    options,
    open: new Set(),
    tries: { index: 0, count: 0 },
    isStopped: false,
    isWorking: false,
    retryMs: MIN_RETRY_MS,
    timer: null,
    work: Promise.resolve(),
  };
  return {
    groupChanged: () => poke(memory),
    async stop(): Promise<void> {
      memory.isStopped = true;
      memory.timer?.cancel();
      await Promise.all([...memory.open].map((one) => one.end()));
      await memory.work;
    },
  };
}

function hasTurn({ options, isStopped }: Memory): boolean {
  return !isStopped && options.reign() !== 0 &&
    nextOperation(options.queue()) !== null;
}

function poke(memory: Memory): void {
  if (memory.isWorking || memory.timer || !hasTurn(memory)) return;
  memory.isWorking = true;
  memory.work = drain(memory).finally(() => {
    memory.isWorking = false;
  });
}

async function drain(memory: Memory): Promise<void> {
  try {
    while (hasTurn(memory)) await runNext(memory);
    memory.retryMs = MIN_RETRY_MS;
  } catch (error) {
    if (memory.isStopped) return;
    LOG.info("An operation is tried again", { reason: messageOf(error) });
    memory.timer = memory.options.clock.after(memory.retryMs, () => {
      memory.timer = null;
      poke(memory);
    });
    memory.retryMs = Math.min(2 * memory.retryMs, MAX_RETRY_MS);
  }
}

async function runNext(memory: Memory): Promise<void> {
  const { options, tries, open } = memory;
  // What is applied may be long past: another may have run it, and reign.
  await options.confirm();
  const epoch = options.reign();
  const operation = nextOperation(options.queue());
  if (epoch === 0 || operation === null || memory.isStopped) return;
  if (tries.index !== operation.index) {
    tries.index = operation.index;
    tries.count = 0;
  }
  tries.count += 1;
  const verdict = await runOperation({
    instance: options.instance,
    operation,
    conflicts: tries.count - 1,
    open,
  });
  if (memory.isStopped) return;
  const outcome = { ...verdict, epoch, atMs: Date.now() };
  await options.finish(operation.index, outcome);
  memory.retryMs = MIN_RETRY_MS;
}
