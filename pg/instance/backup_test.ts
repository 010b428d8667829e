import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { randomBelow, seededRandom } from "../../base/mod.ts";
import { namesToCopy } from "./backup_files.ts";
import {
  BackupFormatError,
  decodeBackup,
  encodeBackup,
} from "./backup_frames.ts";
import { segmentName } from "./backup_log.ts";
import {
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
  writeRow,
} from "./instance_test_kit.ts";
import type { CloneOptions } from "./mod.ts";

async function bare(kit: Kit, name: string): Promise<Made> {
  return await kit.make(name, {
    binaries: { ...PROGRAMS, hasBaseBackup: false },
  });
}

async function* cutAt(
  bytes: AsyncIterable<Uint8Array>,
  limit: number,
): AsyncGenerator<Uint8Array> {
  let left = limit;
  for await (const piece of bytes) {
    yield piece.subarray(0, left);
    left -= piece.length;
    if (left <= 0) return;
  }
}

function cloneFrom(
  source: Made,
  openBackup: () => AsyncIterable<Uint8Array>,
): CloneOptions {
  return {
    source: { host: "127.0.0.1", port: source.port },
    replicationPassword: PASSWORD,
    systemId: null,
    keepOld: true,
    openBackup,
  };
}

async function streamsFrom(made: Made, source: Made): Promise<void> {
  await made.instance.render(following(source, "b"));
  await made.instance.start();
  await until("it streams", () => isStreaming(made));
  await until("it has caught up", () => hasCaughtUp(made, source));
}

async function sessionsAndSlots({ instance }: Made): Promise<number> {
  const [row] = await instance.query<{ count: string }>(
    `select (select count(*) from pg_replication_slots where temporary)
      + (select count(*) from pg_stat_activity where query ~ 'backup_st|start_backup' and pid <> pg_backend_pid())
      as count`,
  );
  return Number(row?.count);
}

Deno.test("clone() takes the data from the source's agent where there is no pg_basebackup", () =>
  withKit(async (kit) => {
    const source = await kit.primary("a");
    await writeRow(source, 1);
    await source.instance.query("create unlogged table gone (id int)");
    await source.instance.query("insert into gone values (1)");
    await source.instance.setSlots(["pgraft_b"]);
    await Deno.writeTextFile(join(source.dataDir, "pgsql_tmp1"), "not ours");
    let isWritten = false;
    const copy = await bare(kit, "b");
    const progress: number[] = [];
    await copy.instance.clone({
      ...cloneFrom(source, () =>
        sentBy(source, async (readBytes) => {
          if (isWritten || readBytes < 1_000_000) return;
          isWritten = true;
          // More files of the log than recovery could find anywhere else.
          for (const id of [2, 3, 4]) {
            await writeRow(source, id);
            await source.instance.query("select pg_switch_wal()");
          }
        })),
      onProgress: (done) => progress.push(done),
    });
    assert(isWritten && progress.length > 100);
    const names = (await Array.fromAsync(Deno.readDir(copy.dataDir)))
      .map(({ name }) => name);
    assert(!names.includes("pgsql_tmp1") && !names.includes("postmaster.pid"));
    assert(names.includes("backup_label") && names.includes("standby.signal"));
    const slots = Deno.readDir(join(copy.dataDir, "pg_replslot"));
    assertEquals(await Array.fromAsync(slots), []);
    await until(
      "the source keeps nothing of it",
      async () => await sessionsAndSlots(source) === 0,
    );
    // Without its source it comes to a whole state: everything that it needs was sent.
    await copy.instance.render({ ...following(source, "b"), upstream: null });
    await copy.instance.start();
    assertEquals(await readRows(copy), [1, 2, 3, 4]);
    await copy.instance.stop("fast");
    await writeRow(source, 5);
    await streamsFrom(copy, source);
    assertEquals(await readRows(copy), [1, 2, 3, 4, 5]);
  }));

