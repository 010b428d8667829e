import { assertEquals, assertMatch } from "@std/assert";
import { createMemoryClock, type MemoryClock } from "../../raft/mod.ts";
import { loadConfiguration, type NodeConfig } from "../config/mod.ts";
import type { ClusterSettings, SetClusterSettings } from "../machine/mod.ts";
import type { LiveSettings } from "./live.ts";
import { createSettings, type Settings } from "./service.ts";

interface Bench {
  readonly settings: Settings;
  readonly clock: MemoryClock;
  readonly files: Map<string, string>;
  readonly applied: LiveSettings[];
  readonly proposed: SetClusterSettings[];
  readonly group: {
    cluster: ClusterSettings;
    fixed: string | null;
    isPrimary: boolean;
  };
  readonly written: Map<string, string>[];
  /** Has the server's files read, as after a reload. */
  reload(): Promise<void>;
}

async function configOf(): Promise<NodeConfig> {
  const loaded = await loadConfiguration({
    args: [
      "--node-id=1",
      "--cluster-members=1@127.0.0.1:7400",
      "--raft-listen=127.0.0.1:7400",
    ],
    env: {},
    readFile: () => Promise.resolve(null),
  });
  if (!loaded.ok) throw new Error("The configuration is wrong");
  return loaded.config;
}

async function bench(): Promise<Bench> {
  const clock = createMemoryClock();
  const files = new Map<string, string>();
  const applied: LiveSettings[] = [];
  const proposed: SetClusterSettings[] = [];
  const written: Map<string, string>[] = [];
  const group: Bench["group"] = {
    cluster: { heartbeatIntervalMs: null, electionTimeoutMs: null },
    fixed: null,
    isPrimary: false,
  };
  const settings = createSettings({
    config: await configOf(),
    clock,
    group: () => ({ members: 3, peers: "", isPrimary: group.isPrimary }),
    cluster: () => group.cluster,
    propose: (change) => {
      proposed.push(change);
      group.cluster = change;
      settings.groupChanged();
      return Promise.resolve({ kind: "done" });
    },
    timesFixed: () => group.fixed,
    apply: (live) => void applied.push(live),
    readFiles: () => Promise.resolve(new Map(files)),
    writeFiles: (all) => {
      written.push(new Map(all));
      return Promise.resolve(true);
    },
    isBusy: () => false,
  });
  await settings.prepare();
  for (const [name, value] of written[0] ?? []) {
    files.set(name.replace("pgraft.", ""), value);
  }
  const reload = async (): Promise<void> => {
    settings.configurationLoaded();
    clock.advance(1000);
    for (let turns = 0; turns < 20; turns++) await Promise.resolve();
  };
  return { settings, clock, files, applied, proposed, group, written, reload };
}

function viewOf(
  { settings }: Bench,
  name: string,
): {
  readonly setting: string;
  readonly state: string;
  readonly reason: string | null;
} {
  const view = settings.views().find((one) => one.name === `pgraft.${name}`);
  if (!view) throw new Error(`There is no ${name}`);
  const { setting, state, reason } = view;
  return { setting, state, reason };
}

Deno.test("a setting of the node is taken over at a reload, and led back by a reset", async () => {
  const one = await bench();
  await one.reload();
  one.files.set("trace_enabled", "on");
  await one.reload();
  assertEquals(one.settings.live.traceEnabled, true);
  one.files.set("trace_enabled", "off");
  await one.reload();
  assertEquals(one.settings.live.traceEnabled, false);
  assertEquals(one.applied.length, 2);
  await one.settings.stop();
});

Deno.test("a setting of the node that stood in the files before the start counts", async () => {
  const one = await bench();
  one.files.set("batch_size", "77");
  await one.reload();
  assertEquals(one.settings.live.batchSize, 77);
  await one.settings.stop();
});

Deno.test("an invalid value is refused with what is allowed, and the old one stays", async () => {
  const one = await bench();
  await one.reload();
  one.files.set("batch_size", "many");
  await one.reload();
  const { setting, state, reason } = viewOf(one, "batch_size");
  assertEquals([setting, state], ["4096", "refused"]);
  assertMatch(reason ?? "", /"many" is refused: allowed: a whole number/);
  one.files.set("batch_size", "50");
  await one.reload();
  assertEquals(viewOf(one, "batch_size"), {
    setting: "50",
    state: "applied",
    reason: null,
  });
  await one.settings.stop();
});

Deno.test("times are proposed to the group once, and taken from it", async () => {
  const one = await bench();
  await one.reload();
  one.files.set("heartbeat_interval", "200");
  one.files.set("election_timeout", "2s");
  await one.reload();
  await one.reload();
  assertEquals(one.proposed, [
    { heartbeatIntervalMs: 200, electionTimeoutMs: 2000 },
  ]);
  assertEquals(one.settings.live.electionTimeoutMs, 2000);
  assertEquals(viewOf(one, "heartbeat_interval").state, "applied");
  await one.settings.stop();
});

Deno.test("times that stood in the files before the start are not proposed", async () => {
  const one = await bench();
  one.files.set("heartbeat_interval", "250");
  await one.reload();
  assertEquals(one.proposed, []);
  assertEquals(viewOf(one, "heartbeat_interval").setting, "100");
  assertMatch(
    viewOf(one, "heartbeat_interval").reason ?? "",
    /all nodes have 100/,
  );
  await one.settings.stop();
});

Deno.test("times that do not fit, or can't change now, are refused", async () => {
  const one = await bench();
  await one.reload();
  one.files.set("heartbeat_interval", "900");
  await one.reload();
  assertMatch(
    viewOf(one, "heartbeat_interval").reason ?? "",
    /at least 3 times/,
  );
  one.group.fixed = "the mode is off";
  one.files.set("heartbeat_interval", "200");
  await one.reload();
  assertMatch(
    viewOf(one, "heartbeat_interval").reason ?? "",
    /the mode is off/,
  );
  assertEquals(one.proposed, []);
  await one.settings.stop();
});

Deno.test("what others have set is taken over, shown by the server, and wished to be read once", async () => {
  const one = await bench();
  await one.reload();
  one.settings.takeReloadWish();
  one.group.cluster = { heartbeatIntervalMs: 50, electionTimeoutMs: 500 };
  one.settings.groupChanged();
  one.clock.advance(1000);
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
  assertEquals(one.settings.live.heartbeatIntervalMs, 50);
  assertEquals(one.written.at(-1)?.get("pgraft.election_timeout"), "500");
  assertEquals(one.settings.takeReloadWish(), true);
  assertEquals(one.settings.takeReloadWish(), false);
  await one.settings.stop();
});

Deno.test("what a server shows of before a promotion is not taken for a wish", async () => {
  const one = await bench();
  await one.reload();
  one.group.isPrimary = true;
  await one.reload();
  assertEquals(viewOf(one, "is_primary"), {
    setting: "on",
    state: "applied",
    reason: null,
  });
  one.files.set("is_primary", "maybe");
  await one.reload();
  assertEquals(viewOf(one, "is_primary").state, "refused");
  await one.settings.stop();
});

Deno.test("what needs a restart, only shows, or means nothing is refused with the reason", async () => {
  const one = await bench();
  await one.reload();
  for (const name of ["node_id", "cluster_size", "worker_interval"]) {
    one.files.set(name, "9");
  }
  await one.reload();
  assertMatch(viewOf(one, "node_id").reason ?? "", /needs a restart/);
  assertMatch(viewOf(one, "cluster_size").reason ?? "", /pgraft_add_node/);
  assertMatch(viewOf(one, "worker_interval").reason ?? "", /no worker/);
  await one.settings.stop();
});
