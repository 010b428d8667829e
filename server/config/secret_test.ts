import { assertEquals } from "@std/assert";
import { messageOf } from "../../base/mod.ts";
import { readFileIfThere, readPasswordFile, readSecretFile } from "./secret.ts";

async function withDirectory(
  run: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function outcomeOf(path: string): Promise<string> {
  try {
    return await readSecretFile(path);
  } catch (error) {
    return messageOf(error).replaceAll(path, "FILE");
  }
}

const SECRET = "0123456789abcdef";

const CONTENTS: readonly (readonly [string, number, string])[] = [
  [SECRET, 0o600, SECRET],
  [`\n  ${SECRET} \r\n`, 0o400, SECRET],
  ["x".repeat(4096), 0o600, "x".repeat(4096)],
  ["x".repeat(4097), 0o600, "The secret FILE is larger than 4096 bytes"],
  ["", 0o600, "The secret FILE is empty"],
  [" \n ", 0o600, "The secret FILE is empty"],
  [
    "0123456789abcde \n\n",
    0o600,
    "The secret FILE is shorter than 16 characters; make one with openssl rand -hex 32",
  ],
  [
    SECRET,
    0o640,
    "The secret FILE has mode 640, so others than its owner can use it; run chmod 600 FILE",
  ],
  [
    SECRET,
    0o604,
    "The secret FILE has mode 604, so others than its owner can use it; run chmod 600 FILE",
  ],
  [
    SECRET,
    0o620,
    "The secret FILE has mode 620, so others than its owner can use it; run chmod 600 FILE",
  ],
];

Deno.test({
  name: "readSecretFile() trims a good secret and refuses a bad or an open one",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withDirectory(async (directory) => {
      for (const [index, [content, mode, outcome]] of CONTENTS.entries()) {
        const path = `${directory}/${index}`;
        await Deno.writeTextFile(path, content);
        await Deno.chmod(path, mode);
        assertEquals(await outcomeOf(path), outcome, `row ${index}`);
      }
    }),
});

Deno.test("readSecretFile() refuses a directory and a file that is not there", () =>
  withDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/d`, { mode: 0o700 });
    assertEquals(
      await outcomeOf(`${directory}/d`),
      "The secret FILE is no regular file",
    );
    const missing = await outcomeOf(`${directory}/missing`);
    assertEquals(
      missing.startsWith("The secret FILE cannot be read: No such file"),
      true,
      missing,
    );
  }));

Deno.test("readFileIfThere() tells a missing file from one that cannot be read", () =>
  withDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/f`, "text");
    assertEquals(await readFileIfThere(`${directory}/f`), "text");
    assertEquals(await readFileIfThere(`${directory}/none`), null);
    const failed = await readFileIfThere(directory).then(
      () => false,
      () => true,
    );
    assertEquals(failed, true);
  }));

Deno.test("readPasswordFile() takes one line as it is, and no open file", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/password`;
    const cases: readonly (readonly [string, number, string])[] = [
      ["pw\n", 0o600, "pw"],
      [" p w \r\n", 0o600, " p w "],
      ["\n", 0o600, "The secret FILE is empty"],
      ["a\nb\n", 0o600, "The secret FILE has more than one line"],
      [
        "pw",
        0o644,
        "The secret FILE has mode 644, so others than its owner can use it; run chmod 600 FILE",
      ],
    ];
    for (const [content, mode, outcome] of cases) {
      await Deno.writeTextFile(path, content);
      await Deno.chmod(path, mode);
      const said = await readPasswordFile(path).catch((error) =>
        messageOf(error).replaceAll(path, "FILE")
      );
      assertEquals(said, outcome);
    }
  }));