Deno.test("clone() takes the data from a standby's agent, while it replays what is written", () =>
  withKit(async (kit) => {
    const primary = await kit.primary("a");
    await writeRow(primary, 1);
    const source = await kit.standby("s", primary);
    await primary.instance.setSlots(["pgraft_s", "pgraft_b"]);
    let written = 1;
    const copy = await bare(kit, "b");
    await copy.instance.clone(
      cloneFrom(source, () =>
        sentBy(source, async (readBytes) => {
          if (readBytes < 1_000_000 * written || written > 8) return;
          written += 1;
          await writeRow(primary, written);
          if (written === 5) await primary.instance.query("checkpoint");
          await primary.instance.query("select pg_switch_wal()");
          await until("it has the row", () => hasCaughtUp(source, primary));
        })),
    );
    assert(written > 5);
    await until(
      "the source keeps nothing of it",
      async () => await sessionsAndSlots(source) === 0,
    );
    // Without anybody it comes to a whole state, of whatever moment.
    await copy.instance.render({ ...following(primary, "b"), upstream: null });
    await copy.instance.start();
    const rows = await readRows(copy);
    assert(rows.length > 0);
    assertEquals(rows, (await readRows(primary)).slice(0, rows.length));
    await copy.instance.stop("fast");
    await writeRow(primary, 100);
    await streamsFrom(copy, primary);
    assertEquals(await readRows(copy), await readRows(primary));
  }));

Deno.test("a standby without a stream makes no copies", () =>
  withKit(async (kit) => {
    const primary = await kit.primary("a");
    const source = await kit.standby("s", primary);
    await source.instance.render({
      ...following(primary, "s"),
      upstream: null,
    });
    await source.instance.reload();
    await until("it streams no more", async () => !await isStreaming(source));
    const copy = await bare(kit, "b");
    await assertRejects(
      () => copy.instance.clone(cloneFrom(source, () => sentBy(source))),
      Error,
      "streams from none",
    );
  }));

Deno.test("clone() from an agent that goes in between leaves what was there, and nothing else", () =>
  withKit(async (kit) => {
    const source = await kit.primary("a");
    const copy = await bare(kit, "b");
    const random = seededRandom(1);
    await copy.instance.clone(cloneFrom(source, () => sentBy(source)));
    let wholeBytes = 0;
    for await (const bytes of sentBy(source)) wholeBytes += bytes.length;
    const before = await copy.instance.inspect();
    const cuts = [0, 1, 7, 9, 300, wholeBytes - 1];
    for (let more = 0; more < 4; more++) {
      cuts.push(randomBelow(random, wholeBytes));
    }
    for (const cut of cuts) {
      await assertRejects(
        () =>
          copy.instance.clone(
            cloneFrom(source, () => cutAt(sentBy(source), cut)),
          ),
        Error,
        "Cloning from the agent of",
        `cut at ${cut}`,
      );
      assertEquals(await copy.instance.inspect(), before);
      const names = (await Array.fromAsync(Deno.readDir(kit.root)))
        .map(({ name }) => name).sort();
      assertEquals(names, ["a", "a.run", "b", "b.run"]);
    }
    await until(
      "the source keeps nothing of them",
      async () => await sessionsAndSlots(source) === 0,
    );
  }));

/** Clones from a file, of which a part comes and then nothing more, until it is killed. */
const CLONER = `
const { createInstance } = await import(Deno.args[0]);
const { options, password, part, port } = JSON.parse(Deno.args[1]);
const instance = createInstance({
  ...options, parameters: new Map(), hbaRules: [], log: () => {},
});
async function* stuck() {
  yield await Deno.readFile(part);
  console.log("stuck");
  await new Promise((resolve) => setTimeout(resolve, 600000));
}
await instance.clone({
  source: { host: "127.0.0.1", port }, replicationPassword: password,
  systemId: null, keepOld: true, openBackup: stuck,
});
`;

async function killInClone(
  kit: Kit,
  copy: Made,
  task: Record<string, unknown>,
): Promise<void> {
  const script = join(kit.root, "cloner.ts");
  await Deno.writeTextFile(script, CLONER);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const door = new URL("./mod.ts", import.meta.url).href;
  const options = { ...copy.options, log: null };
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      `--config=${config}`,
      script,
      door,
      JSON.stringify({ ...task, options, password: PASSWORD }),
    ],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assertEquals(new TextDecoder().decode(value), "stuck\n");
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
}

Deno.test("an agent killed in the middle of a clone leaves one that counts as none, and the next takes its place", () =>
  withKit(async (kit) => {
    const source = await kit.primary("a");
    await writeRow(source, 1);
    await source.instance.setSlots(["pgraft_b"]);
    const copy = await bare(kit, "b");
    const part = join(kit.root, "part");
    const pieces = await Array.fromAsync(sentBy(source));
    const whole = new Uint8Array(
      await new Blob(
        pieces.map((piece) => piece.slice()),
      ).arrayBuffer(),
    );
    for (const share of [0.5, 1]) {
      // All but the last byte: everything is there, and nobody knows that it is all.
      const end = Math.floor((whole.length - 1) * share);
      await Deno.writeFile(part, whole.subarray(0, end));
      await killInClone(kit, copy, { part, port: source.port });
      const left = await Array.fromAsync(
        Deno.readDir(`${copy.dataDir}.pgraft-new`),
      );
      assert(left.length > 10);
      assert(!left.some(({ name }) => name === "backup_label"));
      assertEquals((await copy.instance.inspect()).kind, "empty");
    }
    await copy.instance.clone(cloneFrom(source, () => sentBy(source)));
    await streamsFrom(copy, source);
    assertEquals(await readRows(copy), [1]);
  }));

