import { assertEquals } from "@std/assert";
import { loadConfiguration } from "./load.ts";
import { formatProblem } from "./origin.ts";
import { MINIMAL_ARGS, problemsFrom, TEST_FILE } from "./test_support.ts";

const EVERYTHING_WRONG = `raft_node_id = 0
[node]
nam = x
data_dir = var/lib
[cluster]
name = my cluster
members = 1@10.0.0.1:7400, 1@10.0.0.2:7400
secret_file = hunter2hunter2
synchronous_mode = sometimes
[raft]
listen = ::1:7400
heartbeat_interval = 500
election_timeout = 1s
election_timeout = 2s
snapshot_distance = 5
max_entry_size = 1EB
raft_port = 7401
[api]
tls_cert = /c
read_token_file = /r
[postgresql]
managed = maybe
bin_dir = "open
[router]
read_write = 127.0.0.1:7433
read_only = 0.0.0.0:7433
[postgresql.hba]
a = allow all password=hunter2
[postgresql.parameters]
work-mem = 4MB
[loging]
level = info
`;

const EVERY_ERROR = `
FILE:1: raft_node_id (node.id) is "0"; allowed: a whole number from 1 to 1000
FILE:3: node.nam is no setting; did you mean node.name
FILE:4: node.data_dir is "var/lib"; allowed: an absolute path
FILE:6: cluster.name is "my cluster"; allowed: 1 to 63 letters, digits, _ . - of ASCII, the first a letter or digit
FILE:7: cluster.members is "1@10.0.0.1:7400, 1@10.0.0.2:7400": id 1 stands there twice; allowed: a list like 1@10.0.0.1:7400, 2@10.0.0.2:7400 with ids from 1 to 1000
FILE:8: cluster.secret_file is a text that is not shown; allowed: an absolute path, or empty for none
FILE:9: cluster.synchronous_mode is "sometimes"; allowed: quorum, strict, off
FILE:11: raft.listen is "::1:7400"; allowed: host:port, with IPv6 in brackets and a port from 1 to 65535
FILE:13: raft.election_timeout is 1s (FILE:13) and raft.heartbeat_interval is 500ms (FILE:12); allowed: an election timeout of at least 3 heartbeats, 1500ms
FILE:14: election_timeout in [raft] is already set in line 13; keep one of them
FILE:15: raft.snapshot_distance is "5"; allowed: a whole number from 100 to 100000000
FILE:16: raft.max_entry_size is "1EB"; allowed: a size from 1kB to 64MB (B, kB, MB, GB, TB; a plain number counts bytes)
FILE:17: raft.raft_port (raft.listen) is already set at FILE:11; keep one of them
FILE:19: api.tls_cert is /c (FILE:19), but api.tls_key is not set; set both or none
FILE:20: api.read_token_file is /r (FILE:20), but api.token_file is not set; set it too
FILE:22: postgresql.managed is "maybe"; allowed: true or false (also on, off, yes, no, 1, 0)
FILE:23: The quote " is never closed
FILE:26: router.read_write is 127.0.0.1:7433 (FILE:25) and router.read_only is 0.0.0.0:7433 (FILE:26); allowed: a port of its own for each
FILE:28: postgresql.hba.a begins with "allow"; allowed: local, host, hostssl, hostnossl, hostgssenc, hostnogssenc
FILE:30: postgresql.parameters.work-mem is no parameter's name; allowed: letters, digits, _ and $, with dots between parts
FILE:32: loging.level is no setting; did you mean log.level
env PGRAFT_LOG_LEVEL: log.level is "loud"; allowed: debug, info, warning, error, fatal
--raft-election-timout: There is no such flag; did you mean --raft-election-timeout
extra: No such argument is expected here
--set: It is followed by section.key=value
--api-listen: A value is missing after it; allowed: host:port, with IPv6 in brackets and a port from 1 to 65535
`;

