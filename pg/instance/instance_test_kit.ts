import { join } from "node:path";
import { freePort, systemClock } from "../../base/mod.ts";
import {
  createInstance,
  findBinaries,
  findOsUser,
  type Instance,
  type InstanceOptions,
  type Rendering,
} from "./mod.ts";
import { pidsIn, titleOf } from "./processes.ts";
import { waitFor } from "./wait.ts";

/** The programs that are tested; some of what a PostgreSQL from npm lacks is told by its `has…`. */
export const PROGRAMS = await findBinaries(null);

/** The password of the replication role, with everything that needs quotes. */
export const PASSWORD = "se'c:r\\et-9f3";

/** A synchronous name that nobody has. */
export const NOBODY = "pgraft_nobody";

/** How long a server may take for anything. */
export const LIMIT_MS = 20_000;

/** What the tests start from: nobody followed, closed. */
export const ALONE: Rendering = {
  upstream: null,
  replicationPassword: PASSWORD,
  synchronousStandbyNames: "",
  hba: "closed",
  owned: new Map(),
};

/** An instance with what it was made of. */
export interface Made {
  readonly instance: Instance;
  readonly options: InstanceOptions;
  readonly dataDir: string;
  readonly port: number;
  readonly log: string[];
}

/** What a test has. */
export interface Kit {
  readonly root: string;
  make(name: string, more?: Partial<InstanceOptions>): Promise<Made>;
  /** Makes one that is initialized. */
  initialized(name: string, more?: Partial<InstanceOptions>): Promise<Made>;
  /** Makes one that takes writes and is alone. */
  primary(name: string, more?: Partial<InstanceOptions>): Promise<Made>;
  /** Makes one that streams from another. */
  standby(
    name: string,
    of: Made,
    more?: Partial<InstanceOptions>,
  ): Promise<Made>;
  /** Runs afterwards, whatever happens. */
  defer(run: () => Promise<unknown> | void): void;
}

/** Waits until something holds, and fails by its name when it does not. */
export async function until(
  what: string,
  look: () => Promise<boolean> | boolean,
): Promise<void> {
  const seen = await waitFor(
    systemClock(),
    { timeoutMs: LIMIT_MS },
    async () => await look() ? true : null,
  );
  if (seen === null) throw new Error(`This did not come true: ${what}`);
}

/** How `standby` follows `of`. */
export function following(of: Made, name: string): Rendering {
  return {
    ...ALONE,
    upstream: {
      host: "127.0.0.1",
      port: of.port,
      applicationName: name,
      slotName: `pgraft_${name}`,
    },
  };
}