Deno.test("decodeBackup() reads frames out of bytes in any pieces, and refuses torn and foreign ones", async () => {
  const frames = [
    encodeBackup({ type: "directory", path: "base" }),
    encodeBackup(
      { type: "piece", path: "base/1", offset: 0 },
      new Uint8Array(999),
    ),
    encodeBackup({ type: "wait" }),
  ];
  const bytes = new Uint8Array(
    await new Blob(frames).arrayBuffer(),
  );
  async function* inPieces(
    size: number,
    end: number,
  ): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < end; at += size) {
      yield await Promise.resolve(bytes.subarray(at, Math.min(at + size, end)));
    }
  }
  for (const size of [1, 7, 100, 5000]) {
    const read = await Array.fromAsync(
      decodeBackup(inPieces(size, bytes.length)),
    );
    assertEquals(
      read.map(({ frame, data }) => [frame.type, data.length]),
      [["directory", 0], ["piece", 999], ["wait", 0]],
    );
  }
  await assertRejects(
    () => Array.fromAsync(decodeBackup(inPieces(64, bytes.length - 1))),
    BackupFormatError,
  );
  bytes[0] = 255;
  await assertRejects(
    () => Array.fromAsync(decodeBackup(inPieces(64, bytes.length))),
    BackupFormatError,
    "none of a backup",
  );
});

Deno.test("clone() refuses paths that lead out of the data directory", () =>
  withKit(async (kit) => {
    const copy = await bare(kit, "b");
    const control = { systemId: "1", totalBytes: 1 };
    const { major } = copy.options.binaries;
    for (const path of ["../x", "/etc/x", "a//b", "base/./1", "", "a\0b"]) {
      const evil = (): ReadableStream<Uint8Array> =>
        ReadableStream.from([
          encodeBackup({ type: "begin", ...control, major }),
          encodeBackup({ type: "piece", path, offset: 0 }),
        ]);
      await assertRejects(
        () => copy.instance.clone({ ...cloneFrom(copy, evil), systemId: "1" }),
        Error,
        "is no path within",
      );
    }
    for (
      const [said, frame] of [
        ["holds cluster 1, expected 2", {
          type: "begin",
          ...control,
          major,
        }],
        ["use one major version", {
          type: "begin",
          ...control,
          systemId: "2",
          major: major + 1,
        }],
        ["why not", { type: "failed", why: "why not" }],
      ] as const
    ) {
      const other = (): ReadableStream<Uint8Array> =>
        ReadableStream.from([encodeBackup(frame)]);
      await assertRejects(
        () => copy.instance.clone({ ...cloneFrom(copy, other), systemId: "2" }),
        Error,
        said,
      );
    }
  }));

Deno.test("namesToCopy() leaves out what belongs to the running server", () => {
  const names = [
    "1",
    "1.1",
    "1_fsm",
    "2",
    "2_init",
    "2_vm",
    "t3_4",
    "t3_4_fsm",
    "pg_filenode.map",
    "pg_internal.init.7",
    "PG_VERSION",
    "pgsql_tmp8.1",
  ];
  const kept = ["1", "1.1", "1_fsm", "2_init", "pg_filenode.map", "PG_VERSION"];
  assertEquals(namesToCopy("base/5", names), kept);
  assertEquals(namesToCopy("pg_tblspc/9/PG_15_2/5", names), kept);
  assertEquals(
    namesToCopy("", [
      "backup_label",
      "postmaster.pid",
      "pg_hba.conf",
      "x.pgraft-new",
    ]),
    ["pg_hba.conf"],
  );
});

Deno.test("segmentName() names the log's files as PostgreSQL does", () => {
  assertEquals(segmentName(1, 1, 16 << 20), "000000010000000000000001");
  assertEquals(segmentName(26, 256, 16 << 20), "0000001A0000000100000000");
  assertEquals(segmentName(1, 5, 1 << 30), "000000010000000100000001");
});