Deno.test("loadConfiguration() reports everything that is wrong at once, each at its place", async () => {
  const { errors, warnings } = await problemsFrom({
    files: { [TEST_FILE]: EVERYTHING_WRONG },
    env: {
      PGRAFT_LOG_LEVEL: "loud",
      PGRAFT_ROUTR_READ_ONLY: "x",
      PGRAFT_SOMETHING_ELSE: "x",
    },
    args: [
      "--raft-election-timout",
      "1s",
      "extra",
      "--set",
      "x",
      "--api-listen",
    ],
  });
  assertEquals(
    errors,
    EVERY_ERROR.trim().replaceAll("FILE", TEST_FILE).split("\n"),
  );
  assertEquals(warnings, [
    "env PGRAFT_ROUTR_READ_ONLY: Nothing reads this environment variable; did you mean PGRAFT_ROUTER_READ_ONLY",
    "env PGRAFT_SOMETHING_ELSE: Nothing reads this environment variable",
  ]);
});

/** Errors that a minimal, right configuration gets from further flags. */
const FROM_FLAGS: readonly (readonly [string[], string[]])[] = [
  [[], []],
  [["--raft-heartbeat-interval=400ms"], [
    "--raft-heartbeat-interval: raft.election_timeout is 1s (default) and raft.heartbeat_interval is 400ms (--raft-heartbeat-interval); allowed: an election timeout of at least 3 heartbeats, 1200ms",
  ]],
  [["--raft-heartbeat-interval=333ms"], []],
  [["--raft-listen=127.0.0.1:9", "--raft-port=7400"], [
    "--raft-listen: raft.listen is already set at --raft-listen; keep one of them",
    "--raft-port: raft_port (raft.listen) is already set at --raft-listen; keep one of them",
  ]],
  [["--raft-node-id=1"], []],
  [["--raft-node-id=2"], [
    "--raft-node-id: raft_node_id (node.id) is already set at --node-id; keep one of them",
  ]],
  [["--http-port=70000"], [
    '--http-port: http_port (api.listen) is "127.0.0.1:70000"; allowed: host:port, with IPv6 in brackets and a port from 1 to 65535',
  ]],
  [["--cluster-join=10.0.0.1:7400"], [
    "--cluster-join: cluster.join is 10.0.0.1:7400 (--cluster-join) and cluster.members is 1@127.0.0.1:7400 (--cluster-members); allowed: one of them, members for a node that founds the cluster, join for one that comes later",
  ]],
  [["--raft-advertise=127.0.0.1:7401"], [
    "--raft-advertise: raft.advertise is 127.0.0.1:7401 (--raft-advertise), but cluster.members has 1@127.0.0.1:7400; allowed: the same address in both",
  ]],
  [["--api-listen=0.0.0.0:7400"], [
    "--api-listen: raft.listen is 127.0.0.1:7400 (--raft-listen) and api.listen is 0.0.0.0:7400 (--api-listen); allowed: a port of its own for each",
  ]],
  [["--api-listen=127.0.0.1:6000"], [
    "api.advertise is 127.0.0.1:6000 (default, from api.listen), whose port clients of HTTP refuse; set api.advertise to the address at which others reach this node",
  ]],
  [["--api-listen=127.0.0.1:6000", "--api-advertise=127.0.0.1:8008"], []],
  [["--postgresql-listen=127.0.0.1:6000", "--router-read-only="], []],
  [["--api-listen=127.0.0.2:7400"], []],
  [["--router-read-only=", "--router-read-write=127.0.0.1:7433"], []],
  [["--api-tls-key=/k"], [
    "--api-tls-key: api.tls_key is /k (--api-tls-key), but api.tls_cert is not set; set both or none",
  ]],
  [["--api-tls-key=/k", "--api-tls-cert=/c"], []],
  [["--api-tls-verify-clients=true"], [
    "--api-tls-verify-clients: api.tls_verify_clients is true (--api-tls-verify-clients), but api.tls_cert is not set; set it too",
  ]],
  [
    [
      "--api-tls-verify-clients=true",
      "--api-tls-key=/k",
      "--api-tls-cert=/c",
    ],
    [
      "--api-tls-verify-clients: api.tls_verify_clients is true (--api-tls-verify-clients), but api.tls_ca is not set; set it too",
    ],
  ],
  [["--raft-tls-ca=/ca", "--raft-tls-key=/k", "--raft-tls-cert=/c"], []],
  [["--raft-tls-cert=/c"], [
    "--raft-tls-cert: raft.tls_cert is /c (--raft-tls-cert), but raft.tls_key and raft.tls_ca is not set; set all three or none",
  ]],
  [["--raft-tls-optional=true"], [
    "--raft-tls-optional: raft.tls_optional is true (--raft-tls-optional), but raft.tls_cert is not set; set tls_cert, tls_key and tls_ca too, or leave it out",
  ]],
  [["--postgresql-tls-ca=/ca", "--postgresql-tls-key=/k"], [
    "--postgresql-tls-key: postgresql.tls_key is /k (--postgresql-tls-key), but postgresql.tls_cert is not set; set all three or none",
  ]],
  [["--postgresql-first-user-password-file=/p"], [
    "--postgresql-first-user-password-file: postgresql.first_user_password_file is /p (--postgresql-first-user-password-file), but postgresql.first_user is not set; set it too, or neither",
  ]],
  [["--api-tls-key=-----BEGIN"], [
    "--api-tls-key: api.tls_key is a text that is not shown; allowed: an absolute path, or empty for plain HTTP",
  ]],
  [["--api-token-file=/t", "--api-read-token-file=/t"], [
    "--api-read-token-file: api.read_token_file is /t (--api-read-token-file), the same as api.token_file; allowed: a file of its own, or everyone who may read may change",
  ]],
  [["--api-token-file=/t", "--api-read-token-file=/r"], []],
  [["--postgresql-data-dir=/var/lib"], [
    "--postgresql-data-dir: postgresql.data_dir is /var/lib (--postgresql-data-dir) and node.data_dir is /var/lib/pgraft (default); allowed: a directory of PostgreSQL's own that does not hold node.data_dir",
  ]],
  [["--postgresql-data-dir=/var/li"], []],
  [["--postgresql-managed"], []],
  [["--postgresql-managed", "false", "--log-level", "debug"], []],
  [["--postgresql-managed", "nope"], [
    "nope: No such argument is expected here",
  ]],
  [["--log-level"], [
    "--log-level: A value is missing after it; allowed: debug, info, warning, error, fatal",
  ]],
  [["--log-level", "--log-format=json"], [
    "--log-level: A value is missing after it; allowed: debug, info, warning, error, fatal",
  ]],
  [["-x"], ["-x: No such argument is expected here"]],
  [["--"], ["--: No such argument is expected here"]],
  [["--config"], ["--config: A file is missing after it"]],
  [["--config=/nowhere"], ["/nowhere: There is no such file"]],
  [["--config=/a", "--config=/b"], [
    "/a: There is no such file",
    "--config: Both /a and /b are given",
  ]],
  [["--set", "raft.electoin_timeout=1s"], [
    "--set raft.electoin_timeout: raft.electoin_timeout is no setting; did you mean raft.election_timeout",
  ]],
  [["--set", "quite.unheard_of_key=1"], [
    "--set quite.unheard_of_key: quite.unheard_of_key is no setting; pgraft serve --help lists all settings",
  ]],
  [["--set", "postgresql.parameters.a=1\n2"], [
    "--set postgresql.parameters.a: postgresql.parameters.a has a control character; allowed: text of one line",
  ]],
  [["--set", "log.level=info", "--set", "log.level=debug"], [
    "--set log.level: log.level is already set at --set log.level; keep one of them",
  ]],
];

