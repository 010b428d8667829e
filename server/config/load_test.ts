import { assert, assertEquals } from "@std/assert";
import { formatHostPort } from "../../base/mod.ts";
import { loadConfiguration } from "./load.ts";
import { formatOrigin } from "./origin.ts";
import {
  configFrom,
  loadFrom,
  MINIMAL_ARGS,
  problemsFrom,
  TEST_FILE,
} from "./test_support.ts";

const SAMPLE = `
[node]
id = 1                        ; 1..1000
name = node1
data_dir = /var/lib/pgraft
nice = -19
[cluster]
name = pgraft_cluster
members = 1@10.0.0.1:7400, 2@10.0.0.2:7400, 3@10.0.0.3:7400   ; the members that found it
join =                        ; or the peers of a running cluster to join
adopt = false
secret_file = /etc/pgraft/secret
synchronous_mode = quorum     ; quorum | strict | off
[raft]
listen = 0.0.0.0:7400
advertise = 10.0.0.1:7400
heartbeat_interval = 100
election_timeout = 1000
snapshot_distance = 10000
max_entry_size = 1MB
tls_cert =
tls_key =
tls_ca =
tls_optional = false
[api]
listen = 127.0.0.1:8008
advertise =                   ; what other nodes and ctl use; the listen address when empty
token_file =                  ; admin token
read_token_file =
tls_cert =
tls_key =
tls_ca =
tls_verify_clients = false
[postgresql]
managed = true                ; false: a Raft node and KV store without PostgreSQL (a witness)
bin_dir =                     ; found by itself when empty
data_dir = /var/lib/pgraft/pg
listen = 0.0.0.0:5432
advertise = 10.0.0.1:5432
os_user = postgres            ; used when pgraft itself runs as root
on_stop = keep                ; keep | stop: PostgreSQL when the agent is stopped
on_role_change =
on_role_change_timeout = 10s
superuser = postgres
tls_cert =
tls_key =
tls_ca =
server_log_size = 16MB
server_log_files = 5
initdb_locale =
initdb_options =
superuser_password_file =
first_user =
first_user_password_file =
first_database =
first_sql_file =
[postgresql.parameters]
shared_buffers = 128MB
[postgresql.hba]              ; users' rules, in order, after pgraft's own; the key names are free
app = host all app 10.0.0.0/8 scram-sha-256
[router]
read_write = 0.0.0.0:7432
read_only = 0.0.0.0:7433
[bridge]
create_extension = true
listen =                      ; 127.0.0.1:7434, for psql with a token as password
[log]
level = info
format = text                 ; text | json
`;

const SAMPLE_CONFIG = {
  node: { id: 1, name: "node1", dataDir: "/var/lib/pgraft", nice: -19 },
  cluster: {
    name: "pgraft_cluster",
    members: [
      { id: 1, address: { host: "10.0.0.1", port: 7400 } },
      { id: 2, address: { host: "10.0.0.2", port: 7400 } },
      { id: 3, address: { host: "10.0.0.3", port: 7400 } },
    ],
    join: [],
    adopt: false,
    secretFile: "/etc/pgraft/secret",
    synchronousMode: "quorum",
    maximumLagBytes: 1 << 20,
  },
  raft: {
    listen: { host: "0.0.0.0", port: 7400 },
    advertise: { host: "10.0.0.1", port: 7400 },
    heartbeatIntervalMs: 100,
    electionTimeoutMs: 1000,
    snapshotDistance: 10000,
    maxEntrySizeBytes: 1048576,
    tlsCert: null,
    tlsKey: null,
    tlsCa: null,
    tlsOptional: false,
  },
  api: {
    listen: { host: "127.0.0.1", port: 8008 },
    advertise: { host: "127.0.0.1", port: 8008 },
    tokenFile: null,
    readTokenFile: null,
    tlsCert: null,
    tlsKey: null,
    tlsCa: null,
    tlsVerifyClients: false,
  },
  postgresql: {
    managed: true,
    binDir: null,
    version: null,
    dataDir: "/var/lib/pgraft/pg",
    listen: { host: "0.0.0.0", port: 5432 },
    advertise: { host: "10.0.0.1", port: 5432 },
    osUser: "postgres",
    onStop: "keep",
    onRoleChange: null,
    onRoleChangeTimeoutMs: 10_000,
    superuser: "postgres",
    tlsCert: null,
    tlsKey: null,
    tlsCa: null,
    serverLogSize: 16 * 1024 * 1024,
    serverLogFiles: 5,
    initdbLocale: null,
    initdbOptions: [],
    superuserPasswordFile: null,
    firstUser: null,
    firstUserPasswordFile: null,
    firstDatabase: null,
    firstSqlFile: null,
    parameters: new Map([["shared_buffers", "128MB"]]),
    hba: [{ name: "app", rule: "host all app 10.0.0.0/8 scram-sha-256" }],
  },
  router: {
    readWrite: { host: "0.0.0.0", port: 7432 },
    readOnly: { host: "0.0.0.0", port: 7433 },
    threads: 0,
    maxConnections: 10_000,
    maxWaiting: 1000,
    waitTimeoutMs: 10_000,
    startupTimeoutMs: 10_000,
    connectTimeoutMs: 2000,
    idleTimeoutMs: 0,
    stallTimeoutMs: 900_000,
    maxLagBytes: 16 << 20,
    readOnlyFallback: true,
    proxyProtocol: false,
  },
  bridge: { createExtension: true, listen: null },
  log: { level: "info", format: "text", audit: "control" },
};

