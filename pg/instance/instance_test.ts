import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import postgres from "postgres";
import {
  ALONE,
  following,
  hasCaughtUp,
  isStreaming,
  type Kit,
  LIMIT_MS,
  type Made,
  NOBODY,
  PASSWORD,
  readRows,
  until,
  withKit,
  writeRow,
} from "./instance_test_kit.ts";
import { InstanceError } from "./mod.ts";
import { pidsIn } from "./processes.ts";

const LIMIT = { timeoutMs: LIMIT_MS };

Deno.test("initialize() makes a cluster that starts as a closed standby (R25)", () =>
  withKit(async (kit) => {
    const { instance, dataDir } = await kit.make("a");
    assertEquals(await instance.inspect(), { kind: "empty" });
    const { systemId } = await instance.initialize({
      replicationPassword: PASSWORD,
    });
    const state = await instance.inspect();
    assert(state.kind === "present");
    assertEquals([state.systemId, state.controlState, state.timeline], [
      systemId,
      "shut down",
      1,
    ]);
    assert(state.hasChecksums);
    assertEquals(((await Deno.stat(dataDir)).mode ?? 0) & 0o777, 0o700);
    await Deno.stat(join(dataDir, "standby.signal"));
    await instance.render(ALONE);
    await instance.start();
    const view = await instance.observe(LIMIT);
    assertEquals([view.inRecovery, view.systemId, view.sessions], [
      true,
      systemId,
      0,
    ]);
    assertEquals(view.drift, []);
    await instance.stop("fast");
    assertEquals(await instance.isOccupied(), false);
    assertEquals(await instance.postmaster(), null);
  }));

Deno.test("promote() takes the timeline that fillers leave, and leaves a standby's directory (R17, R25)", () =>
  withKit(async (kit) => {
    const { instance, dataDir } = await kit.initialized("a");
    await instance.render(ALONE);
    await instance.start();
    await instance.layFillers(7);
    await instance.promote(LIMIT);
    assertEquals((await instance.observe(LIMIT)).timeline, 7);
    assertEquals((await instance.history(7))?.parent, 1);
    assertEquals(await instance.history(6), null);
    await Deno.stat(join(dataDir, "standby.signal"));
  }));

Deno.test("promote() takes a standby whose replay was paused through all that it has (T37)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a");
    const b = await kit.standby("b", a);
    await b.instance.query("select pg_wal_replay_pause()");
    await until("replay is paused", async () => {
      const view = await b.instance.observe(LIMIT);
      return view.replayPaused;
    });
    await writeRow(a, 1);
    const { flushLsn } = await a.instance.observe(LIMIT);
    await until("b has it on disk", async () => {
      const view = await b.instance.observe(LIMIT);
      return (view.receiveLsn ?? 0) >= (flushLsn ?? Infinity);
    });
    await a.instance.stop("immediate");
    await b.instance.promote(LIMIT);
    assertEquals(await readRows(b), [1]);
  }));

Deno.test("a member that followed a timeline beyond fillers comes back on it after a crash (R14, R17)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a");
    const b = await kit.standby("b", a);
    const c = await kit.standby("c", a);
    await b.instance.setSlots(["pgraft_c"]);
    await a.instance.stop("fast");
    await b.instance.layFillers(9);
    await b.instance.promote(LIMIT);
    await c.instance.render(following(b, "c"));
    await c.instance.reload();
    await writeRow(b, 1);
    await until("c has the row", () => hasCaughtUp(c, b));
    const before = (await c.instance.observe(LIMIT)).replayLsn ?? Infinity;
    await c.instance.stop("immediate");
    await c.instance.render(ALONE);
    await c.instance.start();
    const view = await c.instance.observe(LIMIT);
    assert((view.replayLsn ?? 0) >= before);
    assertEquals(await readRows(c), [1]);
    assertEquals(await c.instance.timelineAt(view.replayLsn ?? 0), 9);
    const branch = await c.instance.history(9);
    assertEquals(await a.instance.timelineAt(branch?.switchLsn ?? 0), 2);
    assertEquals(await a.instance.timelineAt(2 ** 50), null);
    await c.instance.layFillers(20);
    await c.instance.promote(LIMIT);
    assertEquals((await c.instance.history(20))?.parent, 9);
  }));

/** Looks at the history files that were not seen before, each as soon as it can be. */
function checkNewHistories(
  walDir: string,
  seen: Set<string>,
  uid: number,
): void {
  for (const { name } of Deno.readDirSync(walDir)) {
    if (!name.endsWith(".history") || seen.has(name)) continue;
    seen.add(name);
    const found = Deno.statSync(join(walDir, name));
    assertEquals([found.uid, found.size > 0], [uid, true], name);
  }
}