Deno.test("loadConfiguration() refuses what contradicts itself and says what is allowed", async () => {
  for (const [args, expected] of FROM_FLAGS) {
    const { errors } = await problemsFrom({ args: [...MINIMAL_ARGS, ...args] });
    assertEquals(errors, expected, args.join(" "));
  }
});

/** Errors of whole command lines. */
const FROM_SCRATCH: readonly (readonly [string[], string[]])[] = [
  [["--raft-listen=127.0.0.1:7400"], [
    "node.id is not set and has no default; set id in [node], --node-id or PGRAFT_NODE_ID; allowed: a whole number from 1 to 1000",
    "Neither cluster.members nor cluster.join is set; set members in [cluster] to found a cluster (1@10.0.0.1:7400, 2@10.0.0.2:7400), or join to the peers of a running one",
  ]],
  [[
    "--node-id=4",
    "--raft-listen=127.0.0.1:2",
    "--cluster-members=1@a:2, 2@b:2",
  ], [
    "--cluster-members: cluster.members is 1@a:2, 2@b:2 (--cluster-members) without this node, node.id is 4 (--node-id); add it, or set cluster.join instead",
  ]],
  [["--node-id=1", "--cluster-members=1@a:7400"], [
    "raft.listen is 0.0.0.0:7400 (default), which other machines reach, and cluster.secret_file is not set, nor is there /etc/pgraft/secret; set cluster.secret_file to a file with the same secret on all nodes, or raft.listen to 127.0.0.1",
  ]],
  [["--node-id=1", "--cluster-members=1@a:7400", "--cluster-secret-file="], [
    "--cluster-secret-file: raft.listen is 0.0.0.0:7400 (default), which other machines reach, and cluster.secret_file is empty (--cluster-secret-file); set cluster.secret_file to a file with the same secret on all nodes, or raft.listen to 127.0.0.1",
  ]],
  [
    ["--node-id=1", "--cluster-members=1@a:7400", "--cluster-secret-file=/s"],
    [],
  ],
  [[
    "--node-id=1",
    "--cluster-members=1@0.0.0.0:7400",
    "--cluster-secret-file=/s",
  ], [
    "--cluster-members: cluster.members has 1@0.0.0.0:7400, where nobody can connect to; allowed: the address at which the peers reach the member",
  ]],
  [[
    "--node-id=1",
    "--cluster-members=1@127.0.0.1:10080",
    "--cluster-secret-file=/s",
  ], [
    "--cluster-members: cluster.members has 1@127.0.0.1:10080, whose port clients of HTTP refuse; allowed: the address at which the peers reach the member",
  ]],
  [["--node-id=1", "--cluster-join=a:7400", "--cluster-secret-file=/s"], [
    "raft.advertise is 0.0.0.0:7400 (default, from raft.listen), where nobody can connect to; set raft.advertise to the address at which others reach this node",
  ]],
];

