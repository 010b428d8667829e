import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "node:path";
import {
  configureLogging,
  type Logging,
  type LoggingOptions,
} from "./configure.ts";
import type { LogOutput } from "./line_writer.ts";
import { logger } from "./logger.ts";

interface TextOutput extends LogOutput {
  text(): string;
}

function textOutput(): TextOutput {
  const decoder = new TextDecoder();
  let text = "";
  const write = (bytes: Uint8Array): number => {
    text += decoder.decode(bytes, { stream: true });
    return bytes.length;
  };
  return {
    write: (bytes) => Promise.resolve(write(bytes)),
    writeSync: write,
    text: () => text,
  };
}

/** Runs `act` while its log is written, and returns the lines. */
async function linesOf(
  options: Partial<LoggingOptions>,
  act: (logging: Logging) => void,
): Promise<string[]> {
  const output = textOutput();
  const logging = configureLogging({
    level: "info",
    format: "text",
    node: { id: 1, name: "node1" },
    output,
    ...options,
  });
  try {
    act(logging);
  } finally {
    await logging.dispose();
  }
  const lines = output.text().split("\n");
  assertEquals(lines.pop(), "");
  return lines;
}

/** The line without its time. */
function untimed(line: string | undefined): string {
  const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (.*)$/s.exec(
    line ?? "",
  );
  assert(match !== null, line);
  return match[1] ?? "";
}

Deno.test("a line of text has level, node, category, message and fields", async () => {
  const lines = await linesOf({ format: "text" }, () => {
    const log = logger(["raft", "peers"]).with({ peer: 2 });
    log.info("A peer has connected", { term: 3, address: "127.0.0.1:7402" });
    log.warning("Slow", { why: "a b", none: undefined, list: [1, "x"] });
  });
  assertEquals(lines.map(untimed), [
    "INFO    node1 raft.peers: A peer has connected peer=2 term=3 address=127.0.0.1:7402",
    'WARNING node1 raft.peers: Slow peer=2 why="a b" list=[1,"x"]',
  ]);
});

Deno.test("a line of JSON has the same as fields, whose names do not hide its own", async () => {
  const lines = await linesOf({ format: "json" }, () => {
    logger("raft").error("Failed", {
      term: 3,
      peer: 2,
      level: "high",
      node: 9,
      error: new TypeError("No"),
    });
  });
  assertEquals(lines.length, 1);
  const { time, error, ...rest } = JSON.parse(lines[0] ?? "");
  assertEquals(new Date(time).toISOString(), time);
  assertEquals(rest, {
    level: "error",
    node: 1,
    node_name: "node1",
    category: "raft",
    message: "Failed",
    term: 3,
    peer: 2,
    level_: "high",
    node_: 9,
  });
  assertEquals([error.name, error.message], ["TypeError", "No"]);
  assertStringIncludes(error.stack, "logging_test.ts");
});

Deno.test("events below the level are not written", async () => {
  const seen: boolean[] = [];
  const lines = await linesOf({ level: "warning" }, () => {
    const log = logger("raft");
    log.debug("No");
    log.info("No");
    log.warning("Yes");
    log.error("Yes");
    log.fatal("Yes");
    seen.push(log.isEnabled("info"), log.isEnabled("warning"));
  });
  assertEquals(lines.map((line) => untimed(line).split(" ")[0]), [
    "WARNING",
    "ERROR",
    "FATAL",
  ]);
  assertEquals(seen, [false, true]);
});

const HOSTILE = "a\nb\r\u001b[2J\u009b\u202e\u2028\u0000\u{e0001}\ud800c";

for (const format of ["text", "json"] as const) {
  Deno.test(`an event stays on one line of ${format}, whatever it holds`, async () => {
    const node = { id: 1, name: `n${HOSTILE}` };
    const lines = await linesOf({ format, node }, () => {
      logger(["raft", HOSTILE]).fatal(HOSTILE, {
        value: HOSTILE,
        [HOSTILE]: { [HOSTILE]: [HOSTILE] },
        error: new Error(HOSTILE),
      });
    });
    assertEquals(lines.length, 1);
    assertEquals(
      /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(lines[0] ?? ""),
      false,
    );
    if (format === "text") return;
    const { message, value } = JSON.parse(lines[0] ?? "");
    assertEquals([message, value], [HOSTILE, HOSTILE]);
  });

  Deno.test(`no secret is written as ${format}`, async () => {
    const hidden = "hunter2hunter2hunter2";
    const lines = await linesOf({ format }, () => {
      const log = logger("api").with({ authorization: `Bearer ${hidden}` });
      log.error(`Refused: password=${hidden}`, {
        secret: hidden,
        api_token: { value: hidden },
        request: { headers: new Map([["Cookie", hidden]]), token: [hidden] },
        error: new Error(`postgres://joe:${hidden}@db`, {
          cause: { password: hidden },
        }),
      });
    });
    assertEquals(lines.length, 1);
    assertEquals(lines[0]?.includes("hunter2"), false, lines[0]);
    assertStringIncludes(lines[0] ?? "", "[redacted]");
  });
}

Deno.test("braces in a message are no places to fill", async () => {
  const lines = await linesOf({}, () => {
    logger("api").info('Got {"a": {term}} and {}', { term: 3 });
  });
  assertEquals(
    lines.map(untimed),
    ['INFO    node1 api: Got {"a": {term}} and {} term=3'],
  );
});

Deno.test("configureLogging() refuses a second log, and takes one after the first's end", async () => {
  const again = await linesOf({}, () => {
    logger("a").info("One");
    assertThrows(
      () =>
        configureLogging({
          level: "info",
          format: "text",
          node: { id: 1, name: "n" },
        }),
      Error,
      "configured already",
    );
  });
  assertEquals(again.length, 1);
  assertEquals((await linesOf({}, () => logger("a").info("Two"))).length, 1);
});

Deno.test("a logger's events go nowhere once the log has ended", async () => {
  const log = logger("late");
  const lines = await linesOf({}, () => log.info("In time"));
  log.info("Too late");
  assertEquals(lines.length, 1);
});

for (const how of ["exit", "dispose", "end"]) {
  Deno.test(`all lines are written in order when the process ends by ${how}`, async () => {
    const script = join(import.meta.dirname ?? ".", "exit_script.ts");
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", script, how],
      stdout: "null",
      stderr: "piped",
    }).output();
    const lines = new TextDecoder().decode(stderr).trimEnd().split("\n");
    assertEquals(code, how === "exit" ? 7 : 0);
    assertEquals(
      lines.map((line) => JSON.parse(line).line),
      Array.from({ length: 2000 }, (_, i) => i),
    );
  });
}