/** Sockets that a server of the directory has left where others' are as well. */
async function socketsOf(root: string): Promise<string[]> {
  const dir = "/var/run/postgresql";
  const found: string[] = [];
  try {
    for await (const { name } of Deno.readDir(dir)) {
      if (!name.endsWith(".lock")) continue;
      const text = await Deno.readTextFile(join(dir, name));
      if (text.includes(root)) found.push(join(dir, name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

/** Everything that was started in the directory is ended, and the directory goes. */
async function clear(root: string): Promise<void> {
  const names = (await Array.fromAsync(Deno.readDir(root))).map(({ name }) =>
    join(root, name)
  );
  await until(`nobody is left in ${root}`, () => {
    const left = names.flatMap(pidsIn);
    for (const pid of left) Deno.kill(pid, "SIGKILL");
    return left.length === 0;
  });
  await Deno.remove(root, { recursive: true });
  const sockets = await socketsOf(root);
  for (const lock of sockets) {
    await Deno.remove(lock);
    await Deno.remove(lock.slice(0, -".lock".length)).catch(() => {});
  }
  if (sockets.length > 0) {
    throw new Error(`These were left behind: ${sockets.join(", ")}`);
  }
}

let template: Promise<string> | null = null;

/** Initializing takes most of a second, copying what was initialized once does not. */
async function copyTemplate(dataDir: string): Promise<void> {
  template ??= makeTemplate();
  const { success, stderr } = await new Deno.Command("cp", {
    args: ["-a", "--", await template, dataDir],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function makeTemplate(): Promise<string> {
  const root = await Deno.makeTempDir({ prefix: "pgraft-template-" });
  addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));
  await Deno.chmod(root, 0o755);
  const made = await kitIn(await Deno.realPath(root), []).make("data");
  await made.instance.initialize({ replicationPassword: PASSWORD });
  await made.instance.close();
  return made.dataDir;
}

function kitIn(root: string, undo: (() => Promise<unknown> | void)[]): Kit {
  const kit: Kit = {
    root,
    make: async (name, more = {}) => {
      const log: string[] = [];
      const options: InstanceOptions = {
        binaries: PROGRAMS,
        osUser: await findOsUser("postgres"),
        dataDir: join(root, name),
        runDir: join(root, `${name}.run`),
        listen: { host: "127.0.0.1", port: freePort() },
        superuser: "postgres",
        replicationUser: "pgraft_replication",
        clusterName: "test",
        parameters: new Map(),
        hbaRules: [],
        log: (level, message) => log.push(`${level}: ${message}`),
        ...more,
      };
      const instance = createInstance(options);
      undo.push(async () => {
        await instance.stop("immediate");
        await instance.close();
      });
      return {
        instance,
        options,
        dataDir: options.dataDir,
        port: options.listen.port,
        log,
      };
    },
    initialized: async (name, more) => {
      const made = await kit.make(name, more);
      await copyTemplate(made.dataDir);
      return made;
    },
    primary: async (name, more) => {
      const made = await kit.initialized(name, more);
      await made.instance.render(ALONE);
      await made.instance.start();
      await made.instance.promote({ timeoutMs: LIMIT_MS });
      return made;
    },
    standby: async (name, of, more) => {
      const made = await kit.make(name, more);
      await of.instance.setSlots([`pgraft_${name}`]);
      await made.instance.clone({
        source: { host: "127.0.0.1", port: of.port },
        replicationPassword: PASSWORD,
        systemId: null,
        keepOld: false,
        openBackup: () => sentBy(of),
      });
      await made.instance.render(following(of, name));
      await made.instance.start();
      await until(`${name} streams`, () => isStreaming(made));
      return made;
    },
    defer: (run) => undo.push(run),
  };
  return kit;
}

/** What a source's agent sends; `between` runs when some of it has been read. */
export async function* sentBy(
  source: Made,
  between: (readBytes: number) => Promise<void> = () => Promise.resolve(),
): AsyncGenerator<Uint8Array> {
  let readBytes = 0;
  for await (const bytes of await source.instance.backup()) {
    yield bytes;
    readBytes += bytes.length;
    await between(readBytes);
  }
}

/** Whether a standby streams. */
export async function isStreaming(made: Made): Promise<boolean> {
  const view = await made.instance.observe({ timeoutMs: LIMIT_MS });
  return view.receiver?.status === "streaming";
}

/** Whether a standby has replayed all that its upstream has on disk now. */
export async function hasCaughtUp(
  standby: Made,
  primary: Made,
): Promise<boolean> {
  const there = await primary.instance.observe({ timeoutMs: LIMIT_MS });
  const here = await standby.instance.observe({ timeoutMs: LIMIT_MS });
  return (here.replayLsn ?? 0) >= (there.flushLsn ?? Infinity);
}

async function undoAll(
  root: string,
  undo: readonly (() => Promise<unknown> | void)[],
): Promise<void> {
  const ends = await Promise.allSettled(
    undo.toReversed().map(async (run) => await run()),
  );
  await clear(root);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/** Runs a test with instances, and clears everything away whatever happens. */
export async function withKit(
  test: (kit: Kit) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "pgraft-instance-" });
  const undo: (() => Promise<unknown> | void)[] = [];
  try {
    await Deno.chmod(root, 0o755);
    await test(kitIn(await Deno.realPath(root), undo));
  } finally {
    await undoAll(root, undo);
  }
}

/** The titles of every process of this machine, as anybody can read them. */
export function allTitles(): string {
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
    .filter((pid) => pid > 0);
  return pids.map(titleOf).join("\n");
}

/** Makes a table with a row. */
export async function writeRow(made: Made, id: number): Promise<void> {
  await made.instance.query("create table if not exists t (id int)");
  await made.instance.query("insert into t values ($1::int)", [id]);
}

/** Reads the rows of that table. */
export async function readRows(made: Made): Promise<number[]> {
  const rows = await made.instance.query<{ id: number }>(
    "select id from t order by id",
  );
  return rows.map(({ id }) => id);
}
