import { assertEquals } from "@std/assert";
import { COMMANDS } from "./commands.ts";
import { parseLine } from "./parse.ts";
import { growTree, listNodes } from "./tree.ts";

const ROOT = growTree(COMMANDS);

/** What a command line came to, in one line to compare. */
function parsed(line: readonly string[], env = {}): string {
  const result = parseLine(ROOT, line, env);
  switch (result.kind) {
    case "run":
      return `run ${result.command.path} ${JSON.stringify(result.values.args)}`;
    case "wrong":
      return `wrong in "${result.node.row.path}": ${result.message}`;
    case "help":
    case "bare":
      return `${result.kind} ${result.node.row.path}`;
    case "version":
      return "version";
  }
}

function optionOf(line: readonly string[], key: string, env = {}): unknown {
  const result = parseLine(ROOT, line, env);
  return result.kind === "run" ? result.values.options[key] : parsed(line, env);
}

const PUT = ["ctl", "kv", "put"];

const lines: Array<[string, string[], string]> = [
  ["shows short help of the program", [], "bare "],
  ["shows short help of a group", ["ctl", "kv"], "bare ctl kv"],
  ["shows help of the program", ["-h"], "help "],
  ["shows help of a group", ["ctl", "kv", "--help"], "help ctl kv"],
  ["shows help of a command", [...PUT, "--help"], "help ctl kv put"],
  ["shows help of a command with flags of its own", [
    "serve",
    "--node-id",
    "1",
    "-h",
  ], "help serve"],
  ["shows the version", ["--version"], "version"],
  ["shows the version by its letter", ["-V"], "version"],
  [
    "takes an argument",
    [...PUT, "k", "v"],
    'run ctl kv put {"key":"k","value":"v"}',
  ],
  [
    "takes other words",
    ["ctl", "kv", "set", "k", "v"],
    'run ctl kv put {"key":"k","value":"v"}',
  ],
  [
    "takes other words in another group",
    ["ctl", "show", "nodes"],
    "run ctl nodes list {}",
  ],
  [
    "takes another word of a group",
    ["ctl", "node", "ls"],
    "run ctl nodes list {}",
  ],
  [
    "takes options before the words below",
    ["ctl", "-j", "kv", "get", "k"],
    'run ctl kv get {"key":"k"}',
  ],
  [
    "takes no option after --",
    [...PUT, "--", "-k", "--json"],
    'run ctl kv put {"key":"-k","value":"--json"}',
  ],
  [
    "takes a lone hyphen as a word",
    [...PUT, "k", "-"],
    'run ctl kv put {"key":"k","value":"-"}',
  ],
  [
    "leaves true to the arguments",
    [...PUT, "k", "--json", "true"],
    'run ctl kv put {"key":"k","value":"true"}',
  ],
  [
    "leaves numbers as they are written",
    [...PUT, "007", "1e3"],
    'run ctl kv put {"key":"007","value":"1e3"}',
  ],
  [
    "takes an empty value",
    [...PUT, "k", ""],
    'run ctl kv put {"key":"k","value":""}',
  ],
  ["hands all else to a command with flags of its own", [
    "serve",
    "--node-id",
    "1",
    "--check",
  ], 'run serve {"settings":["--node-id","1"]}'],
  ["leaves what follows --watch that is no number", [
    "ctl",
    "status",
    "-w",
    "x",
  ], 'wrong in "ctl status": Nothing more is expected, got "x"'],
  [
    "names a command that is near",
    ["clt"],
    'wrong in "": There is no command "clt" here; did you mean ctl',
  ],
  [
    "names nothing that is far",
    ["zzzzzzzz"],
    'wrong in "": There is no command "zzzzzzzz" here',
  ],
  [
    "names a command below",
    ["ctl", "nodes", "lits"],
    'wrong in "ctl nodes": There is no command "lits" here; did you mean list',
  ],
  [
    "names an option that is near",
    ["ctl", "status", "--jsn"],
    'wrong in "ctl status": There is no option --jsn here; did you mean --json',
  ],
  [
    "refuses an unknown letter in a cluster",
    ["ctl", "status", "-jZ"],
    'wrong in "ctl status": There is no option -Z here',
  ],
  [
    "refuses a value where none belongs",
    ["ctl", "status", "--json=no"],
    'wrong in "ctl status": --json takes no value, got "no"',
  ],
  [
    "asks for a missing value",
    ["ctl", "status", "--timeout"],
    'wrong in "ctl status": --timeout needs a value: TIME',
  ],
  [
    "takes no option for a value",
    ["ctl", "status", "--timeout", "--json"],
    'wrong in "ctl status": --timeout needs a value: TIME',
  ],
  [
    "refuses a value twice",
    ["ctl", "status", "-t1", "-t2"],
    'wrong in "ctl status": --timeout is given twice',
  ],
  [
    "asks for a missing argument",
    ["ctl", "kv", "get"],
    'wrong in "ctl kv get": KEY is missing',
  ],
  [
    "refuses one argument too many",
    ["ctl", "kv", "get", "a", "b"],
    'wrong in "ctl kv get": Nothing more is expected, got "b"',
  ],
  [
    "refuses a wrong argument",
    ["ctl", "nodes", "remove", "0"],
    'wrong in "ctl nodes remove": ID is "0"; allowed: a whole number, 1 to 1000',
  ],
  [
    "asks for a missing option",
    ["ctl", "nodes", "add", "4", "h:1"],
    'wrong in "ctl nodes add": --incarnation is missing',
  ],
  [
    "refuses an option before its command",
    ["--json", "ctl"],
    'wrong in "": There is no option --json here',
  ],
  [
    "does not find what every object has",
    ["constructor"],
    'wrong in "": There is no command "constructor" here',
  ],
];

