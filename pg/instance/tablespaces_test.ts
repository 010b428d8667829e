import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { exists } from "./files.ts";
import {
  ALONE,
  following,
  hasCaughtUp,
  isStreaming,
  type Kit,
  type Made,
  PASSWORD,
  PROGRAMS,
  readRows,
  sentBy,
  until,
  withKit,
} from "./instance_test_kit.ts";
import { type CloneOptions, findOsUser } from "./mod.ts";
import { locationsOf, mapTablespaces } from "./tablespaces.ts";

/** A primary with a row in a tablespace, and where that is. */
async function withSpace(
  kit: Kit,
): Promise<{ source: Made; location: string }> {
  const source = await kit.primary("a");
  const location = join(kit.root, "space");
  const user = await findOsUser("postgres");
  await Deno.mkdir(location);
  if (user) await Deno.chown(location, user.uid, user.gid);
  await source.instance.query(`create tablespace space location '${location}'`);
  await source.instance.query("create table t (id int) tablespace space");
  await source.instance.query("insert into t values (7)");
  await source.instance.setSlots(["pgraft_b"]);
  return { source, location };
}

async function bare(kit: Kit, name: string): Promise<Made> {
  return await kit.make(name, {
    binaries: { ...PROGRAMS, hasBaseBackup: false },
  });
}

function cloneFrom(
  source: Made,
  openBackup: () => AsyncIterable<Uint8Array> = () => sentBy(source),
): CloneOptions {
  return {
    source: { host: "127.0.0.1", port: source.port },
    replicationPassword: PASSWORD,
    systemId: null,
    keepOld: true,
    openBackup,
  };
}

async function* half(source: Made): AsyncGenerator<Uint8Array> {
  const pieces = await Array.fromAsync(sentBy(source));
  yield* pieces.slice(0, pieces.length / 2);
}

async function namesIn(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name)
    .sort();
}

async function streams(made: Made, source: Made): Promise<void> {
  await made.instance.render(following(source, "b"));
  await made.instance.start();
  await until("it streams", () => isStreaming(made));
  await until("it has caught up", () => hasCaughtUp(made, source));
}

Deno.test("a member is cloned again and again with its tablespaces, beside what holds their places", () =>
  withKit(async (kit) => {
    const { source, location } = await withSpace(kit);
    const before = await namesIn(location);
    const copy = await bare(kit, "b");
    await copy.instance.clone(cloneFrom(source));
    const [first = ""] = await locationsOf(copy.dataDir);
    assertMatch(first, /\/space\/pgraft-[0-9a-f]{8}$/);
    await streams(copy, source);
    await source.instance.query("insert into t values (8)");
    await until("it has the row", () => hasCaughtUp(copy, source));
    await copy.instance.stop("fast");
    await copy.instance.clone(cloneFrom(source));
    const [second = ""] = await locationsOf(copy.dataDir);
    assert(second !== first && await exists(first));
    await streams(copy, source);
    await copy.instance.dropOld();
    assertEquals(await exists(first), false);
    assertEquals(await readRows(copy), [7, 8]);
    await copy.instance.stop("fast");
    // One that is torn leaves what was there.
    await assertRejects(() =>
      copy.instance.clone(cloneFrom(source, () => half(source)))
    );
    assertEquals(await locationsOf(copy.dataDir), [second]);
    await streams(copy, source);
    assertEquals(await readRows(copy), [7, 8]);
    const own = (await namesIn(location)).filter((name) =>
      !before.includes(name)
    );
    assertEquals(own.map((name) => join(location, name)), [second]);
    assertEquals(await readRows(source), [7, 8]);
  }));

Deno.test({
  name: "pg_basebackup is helped out where a tablespace's place is taken",
  ignore: !PROGRAMS.hasBaseBackup,
  fn: () =>
    withKit(async (kit) => {
      const { source } = await withSpace(kit);
      const copy = await kit.make("b");
      await copy.instance.clone(cloneFrom(source));
      await streams(copy, source);
      assertEquals(await readRows(copy), [7]);
    }),
});

Deno.test("a free place is taken, and what this node's own copy left unfinished is removed", () =>
  withKit(async (kit) => {
    const { source, location } = await withSpace(kit);
    const frames = await Array.fromAsync(sentBy(source));
    await source.instance.stop("fast");
    await Deno.rename(location, `${location}.a`);
    const copy = await bare(kit, "b");
    async function* again(): AsyncGenerator<Uint8Array> {
      for (const frame of frames) yield await Promise.resolve(frame);
    }
    const left = async (staging: string): Promise<void> => {
      await Deno.mkdir(location, { recursive: true });
      await Deno.writeTextFile(
        join(location, "pgraft_unfinished_copy"),
        staging,
      );
    };
    await left(`${copy.dataDir}.pgraft-new`);
    await copy.instance.clone(cloneFrom(source, again));
    assertEquals(await locationsOf(copy.dataDir), [location]);
    await copy.instance.render(ALONE);
    await copy.instance.start();
    assertEquals(await readRows(copy), [7]);
    await copy.instance.stop("fast");
    await Deno.remove(location, { recursive: true });
    // Another node's is that node's.
    await left("/elsewhere/pg.pgraft-new");
    await copy.instance.clone(cloneFrom(source, again));
    const [own = ""] = await locationsOf(copy.dataDir);
    assertMatch(own, /\/space\/pgraft-[0-9a-f]{8}$/);
    assert((await namesIn(location)).includes("pgraft_unfinished_copy"));
  }));

Deno.test("mapTablespaces() changes what is elsewhere here, and quotes as PostgreSQL does", () => {
  assertEquals(
    mapTablespaces(
      "16385 /a b\n16386 /c\\\nd\n16387 /e\n",
      new Map([["16385", "/x"], ["16387", "/back\\slash"]]),
    ),
    "16385 /x\n16386 /c\\\nd\n16387 /back\\\\slash\n",
  );
});
