import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { startProcess, until } from "./nodes/mod.ts";
import { commandLineOf, processesNaming, signalTo } from "./postgres/mod.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const DEMO = [Deno.execPath(), "run", "-A", join(ROOT, "main.ts"), "demo"];
const WAIT_MS = 60_000;

function isThere(program: string): boolean {
  const paths = (Deno.env.get("PATH") ?? "").split(":");
  return paths.some((path) => {
    try {
      return Deno.statSync(join(path, program)).isFile;
    } catch {
      return false;
    }
  });
}

/** The demo's directories are made in there, and nothing else. */
async function inDirectory(
  run: (root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "pgraft-demos-" });
  try {
    await Deno.chmod(root, 0o711);
    await run(root);
    assertEquals(await namesIn(root), []);
    assertEquals(processesNaming(root), []);
    assertEquals(await socketsNaming(root), []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function namesIn(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory)))
    .map(({ name }) => name);
}

/** Servers put sockets where others' are as well. */
async function socketsNaming(root: string): Promise<string[]> {
  const directory = "/var/run/postgresql";
  const names = await namesIn(directory).catch(() => []);
  const locks = names.filter((name) => name.endsWith(".lock"));
  const texts = await Promise.all(
    locks.map((name) =>
      Deno.readTextFile(join(directory, name)).catch(() => "")
    ),
  );
  return texts.filter((text) => text.includes(root));
}

/**
 * Where PostgreSQL's packages are, another, empty directory is seen by the command and its children; and they know
 * no user `postgres`.
 */
const WITHOUT_POSTGRES = `
for each in /usr/lib/postgresql /usr/local/pgsql; do [ -d "$each" ] && mount --bind "$0" "$each"; done
users=$(mktemp) && grep -v '^postgres:' /etc/passwd >"$users" && chmod 644 "$users" &&
  mount --bind "$users" /etc/passwd && rm "$users"
exec "$@"`;

async function commandWithoutPostgres(root: string): Promise<string[]> {
  const empty = await Deno.makeTempDir({ prefix: "pgraft-empty-" });
  addEventListener("unload", () => Deno.removeSync(empty, { recursive: true }));
  const hide = ["unshare", "-m", "sh", "-c", WITHOUT_POSTGRES, empty];
  const { success } = await new Deno.Command("unshare", {
    args: [...hide.slice(1), "true"],
    stderr: "null",
  }).output();
  // Where nothing can be hidden, a version is asked for that distributions do not have beside another.
  return success && !root.includes(" ")
    ? [...hide, ...DEMO, "--check", "--json"]
    : [...DEMO, "--check", "--json", "--postgres", "16"];
}