Deno.test("loadConfiguration() reads the sample file whole", async () => {
  const result = await loadFrom({ files: { [TEST_FILE]: SAMPLE } });
  assert(result.ok);
  assertEquals<unknown>(result.config, SAMPLE_CONFIG);
  assertEquals(result.warnings, []);
  assertEquals(result.sources.get("node.id"), {
    kind: "file",
    path: TEST_FILE,
    line: 3,
  });
  assertEquals(result.sources.get("api.advertise"), {
    kind: "default",
    from: "api.listen",
  });
});

Deno.test("loadConfiguration() comes to the sample's values from ids and addresses alone", async () => {
  const members = "1@10.0.0.1:7400, 2@10.0.0.2:7400, 3@10.0.0.3:7400";
  const config = await configFrom({
    args: ["--node-id", "1", "--cluster-members", members],
    files: { "/etc/pgraft/secret": "not read" },
  });
  const { parameters: _, hba: __, ...postgresql } = SAMPLE_CONFIG.postgresql;
  assertEquals<unknown>(config, {
    ...SAMPLE_CONFIG,
    postgresql: { ...postgresql, parameters: new Map(), hba: [] },
  });
});

Deno.test("loadConfiguration() puts flags over environment over file over defaults", async () => {
  const files = {
    [TEST_FILE]: "[log]\nlevel = debug\n[node]\nname = from_file\n",
  };
  const env = { PGRAFT_LOG_LEVEL: "warning" };
  const table: readonly (readonly [
    string,
    Parameters<typeof loadFrom>[0],
    string,
    string,
  ])[] = [
    ["default", {}, "info", "default"],
    ["file", { files }, "debug", `${TEST_FILE}:2`],
    ["environment", { files, env }, "warning", "env PGRAFT_LOG_LEVEL"],
    [
      "flag",
      { files, env, args: ["--log-level", "error"] },
      "error",
      "--log-level",
    ],
    [
      "set",
      { files, env, args: ["--set", "log.level=fatal"] },
      "fatal",
      "--set log.level",
    ],
    [
      "empty variable",
      { files, env: { PGRAFT_LOG_LEVEL: "" } },
      "debug",
      `${TEST_FILE}:2`,
    ],
    ["short flag", { files, args: ["-l", "error"] }, "error", "--log-level"],
    [
      "alias above",
      { files, args: ["--raft-log-level=3"] },
      "error",
      "--raft-log-level",
    ],
  ];
  for (const [what, sources, level, source] of table) {
    const args = [...MINIMAL_ARGS, ...sources.args ?? []];
    const result = await loadFrom({ ...sources, args });
    assert(result.ok, what);
    assertEquals(result.config.log.level, level, what);
    const origin = result.sources.get("log.level");
    assertEquals(
      origin === undefined ? "none" : formatOrigin(origin),
      source,
      what,
    );
  }
});

Deno.test("loadConfiguration() ignores a wrong value that a stronger source replaces", async () => {
  const files = { [TEST_FILE]: "[log]\nlevel = loud\n" };
  const config = await configFrom({
    files,
    args: [...MINIMAL_ARGS, "--log-level=error"],
  });
  assertEquals(config.log.level, "error");
});