Deno.test("loadConfiguration() says what a node lacks and where to set it", async () => {
  for (const [args, expected] of FROM_SCRATCH) {
    const { errors } = await problemsFrom({ args });
    assertEquals(errors, expected, args.join(" "));
  }
});

Deno.test("loadConfiguration() reports a file that cannot be read or is none", async () => {
  const table: readonly (readonly [() => Promise<string>, string])[] = [
    [
      () => Promise.reject(new Error("Permission denied")),
      "/f: The configuration cannot be read: Permission denied",
    ],
    [
      () => Promise.resolve("x".repeat(2 ** 21)),
      "/f: The file is over 1 MB and no configuration",
    ],
  ];
  for (const [readFile, message] of table) {
    const result = await loadConfiguration({
      args: [...MINIMAL_ARGS, "--config=/f"],
      env: {},
      readFile,
    });
    assertEquals(result.ok ? [] : result.errors.map(formatProblem), [message]);
  }
});

Deno.test("loadConfiguration() warns of keys without meaning and never shows their values", async () => {
  const { errors, warnings } = await problemsFrom({
    files: { [TEST_FILE]: "database_password = hunter2\n" },
    env: { PGRAFT_CLUSTER_SIZE: "3" },
    args: [...MINIMAL_ARGS, "-D", "--pid-file", "/run/x", "--daemonize=false"],
  });
  assertEquals(errors, []);
  assertEquals(warnings, [
    `${TEST_FILE}:1: database_password has no meaning here: pgraft uses the database postgres, and passwords do not belong into this file`,
    "env PGRAFT_CLUSTER_SIZE: cluster_size has no meaning here: the members are those of cluster.members, later those of the Raft log",
    "--daemonize: daemonize has no meaning here: pgraft runs in the foreground, and what starts it sets user, directory and limits",
    "--pid-file: pid_file has no meaning here: pgraft runs in the foreground, and what starts it sets user, directory and limits",
  ]);
});
