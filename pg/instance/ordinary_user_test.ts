import { assertEquals } from "@std/assert";
import { PASSWORD, withKit } from "./instance_test_kit.ts";
import { findOsUser } from "./mod.ts";

/** An agent that is no root from its first step on; what it needs is loaded by then. */
const AGENT = `
import process from "node:process";
const { createInstance, findOsUser } = await import(Deno.args[0]);
const { uid, gid, options, password } = JSON.parse(Deno.args[1]);
if (Deno.uid() === 0) {
  process.setgid(gid);
  process.setuid(uid);
}
const maps = { parameters: new Map(), hbaRules: [], log: () => {} };
const instance = createInstance({ ...options, ...maps, osUser: await findOsUser("postgres") });
const rendering = {
  upstream: null, replicationPassword: password, synchronousStandbyNames: "",
  hba: "closed", owned: new Map(),
};
const limit = { timeoutMs: 20000 };
try {
  await instance.initialize({ replicationPassword: password });
  await instance.render(rendering);
  await instance.start();
  await instance.promote(limit);
  const { kind } = await instance.probe(limit);
  const { inRecovery } = await instance.observe(limit);
  await instance.stop("fast");
  await Deno.chmod(options.dataDir, 0);
  const shut = await instance.inspect();
  await Deno.chmod(options.dataDir, 0o700);
  console.log(JSON.stringify([Deno.uid() === 0, kind, inRecovery, shut.kind]));
} finally {
  await instance.stop("immediate");
  await instance.close();
}
`;

Deno.test("everything works for an ordinary user as well", () =>
  withKit(async (kit) => {
    const made = await kit.make("home/a", { runDir: `${kit.root}/home/run` });
    const user = await findOsUser("postgres") ??
      { uid: Deno.uid(), gid: Deno.gid() };
    await Deno.mkdir(`${kit.root}/home`);
    await Deno.chown(`${kit.root}/home`, user.uid, user.gid);
    await Deno.writeTextFile(`${kit.root}/agent.ts`, AGENT);
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const door = new URL("./mod.ts", import.meta.url).href;
    const { uid, gid } = user;
    const task = JSON.stringify({
      uid,
      gid,
      options: made.options,
      password: PASSWORD,
    });
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        `--config=${config}`,
        `${kit.root}/agent.ts`,
        door,
        task,
      ],
    }).output();
    const said = new TextDecoder().decode(stdout);
    assertEquals(
      said.trim(),
      '[false,"ok",false,"unusable"]',
      new TextDecoder().decode(stderr),
    );
  }));