Deno.test("loadConfiguration() takes its file from --config, PGRAFT_CONFIG or the default", async () => {
  const files = {
    [TEST_FILE]: "[node]\nname = default\n",
    "/a": "[node]\nname = a\n",
    "/b": "[node]\nname = b\n",
  };
  const env = { PGRAFT_CONFIG: "/b" };
  const table: readonly (readonly [Parameters<typeof loadFrom>[0], string])[] =
    [
      [{ files }, "default"],
      [{ files, env }, "b"],
      [{ files, env, args: ["--config", "/a"] }, "a"],
      [{ files, env, args: ["-c", "/a"] }, "a"],
      [{ files, args: ["--config=/a"] }, "a"],
      [{ files: {} }, "node1"],
    ];
  for (const [sources, name] of table) {
    const args = [...MINIMAL_ARGS, ...sources.args ?? []];
    assertEquals((await configFrom({ ...sources, args })).node.name, name);
  }
});

Deno.test("loadConfiguration() makes addresses and directories from what is known", async () => {
  const secret = { "/etc/pgraft/secret": "" };
  const founding = ["--node-id=2", "--cluster-members=1@a:7400, 2@b:7401"];
  const joining = [
    "--node-id=2",
    "--cluster-join=a:7400",
    "--raft-listen=10.0.0.2:7400",
  ];
  const table: readonly (readonly [string[], string[]])[] = [
    [founding, ["b:7401", "127.0.0.1:8008", "b:5432", "/var/lib/pgraft/pg"]],
    [[...founding, "--api-listen=0.0.0.0:8"], [
      "b:7401",
      "b:8",
      "b:5432",
      "/var/lib/pgraft/pg",
    ]],
    [[...founding, "--api-advertise=c:2"], [
      "b:7401",
      "c:2",
      "b:5432",
      "/var/lib/pgraft/pg",
    ]],
    [joining, [
      "10.0.0.2:7400",
      "127.0.0.1:8008",
      "10.0.0.2:5432",
      "/var/lib/pgraft/pg",
    ]],
    [[...joining, "--hostname=n2"], [
      "n2:7400",
      "127.0.0.1:8008",
      "n2:5432",
      "/var/lib/pgraft/pg",
    ]],
    [[...joining, "--node-data-dir=/srv/"], [
      "10.0.0.2:7400",
      "127.0.0.1:8008",
      "10.0.0.2:5432",
      "/srv/pg",
    ]],
    [[...joining, "--postgresql-listen=[::1]:9", "--postgresql-data-dir=/d"], [
      "10.0.0.2:7400",
      "127.0.0.1:8008",
      "[::1]:9",
      "/d",
    ]],
  ];
  for (const [args, expected] of table) {
    const { raft, api, postgresql } = await configFrom({ args, files: secret });
    const made = [raft.advertise, api.advertise, postgresql.advertise].map(
      formatHostPort,
    );
    assertEquals([...made, postgresql.dataDir], expected, args.join(" "));
  }
});

Deno.test("loadConfiguration() uses the default secret only when it is there", async () => {
  const args = MINIMAL_ARGS;
  const path = "/etc/pgraft/secret";
  assertEquals((await configFrom({ args })).cluster.secretFile, null);
  assertEquals(
    (await configFrom({ args, files: { [path]: "" } })).cluster.secretFile,
    path,
  );
  const empty = await configFrom({
    args: [...args, "--cluster-secret-file="],
    files: { [path]: "" },
  });
  assertEquals(empty.cluster.secretFile, null);
});

Deno.test("loadConfiguration() takes a default secret that it may not read for one that is there", async () => {
  const result = await loadConfiguration({
    args: MINIMAL_ARGS,
    env: {},
    readFile: (path) =>
      path === "/etc/pgraft/secret"
        ? Promise.reject(new Error("Permission denied"))
        : Promise.resolve(null),
  });
  assertEquals(
    result.ok && result.config.cluster.secretFile,
    "/etc/pgraft/secret",
  );
});