Deno.test("a server that looks for newer timelines may open each filler from the first, and finds it whole (R17)", () =>
  withKit(async (kit) => {
    const { instance, dataDir, options } = await kit.initialized("a");
    const walDir = join(dataDir, "pg_wal");
    const uid = options.osUser?.uid ?? Deno.uid() ?? -1;
    const seen = new Set<string>();
    let isOver = false;
    const lay = async (): Promise<void> => {
      try {
        await instance.layFillers(200);
      } finally {
        isOver = true;
      }
    };
    const look = async (): Promise<void> => {
      while (!isOver) {
        checkNewHistories(walDir, seen, uid);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    };
    await Promise.all([lay(), look()]);
    checkNewHistories(walDir, seen, uid);
    assertEquals(seen.size, 198);
    const names = (await Array.fromAsync(Deno.readDir(walDir))).map((
      { name },
    ) => name);
    assertEquals(names.filter((name) => name.endsWith(".pgraft-new")), []);
  }));

Deno.test("clone() makes a standby that streams", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a");
    await writeRow(a, 1);
    const b = await kit.standby("b", a);
    await until("b has the row", () => hasCaughtUp(b, a));
    assertEquals(await readRows(b), [1]);
    const view = await a.instance.observe(LIMIT);
    assertEquals(view.replication.map(({ name, state }) => [name, state]), [[
      "b",
      "streaming",
    ]]);
    const receiver = (await b.instance.observe(LIMIT)).receiver;
    assertEquals([receiver?.senderPort, receiver?.receivedTli], [a.port, 2]);
  }));

Deno.test("a standby without upstream lets go of its walreceiver and waits (R12, R13)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a");
    const b = await kit.standby("b", a);
    await b.instance.render(ALONE);
    await b.instance.reload();
    await until("the walreceiver is gone", async () => {
      const view = await b.instance.observe(LIMIT);
      return view.receiver === null && view.startupWaits;
    });
    await b.instance.render(following(a, "b"));
    await b.instance.reload();
    await until("b streams again", () => isStreaming(b));
  }));

function clientOf(made: Made): postgres.Sql {
  return postgres({
    host: "127.0.0.1",
    port: made.port,
    user: "app",
    database: "postgres",
    pass: "",
    max: 1,
    fetch_types: false,
    connect_timeout: 5,
    onnotice: () => {},
  });
}

const OPEN = { ...ALONE, hba: "open" as const };
const RULES = {
  hbaRules: [{ name: "app", rule: "host all app 127.0.0.1/32 trust" }],
};

async function isLetIn(made: Made): Promise<boolean> {
  const sql = clientOf(made);
  try {
    await sql`select 1`;
    return true;
  } catch (error) {
    assert(error instanceof Error);
    assert(/pg_hba/.test(error.message), error.message);
    return false;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

Deno.test("a closed instance refuses clients and admits replication (R22)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a", RULES);
    await a.instance.query("create role app login");
    assertEquals(await isLetIn(a), false);
    await kit.standby("b", a);
    await a.instance.render(OPEN);
    await a.instance.reload();
    assertEquals(await isLetIn(a), true);
    await a.instance.render(ALONE);
    await a.instance.reload();
    assertEquals(await isLetIn(a), false);
  }));

Deno.test("endSessions() ends clients and leaves walsenders and ours (R22)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a", RULES);
    await a.instance.query("create role app login");
    await a.instance.render(OPEN);
    await a.instance.reload();
    await kit.standby("b", a);
    const sql = clientOf(a);
    kit.defer(() => sql.end({ timeout: 1 }));
    await sql`select 1`;
    const busy = sql`select pg_sleep(1000)`.catch((error) => error.code);
    await until(
      "the client is seen",
      async () => (await a.instance.observe(LIMIT)).sessions === 1,
    );
    await a.instance.render(ALONE);
    await a.instance.reload();
    assertEquals(await a.instance.endSessions(LIMIT), 0);
    assert(["57P01", "CONNECTION_CLOSED"].includes(await busy));
    const view = await a.instance.observe(LIMIT);
    assertEquals([view.sessions, view.replication.length], [0, 1]);
  }));

Deno.test("endSessions() ends who came before and has not yet said who it is (R22)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a", RULES);
    await a.instance.render(OPEN);
    await a.instance.reload();
    const connection = await Deno.connect({
      hostname: "127.0.0.1",
      port: a.port,
    });
    kit.defer(() => connection.close());
    await until(
      "the server has a process for it",
      async () => await newcomers(a) === 1,
    );
    await a.instance.render(ALONE);
    await a.instance.reload();
    assertEquals(await a.instance.endSessions(LIMIT), 0);
    assertEquals(await newcomers(a), 0);
  }));