for (const [name, line, want] of lines) {
  Deno.test(`parseLine() ${name}`, () => {
    assertEquals(parsed(line), want);
  });
}

const STATUS = ["ctl", "status"];
const api = (hostPort: string, scheme: string | null = null): unknown => ({
  hostPort,
  scheme,
});

const options: Array<[string, string[], string, unknown]> = [
  ["a default", STATUS, "timeout", 10_000],
  ["seconds", [...STATUS, "--timeout", "3"], "timeout", 3000],
  ["a unit", [...STATUS, "--timeout=500ms"], "timeout", 500],
  ["a value behind its letter", [...STATUS, "-t5"], "timeout", 5000],
  ["a value behind its letter and =", [...STATUS, "-t=5"], "timeout", 5000],
  ["a value behind a cluster", [...STATUS, "-jqt5"], "timeout", 5000],
  ["the flags of a cluster", [...STATUS, "-jqt5"], "quiet", true],
  ["a flag that is not given", STATUS, "json", false],
  ["no --watch", STATUS, "watch", null],
  ["--watch alone", [...STATUS, "--watch"], "watch", 2000],
  ["--watch before a flag", [...STATUS, "-w", "-j"], "watch", 2000],
  ["--watch with seconds", [...STATUS, "--watch", "5"], "watch", 5000],
  ["--watch with a fraction", [...STATUS, "-w0.5"], "watch", 500],
  ["one address", [...STATUS, "--api", "h:1"], "api", [api("h:1")]],
  ["an address without a port", [...STATUS, "--api", "h"], "api", [
    api("h:8008"),
  ]],
  ["a URL", [...STATUS, "--api", "https://[::1]:1/"], "api", [
    api("[::1]:1", "https"),
  ]],
  ["many addresses", [...STATUS, "--api", "a:1, b:2", "--api=c:3"], "api", [
    api("a:1"),
    api("b:2"),
    api("c:3"),
  ]],
];

for (const [name, line, key, want] of options) {
  Deno.test(`parseLine() reads ${name}`, () => {
    assertEquals(optionOf(line, key), want);
  });
}

Deno.test("parseLine() takes the environment only where no option is given", () => {
  const env = { PGRAFT_API: "env:1" };

  assertEquals(optionOf(STATUS, "api", env), [api("env:1")]);
  assertEquals(optionOf([...STATUS, "--api", "a:1"], "api", env), [api("a:1")]);
  assertEquals(optionOf(STATUS, "api", { PGRAFT_API: "" }), []);
});

Deno.test("parseLine() names the variable that is wrong", () => {
  const got = parsed(STATUS, { PGRAFT_API: "a:b:c" });

  assertEquals(got.includes('PGRAFT_API is "a:b:c"; allowed: host:port'), true);
});

Deno.test("every example that a shell would not change is a command line that runs", () => {
  for (const { row } of listNodes(ROOT)) {
    for (const { line } of row.examples) {
      const [program, ...args] = line.split(" ");
      if (/[|$'<>~]/.test(line)) continue;
      assertEquals(program, "pgraft");
      assertEquals(parsed(args).split(" ")[0], "run", line);
    }
  }
});
