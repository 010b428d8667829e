import { assertEquals, assertStringIncludes } from "@std/assert";
import { runMain } from "./test_support.ts";

const NODE = [
  "--node-id=1",
  "--cluster-members=1@127.0.0.1:7400",
  "--raft-listen=127.0.0.1:7400",
  "--postgresql-managed=false",
];

Deno.test("serve --check prints every setting with its source, and runs nothing", async () => {
  const { code, out, err } = await runMain(["serve", ...NODE, "--check"]);

  assertEquals([code, err], [0, ""]);
  assertStringIncludes(out, "[raft]");
  assertStringIncludes(out, "; --raft-listen");
});

Deno.test("serve --check exits 2 for a wrong setting", async () => {
  const { code, out } = await runMain(["serve", "--check", "--node-di=1"]);

  assertEquals(code, 2);
  assertStringIncludes(out, "did you mean --node-id");
});

Deno.test("serve exits 2 for a wrong setting, and says so on standard error", async () => {
  const { code, out, err } = await runMain(["serve", "--node-id", "x"]);

  assertEquals([code, out], [2, ""]);
  assertStringIncludes(err, "--node-id");
});

Deno.test("serve takes settings from the environment, and leaves those of ctl alone", async () => {
  const { code, out } = await runMain(["serve", "--check", ...NODE], {
    env: {
      PGRAFT_NODE_NAME: "n9",
      PGRAFT_API: "h:1",
      PGRAFT_TOKEN_FILE: "/t",
      PGRAFT_CA_FILE: "/c",
    },
  });

  assertEquals(code, 0);
  assertStringIncludes(out, "name = n9");
  assertEquals(out.includes("warning"), false);
});

Deno.test("serve --help lists the settings", async () => {
  const { code, out } = await runMain(["serve", "--help"]);

  assertEquals(code, 0);
  assertStringIncludes(out, "--raft-election-timeout");
  assertStringIncludes(out, "PGRAFT_RAFT_ELECTION_TIMEOUT");
});