Deno.test("loadConfiguration() reads the flat files and names of the programs it replaces", async () => {
  const flat = [
    "raft_node_id = 2",
    "raft_cluster_id = old_cluster",
    "raft_data_dir = /old/raft",
    "raft_log_level = notice",
    "raft_port = 7500",
    "raft_bind_address = [::1]",
    "raft_peer_addresses = [::1]:7402, [::1]:7500",
    "pgraft.heartbeat_interval = 250",
    "postgresql_shmem_key = 12345",
    "[cluster]",
    "primary_port = 5433",
    "data_directory = /old/pg",
    "replica_ports = 5434,5435",
    "[replication]",
    "max_wal_senders = 10",
    "wal_level = replica",
    "[postgresql.parameters]",
    "pgraft.election_timeout = 5000",
  ].join("\n");
  const result = await loadFrom({ files: { [TEST_FILE]: flat } });
  assert(result.ok);
  const { node, cluster, raft, postgresql, log } = result.config;
  assertEquals([node.id, node.dataDir, cluster.name], [
    2,
    "/old/raft",
    "old_cluster",
  ]);
  assertEquals(cluster.members.map(({ id }) => id), [1, 2]);
  assertEquals([raft.listen, raft.advertise].map(formatHostPort), [
    "[::1]:7500",
    "[::1]:7500",
  ]);
  assertEquals([raft.heartbeatIntervalMs, raft.electionTimeoutMs], [250, 5000]);
  assertEquals(formatHostPort(postgresql.listen), "0.0.0.0:5433");
  assertEquals(postgresql.dataDir, "/old/pg");
  assertEquals([...postgresql.parameters], [["max_wal_senders", "10"], [
    "wal_level",
    "replica",
  ]]);
  assertEquals(log.level, "info");
  const { warnings } = await problemsFrom({ files: { [TEST_FILE]: flat } });
  assertEquals(warnings, [
    `${TEST_FILE}:9: postgresql_shmem_key has no meaning here: pgraft uses no shared memory of PostgreSQL`,
    `${TEST_FILE}:13: cluster.replica_ports has no meaning here: the members are those of cluster.members, later those of the Raft log`,
  ]);
});

Deno.test("loadConfiguration() puts a stronger part of an address on a weaker whole", async () => {
  const files = { [TEST_FILE]: "[api]\nlisten = 127.0.0.1:9000\n" };
  const port = await configFrom({
    files,
    args: [...MINIMAL_ARGS, "--http-port=9001"],
  });
  assertEquals(formatHostPort(port.api.listen), "127.0.0.1:9001");
  const flat = { [TEST_FILE]: "http_port = 9000\n" };
  const whole = await configFrom({
    files: flat,
    args: [...MINIMAL_ARGS, "--api-listen=[::1]:2"],
  });
  assertEquals(formatHostPort(whole.api.listen), "[::1]:2");
});

Deno.test("loadConfiguration() keeps free keys in order and lets stronger sources replace them", async () => {
  const files = {
    [TEST_FILE]: [
      "[postgresql.hba]",
      "z = local all all peer",
      'a = host all "my ; user" 10.0.0.0/8 scram-sha-256',
      "[postgresql.parameters]",
      "work_mem = 4MB",
      "search_path = '\"$user\", public'",
    ].join("\n"),
  };
  const config = await configFrom({
    files,
    env: { PGRAFT_POSTGRESQL_PARAMETERS_WORK_MEM: "8MB" },
    args: [...MINIMAL_ARGS, "--set", "postgresql.parameters.jit=off"],
  });
  assertEquals(config.postgresql.hba, [
    { name: "z", rule: "local all all peer" },
    { name: "a", rule: 'host all "my ; user" 10.0.0.0/8 scram-sha-256' },
  ]);
  assertEquals([...config.postgresql.parameters], [
    ["work_mem", "8MB"],
    ["search_path", '"$user", public'],
    ["jit", "off"],
  ]);
});

Deno.test("loadConfiguration() turns the router off without PostgreSQL and says what it ignores", async () => {
  const files = {
    [TEST_FILE]:
      "[postgresql]\nmanaged = false\nlisten = 127.0.0.1:7400\n[postgresql.hba]\na = local all all peer\n",
  };
  const result = await loadFrom({
    files,
    args: [...MINIMAL_ARGS, "--router-read-only=127.0.0.1:1"],
  });
  assert(result.ok);
  assertEquals(
    [result.config.router.readWrite, result.config.router.readOnly],
    [null, null],
  );
  const { warnings } = await problemsFrom({ files, args: MINIMAL_ARGS });
  assertEquals(warnings, [
    `${TEST_FILE}:2: postgresql.managed is false, so PostgreSQL, router and SQL bridge are off; ignored: ` +
    `postgresql.listen (${TEST_FILE}:3), postgresql.hba.a (${TEST_FILE}:5)`,
  ]);
  const quiet = await problemsFrom({
    args: [...MINIMAL_ARGS, "--postgresql-managed=false"],
  });
  assertEquals(quiet, { errors: [], warnings: [] });
});