async function newcomers({ instance, dataDir }: Made): Promise<number> {
  const listed = await instance.query<{ pid: number }>(
    "select pid from pg_stat_activity",
  );
  return pidsIn(dataDir).length - listed.length - 1;
}

Deno.test("barrier() is released by a standby, and seenWaiting() sees a commit wait (R20, T8)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a");
    const b = await kit.standby("b", a);
    assertEquals(await a.instance.seenWaiting(LIMIT), false);
    await a.instance.render({ ...ALONE, synchronousStandbyNames: NOBODY });
    await a.instance.reload();
    await until("a commit waits", () => a.instance.seenWaiting(LIMIT));
    // R9: the probe waits for nobody.
    assertEquals((await a.instance.probe(LIMIT)).kind, "ok");
    const late = await assertRejects(
      () => a.instance.barrier({ timeoutMs: 200 }),
      InstanceError,
    );
    assertEquals(late.code, "timeout");
    await until(
      "nobody waits any more",
      async () => (await a.instance.observe(LIMIT)).syncWaiters === 0,
    );
    await a.instance.render({ ...ALONE, synchronousStandbyNames: "ANY 1 (b)" });
    await a.instance.reload();
    const { lsn } = await a.instance.barrier(LIMIT);
    const view = await a.instance.observe(LIMIT);
    assert((view.replication[0]?.flushLsn ?? 0) >= lsn);
    assert(await isStreaming(b));
  }));

async function busyBackend(kit: Kit, made: Made): Promise<number> {
  await made.instance.query("create role app login superuser");
  await made.instance.render(OPEN);
  await made.instance.reload();
  const sql = clientOf(made);
  kit.defer(() => sql.end({ timeout: 1 }));
  const rows = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const endless = "do $$ begin loop perform 1; end loop; end $$";
  sql.unsafe(endless).catch(() => {});
  await until("it is busy", async () => {
    const found = await made.instance.query(
      "select from pg_stat_activity where query = $1 and state = 'active'",
      [endless],
    );
    return found.length === 1;
  });
  return rows[0]?.pid ?? 0;
}

Deno.test("an agent that comes back adopts the postmaster that runs", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a");
    const before = await a.instance.postmaster();
    await a.instance.close();
    const { instance } = await kit.make("a", {
      listen: a.options.listen,
    });
    assertEquals(await instance.postmaster(), before);
    await instance.render(ALONE);
    assertEquals((await instance.probe(LIMIT)).kind, "ok");
    assertEquals((await instance.observe(LIMIT)).drift, []);
    await instance.stop("fast");
    assertEquals(await a.instance.postmaster(), null);
  }));

Deno.test("ensureCheckpoint() makes one after a promotion, and no other (T17)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a");
    const { instance } = await kit.standby("b", a);
    await instance.promote(LIMIT);
    const last = async (): Promise<{ timeline: number; redo: string }[]> =>
      await instance.query(
        "select timeline_id as timeline, redo_lsn::text as redo from pg_control_checkpoint()",
      );
    await instance.ensureCheckpoint(LIMIT);
    const made = await last();
    const { timeline } = await instance.observe(LIMIT);
    assertEquals(made.map((each) => each.timeline), [timeline]);
    await instance.query("select txid_current()");
    await instance.ensureCheckpoint(LIMIT);
    assertEquals(await last(), made);
  }));

Deno.test("stop() ends a backend that outlives its postmaster (R23)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a", RULES);
    const backend = await busyBackend(kit, a);
    const postmaster = await a.instance.postmaster();
    assert(postmaster !== null);
    Deno.kill(postmaster.pid, "SIGKILL");
    await until("only the backend is left", () => {
      const left = pidsIn(a.dataDir);
      return left.length === 1 && left[0] === backend;
    });
    const refused = await assertRejects(
      () => a.instance.start(),
      InstanceError,
    );
    assertEquals(refused.code, "not_stopped");
    assertEquals((await a.instance.probe(LIMIT)).kind, "gone");
    await a.instance.stop("immediate");
    assertEquals(await a.instance.isOccupied(), false);
    await a.instance.start();
    assert((await a.instance.observe(LIMIT)).inRecovery);
  }));

Deno.test("probe() says hung of a frozen postmaster, and stop() ends it (R9, R23)", () =>
  withKit(async (kit) => {
    const a = await kit.primary("a");
    assertEquals((await a.instance.probe(LIMIT)).kind, "ok");
    const postmaster = await a.instance.postmaster();
    assert(postmaster !== null);
    Deno.kill(postmaster.pid, "SIGSTOP");
    assertEquals((await a.instance.probe({ timeoutMs: 500 })).kind, "hung");
    await a.instance.stop("immediate");
    assertEquals(await a.instance.isOccupied(), false);
  }));
