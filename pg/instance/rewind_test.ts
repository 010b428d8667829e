import { assert, assertEquals } from "@std/assert";
import {
  ALONE,
  following,
  hasCaughtUp,
  isStreaming,
  type Kit,
  LIMIT_MS,
  type Made,
  PROGRAMS,
  readRows,
  until,
  withKit,
  writeRow,
} from "./instance_test_kit.ts";

const LIMIT = { timeoutMs: LIMIT_MS };

interface Pair {
  readonly old: Made;
  readonly next: Made;
  readonly switchLsn: number;
}

/** A primary that wrote on after its standby was promoted, and was then sealed as R12 says. */
async function diverge(
  kit: Kit,
  tail: (old: Made) => Promise<unknown>,
  sealed = true,
): Promise<Pair> {
  const old = await kit.primary("a");
  await writeRow(old, 1);
  const next = await kit.standby("b", old);
  await until("b has the row", () => hasCaughtUp(next, old));
  await next.instance.render(ALONE);
  await next.instance.reload();
  await until(
    "the walreceiver is gone",
    async () => (await next.instance.observe(LIMIT)).receiver === null,
  );
  await next.instance.setSlots(["pgraft_a"]);
  await next.instance.layFillers(6);
  await next.instance.promote(LIMIT);
  await writeRow(next, 2);
  await tail(old);
  await old.instance.stop("immediate");
  await old.instance.render(ALONE);
  if (sealed) {
    await old.instance.start();
    await old.instance.stop("fast");
  }
  const branch = await next.instance.history(6);
  assert(branch !== null);
  return { old, next, switchLsn: branch.switchLsn };
}

function sourceOf(made: Made): { host: string; port: number } {
  return { host: "127.0.0.1", port: made.port };
}

async function follow({ old, next }: Pair): Promise<void> {
  await old.instance.render(following(next, "a"));
  await old.instance.start();
  await until("the old primary streams", () => isStreaming(old));
  await until("it has caught up", () => hasCaughtUp(old, next));
}

/** It is rewound, streams, and has what both had before. */
async function assertRewinds(pair: Pair): Promise<void> {
  const { old, next } = pair;
  await next.instance.checkpoint(LIMIT);
  const options = { source: sourceOf(next), timeoutMs: LIMIT_MS };
  assertEquals(await old.instance.rewind(options), { kind: "done" });
  await Deno.stat(`${old.dataDir}/standby.signal`);
  await follow(pair);
  assertEquals(await readRows(old), [1, 2]);
}

/** Without pg_rewind there is nothing to test. */
function testRewind(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !PROGRAMS.hasRewind, fn });
}

testRewind(
  "rewind() takes back what an old primary wrote alone (R29)",
  () =>
    withKit(async (kit) => {
      const pair = await diverge(kit, async (old) => {
        await writeRow(old, 3);
        await old.instance.probe(LIMIT);
        await writeRow(old, 4);
      });
      const { old, switchLsn } = pair;
      const lost = await old.instance.countGivenUp(2, switchLsn);
      assertEquals(lost?.commits, 2);
      assert((lost?.bytes ?? 0) > 0);
      await assertRewinds(pair);
    }),
);

testRewind(
  "rewind() recovers a crashed primary first (T18, R29)",
  () =>
    withKit(async (kit) => {
      const pair = await diverge(kit, (old) => writeRow(old, 3), false);
      await assertRewinds(pair);
    }),
);

testRewind(
  "rewind() takes back probes alone, which change no page (R9, R29)",
  () =>
    withKit(async (kit) => {
      const pair = await diverge(kit, (old) => old.instance.probe(LIMIT));
      const { old, switchLsn } = pair;
      assertEquals((await old.instance.countGivenUp(2, switchLsn))?.commits, 0);
      await assertRewinds(pair);
    }),
);

testRewind(
  "rewind() that cannot reach its source leaves the directory as it was",
  () =>
    withKit(async (kit) => {
      const { old, next } = await diverge(kit, (old) => writeRow(old, 3));
      await next.instance.stop("fast");
      const result = await old.instance.rewind({
        source: sourceOf(next),
        timeoutMs: LIMIT_MS,
      });
      assertEquals(result.kind, "failed");
      assertEquals((await old.instance.inspect()).kind, "present");
      await old.instance.start();
      assertEquals(await readRows(old), [1, 3]);
    }),
);

testRewind(
  "a killed rewind leaves a marker, and a clone mends it (R29)",
  () =>
    withKit(async (kit) => {
      const pair = await diverge(kit, (old) => writeRow(old, 3));
      const { old, next } = pair;
      await next.instance.checkpoint(LIMIT);
      const abort = new AbortController();
      const running = old.instance.rewind({
        source: sourceOf(next),
        timeoutMs: LIMIT_MS,
        signal: abort.signal,
      });
      await until("the marker is there", async () => {
        const names = await Array.fromAsync(Deno.readDir(kit.root));
        return names.some(({ name }) => name === "a.rewinding");
      });
      abort.abort();
      assertEquals((await running).kind, "failed");
      const state = await old.instance.inspect();
      assert(state.kind === "unusable" && /did not finish/.test(state.reason));
      await old.instance.clone({
        source: sourceOf(next),
        replicationPassword: ALONE.replicationPassword,
        systemId: null,
        keepOld: true,
      });
      await follow(pair);
      assertEquals(await readRows(old), [1, 2]);
      await old.instance.dropOld();
      const names = (await Array.fromAsync(Deno.readDir(kit.root))).map((
        { name },
      ) => name);
      assertEquals(names.toSorted(), ["a", "a.run", "b", "b.run"]);
    }),
);

testRewind(
  "rewind() does not believe that there is nothing to do (R29)",
  () =>
    withKit(async (kit) => {
      const old = await kit.primary("a");
      const next = await kit.standby("b", old);
      await old.instance.stop("fast");
      await next.instance.promote(LIMIT);
      await next.instance.checkpoint(LIMIT);
      const result = await old.instance.rewind({
        source: sourceOf(next),
        timeoutMs: LIMIT_MS,
      });
      assert(result.kind === "failed" && /clone/.test(result.why));
      assertEquals((await old.instance.inspect()).kind, "present");
    }),
);

testRewind(
  "a pg_rewind works in the data directory, where it is found once its agent is gone (R23)",
  () =>
    withKit(async (kit) => {
      const { old, next } = await diverge(kit, (old) => writeRow(old, 3));
      const postmaster = await next.instance.postmaster();
      assert(postmaster);
      const aborting = new AbortController();
      const { signal } = aborting;
      Deno.kill(postmaster.pid, "SIGSTOP");
      try {
        const source = sourceOf(next);
        const rewinding = old.instance.rewind({ source, ...LIMIT, signal });
        await until(
          "it is seen",
          async () => await old.instance.isOccupied(),
        );
        aborting.abort();
        assertEquals((await rewinding).kind, "failed");
        assertEquals(await old.instance.isOccupied(), false);
      } finally {
        Deno.kill(postmaster.pid, "SIGCONT");
      }
    }),
);
