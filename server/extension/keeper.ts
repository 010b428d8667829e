import { type Clock, messageOf, type Timer } from "../../base/mod.ts";
import type { Instance } from "../../pg/instance/mod.ts";
import { logger } from "../logging/mod.ts";
import { install, installFilesOf } from "./create.ts";

/** The control database. */
export const CONTROL_DATABASE = "postgres";

/** How long after an opening the extension is looked after: clients come first. */
const DELAY_MS = 300;
/** How long until it is tried again; doubles with each failure. */
const MIN_RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;

const LOG = logger("extension");

/** What a keeper needs. */
export interface KeeperOptions {
  readonly instance: Instance;
  readonly clock: Clock;
  /** The epoch in which this node is the open primary; 0 while it is not. */
  reignOf(): number;
}

/** Keeps the extension in the control database. */
export interface ExtensionKeeper {
  /** The primary may be another. */
  groupChanged(): void;
  /** The server answers: its files can be put in place. */
  serverSeen(): void;
  stop(): Promise<void>;
}

/** Starts to keep the extension in the control database, made on each new primary where it is missing. */
export function keepExtension(options: KeeperOptions): ExtensionKeeper {
  const { instance, clock, reignOf } = options;
  let doneEpoch = 0;
  let retryMs = MIN_RETRY_MS;
  let hasFiles = false;
  let timer: Timer | null = null;
  let isStopped = false;
  let work: Promise<void> = Promise.resolve();

  function plan(delayMs: number): void {
    if (timer || isStopped) return;
    timer = clock.after(delayMs, () => {
      timer = null;
      work = work.then(attempt);
    });
  }

  async function attempt(): Promise<void> {
    const epoch = reignOf();
    if (isStopped || epoch === doneEpoch) return;
    try {
      if (epoch === 0) return;
      const { action, form, version, files } = await install(
        instance,
        CONTROL_DATABASE,
      );
      if (action === "standby") throw new Error("The server is a standby yet");
      if (action === "created" || action === "upgraded") {
        LOG.info(`The extension was ${action}`, {
          version,
          form,
          database: CONTROL_DATABASE,
          ...files.kind === "not_writable" ? { why: files.why } : {},
        });
      }
      doneEpoch = epoch;
      retryMs = MIN_RETRY_MS;
    } catch (error) {
      const reason = messageOf(error);
      LOG.warning("The extension could not be made yet", { reason });
      plan(retryMs);
      retryMs = Math.min(2 * retryMs, MAX_RETRY_MS);
    }
  }

  return {
    groupChanged: () => {
      const epoch = reignOf();
      if (epoch !== 0 && epoch !== doneEpoch) plan(DELAY_MS);
    },
    serverSeen: () => {
      if (hasFiles || isStopped) return;
      hasFiles = true;
      work = work.then(async () => {
        hasFiles = await putFiles(instance);
      });
    },
    async stop(): Promise<void> {
      isStopped = true;
      timer?.cancel();
      await work;
    },
  };
}

/** Says whether that need not be tried again. */
async function putFiles(instance: Instance): Promise<boolean> {
  try {
    const { kind, directory } = await installFilesOf(instance);
    if (kind === "not_writable") {
      LOG.info("The extension's files can't be put in place", { directory });
    }
    return true;
  } catch (error) {
    LOG.debug("The extension's files wait", { reason: messageOf(error) });
    return false;
  }
}
