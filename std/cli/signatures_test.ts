import { parseArgs } from "@std/cli/parse-args";
import { assertEquals } from "@std/assert";

// What the type checker must find for each kind of flag; a wrong type does not compile.
type Same<A, B> = [A, B] extends [B, A] ? true : false;

function same<A, B>(_proof: Same<A, B>): void {}

Deno.test("parseArgs() types each flag after its declaration", () => {
  const args = parseArgs(["serve", "--peer=a", "--", "x"], {
    "--": true,
    boolean: ["help", "wait"],
    string: ["config", "peer", "output", "proxy"],
    collect: ["peer", "tag"],
    negatable: ["wait", "proxy"],
    default: { output: "table", retries: 3 },
    alias: { config: "c", help: ["h", "?"] },
    stopEarly: false,
    unknown: (arg: string, key?: string, value?: unknown): unknown => [
      arg,
      key,
      value,
    ],
  });

  same<typeof args.help, boolean>(true);
  same<typeof args.h, boolean>(true);
  same<(typeof args)["?"], boolean>(true);
  same<typeof args.wait, boolean>(true);
  same<typeof args.config, string | undefined>(true);
  same<typeof args.c, string | undefined>(true);
  same<typeof args.peer, string[]>(true);
  same<typeof args.tag, unknown[]>(true);
  same<typeof args.output, string>(true);
  same<typeof args.proxy, string | false | undefined>(true);
  same<typeof args.retries, unknown>(true);
  same<typeof args.undeclared, unknown>(true);
  same<typeof args._, Array<string | number>>(true);
  same<(typeof args)["--"], string[]>(true);
  // @ts-expect-error: a list is no string.
  same<typeof args.peer, string>(true);

  assertEquals(args.peer, ["a"]);
  assertEquals(args["--"], ["x"]);
});

Deno.test("parseArgs() takes single names as well as lists", () => {
  const args = parseArgs([], { boolean: "help", string: "config" });

  same<typeof args.help, boolean>(true);
  same<typeof args.config, string | undefined>(true);
  assertEquals(args, { help: false, _: [] });
});