Deno.test("demo --check finds all as promised without a PostgreSQL, also beside another demo, and leaves nothing", () =>
  inDirectory(async (root) => {
    const [bare = "", ...args] = await commandWithoutPostgres(root);
    const path = (Deno.env.get("PATH") ?? "").split(":")
      .filter((each) => !each.includes("postgresql")).join(":");
    const env = { TMPDIR: root, PATH: path, NO_COLOR: "1" };
    await using one = startProcess({ name: "bare", command: bare, args, env });
    const [command = "", ...rest] = DEMO;
    await using other = startProcess({
      name: "other",
      command,
      args: [...rest, "--check"],
      env: { ...env, PATH: Deno.env.get("PATH") ?? "" },
    });
    const ends = await Promise.all([one.ended, other.ended]);
    assertEquals(ends.map(({ code }) => code), [0, 0], outputOf(one, other));
    const json = /^\{\n[^]*^\}\n/m.exec(one.output())?.[0] ?? "{}";
    const report = JSON.parse(json);
    if (bare === "unshare") {
      assertMatch(one.output(), /no user postgres: .* runs as nobody, in \//);
    }
    assertMatch(report.postgresql, /^PostgreSQL \d+\.\d+ from npm$/);
    assertEquals(
      [report.ok, report.rows_lost, report.rows_twice, report.problems],
      [true, 0, 0, []],
    );
    assert(report.rows_acknowledged >= 200 && report.epoch === 2);
    assert(report.primary !== report.killed);
    assertMatch(other.output(), /As promised: node \d is the primary/);
  }));

function outputOf(...processes: { output(): string }[]): string {
  return processes.map((one) => one.output()).join("\n---\n");
}

/** A terminal, and a demo in it. */
interface Screen {
  /** What the terminal shows, with every figure, port and directory under one name. */
  read(): Promise<string[]>;
  press(key: string): Promise<void>;
}

async function tmux(socket: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("tmux", {
    args: ["-f", "/dev/null", "-S", socket, ...args],
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`tmux ${args[0]}: ${decoder.decode(stderr)}`);
}

function plain(line: string): string {
  return line
    .replaceAll(/\/\S*pgraft-demo-[0-9a-f]+/g, "DIR")
    .replaceAll(/127\.0\.0\.1:\d+/g, "HOST")
    .replaceAll(/demo:[0-9a-f]+@/g, "demo:PASSWORD@")
    .replaceAll(/\d+ rows/g, "N rows")
    .replaceAll(/\d+\.\d\d s\b/g, "T")
    .replaceAll(/PostgreSQL \d+\.\d+ from npm/g, "PostgreSQL from npm")
    .trimEnd();
}

async function inTerminal(
  root: string,
  run: (screen: Screen) => Promise<void>,
): Promise<void> {
  const socket = join(root, "tmux");
  const words = [...DEMO, "--postgres", "17"].map((word) => `'${word}'`);
  const shell = `TMPDIR='${root}' NO_COLOR=1 ${
    words.join(" ")
  }; echo "ended with $?"; sleep 600`;
  await tmux(socket, "new-session", "-d", "-x", "170", "-y", "40", shell);
  const read = async (): Promise<string[]> =>
    (await tmux(socket, "capture-pane", "-p")).split("\n").map(plain);
  try {
    await run({
      read,
      press: async (key) => {
        await tmux(socket, "send-keys", key);
      },
    });
  } catch (error) {
    const shown = (await read()).join("\n");
    await tmux(socket, "kill-server");
    const left = await endAll(root);
    const text = `The terminal shows\n${shown}\n\nLeft behind:\n${left}`;
    throw new Error(text, { cause: error });
  }
  await tmux(socket, "kill-server");
  assertEquals(await endAll(root), "");
}

/** Waits for the end of all that was started, and ends what does not; returns what that was. */
async function endAll(root: string): Promise<string> {
  const left = (): number[] => processesNaming(root);
  const what = "everything in the terminal has ended";
  const ended = until(() => left().length === 0 || null, { what });
  const lines = await ended.then(() => [], () => left().map(commandLineOf));
  for (const pid of left()) signalTo(pid, "SIGKILL");
  await until(() => left().length === 0 || null, { what });
  await Deno.remove(join(root, "tmux")).catch(() => {});
  return lines.join("\n");
}

const NODE_ROW = /^\d +(running|killed|frozen) /;

/** The rows of nodes, without their numbers, sorted. */
function nodeRows(lines: readonly string[]): string[] {
  return lines.filter((line) => NODE_ROW.test(line)).map((line) =>
    line.split(/ {2,}/).slice(1, 4).join(" ")
  ).sort();
}

const HEALTHY = [
  "running primary running",
  "running standby streaming",
  "running standby streaming",
];

async function untilShown(
  screen: Screen,
  what: string,
  rows: readonly string[],
  event: RegExp | null,
): Promise<string[]> {
  return await until(async () => {
    const lines = await screen.read();
    const isShown = JSON.stringify(nodeRows(lines)) === JSON.stringify(rows) &&
      (event === null || lines.some((line) => event.test(line)));
    return isShown ? lines : null;
  }, { what: `the terminal shows ${what}`, timeoutMs: WAIT_MS });
}

/** A screen of a healthy cluster whose rows were checked, from its first line to its last. */
const PROMISED = [
  "pgraft demo: 3 nodes with PostgreSQL from npm",
  "",
  /^NODE +AGENT +ROLE +STATE +RAFT +TIMELINE +LAG +POSTGRESQL$/,
  /^1 +running +(primary|standby) +(running|streaming) +(leader|follower) +\d +(-|\S+ \S+) +HOST$/,
  /^2 +running +(primary|standby) +(running|streaming) +(leader|follower) +\d +(-|\S+ \S+) +HOST$/,
  /^3 +running +(primary|standby) +(running|streaming) +(leader|follower) +\d +(-|\S+ \S+) +HOST$/,
  "",
  "A client writes: N rows acknowledged, none lost",
  "",
  "Keys: k kill the primary's node, f freeze it, t thaw, b bring back what was killed, s switch over, q quit",
  "",
  "Try, in another terminal:",
  "  psql 'postgresql://demo:PASSWORD@HOST,HOST,HOST/postgres?target_session_attrs=read-write'",
  "  curl -s http://HOST/v1/explain",
  "  tail -f DIR/node1.log",
];

function assertPromised(lines: readonly string[]): void {
  for (const [at, wanted] of PROMISED.entries()) {
    const line = lines[at] ?? "";
    if (typeof wanted === "string") assertEquals(line, wanted);
    else assertMatch(line, wanted);
  }
}

Deno.test({
  name:
    "a demo in a terminal shows what kill, freeze, thaw, a return and a switchover do, and ends with Ctrl-C",
  ignore: !isThere("tmux"),
  fn: () =>
    inDirectory((root) =>
      inTerminal(root, async (screen) => {
        const wait = (what: string, rows: string[], event: RegExp | null) =>
          untilShown(screen, what, rows, event);
        assertPromised(
          await wait("a healthy cluster", HEALTHY, /N rows .*, none lost$/),
        );

        const left = HEALTHY.slice(0, 2);
        await screen.press("k");
        await wait(
          "a killed primary and its successor",
          [
            "killed - -",
            ...left,
          ],
          /^ {2}node \d was killed: T without writes; node \d is the primary, in epoch 2$/,
        );

        await screen.press("b");
        await wait(
          "that it is back",
          HEALTHY,
          /^ {2}node \d was brought back: T without writes; node \d is the primary as before$/,
        );

        await screen.press("f");
        await wait(
          "a frozen primary and its successor",
          [
            "frozen - -",
            ...left,
          ],
          /^ {2}node \d was frozen: T without writes; node \d is the primary, in epoch 3$/,
        );

        await screen.press("t");
        await wait(
          "that it goes on, as a standby",
          HEALTHY,
          /^ {2}node \d was thawed: T without writes; node \d is the primary as before$/,
        );

        await screen.press("s");
        await wait(
          "another primary",
          HEALTHY,
          /^ {2}the primary was changed: T without writes; node \d is the primary, in epoch 4$/,
        );
        await wait("that no row was lost", HEALTHY, /N rows .*, none lost$/);

        await screen.press("t");
        await wait("why not", HEALTHY, /^No node is frozen$/);

        await screen.press("C-c");
        await until(async () => {
          const text = (await screen.read()).join("\n");
          return /nothing is left behind\s+ended with 130/.test(text) || null;
        }, { what: "the demo has ended", timeoutMs: WAIT_MS });
      })
    ),
});
