import { assert, assertEquals } from "@std/assert";
import { SETTINGS } from "./names.ts";
import { checkReport, settingsHelp } from "./report.ts";
import {
  configFrom,
  loadFrom,
  MINIMAL_ARGS,
  TEST_FILE,
} from "./test_support.ts";

const SOURCES = {
  files: {
    [TEST_FILE]: [
      "[cluster]",
      "secret_file = /s",
      "[postgresql]",
      'superuser = "a ; b"',
      "[postgresql.parameters]",
      "work_mem = 4MB",
      "primary_conninfo = 'host=a password=hunter2'",
      "my.auth_token = hunter2",
      "password_encryption = scram-sha-256",
      "[postgresql.hba]",
      "x = host all all ::/0 ldap ldapbindpasswd=hunter2",
      "[odd]",
      "cluster_size = 3",
    ].join("\n"),
  },
  env: { PGRAFT_RAFT_ELECTION_TIMEOUT: "90s" },
  args: MINIMAL_ARGS,
};

const REPORT = `[node]
id = 1 ; --node-id
name = node1 ; default, from node.id
data_dir = /var/lib/pgraft ; default
nice = -19 ; default
[cluster]
name = pgraft_cluster ; default
members = 1@127.0.0.1:7400 ; --cluster-members
join = ; default
adopt = false ; default
secret_file = /s ; FILE:2
synchronous_mode = quorum ; default
maximum_lag_on_failover = 1MB ; default
[raft]
listen = 127.0.0.1:7400 ; --raft-listen
advertise = 127.0.0.1:7400 ; default, from cluster.members
heartbeat_interval = 100ms ; default
election_timeout = 90s ; env PGRAFT_RAFT_ELECTION_TIMEOUT
snapshot_distance = 10000 ; default
max_entry_size = 1MB ; default
tls_cert = ; default
tls_key = ; default
tls_ca = ; default
tls_optional = false ; default
[api]
listen = 127.0.0.1:8008 ; default
advertise = 127.0.0.1:8008 ; default, from api.listen
token_file = ; default
read_token_file = ; default
tls_cert = ; default
tls_key = ; default
tls_ca = ; default
tls_verify_clients = false ; default
[postgresql]
managed = true ; default
bin_dir = ; default
version = ; default
data_dir = /var/lib/pgraft/pg ; default, from node.data_dir
listen = 0.0.0.0:5432 ; default
advertise = 127.0.0.1:5432 ; default, from raft.advertise and postgresql.listen
os_user = postgres ; default
on_stop = keep ; default
on_role_change = ; default
on_role_change_timeout = 10s ; default
superuser = "a ; b" ; FILE:4
tls_cert = ; default
tls_key = ; default
tls_ca = ; default
server_log_size = 16MB ; default
server_log_files = 5 ; default
initdb_locale = ; default
initdb_options = ; default
superuser_password_file = ; default
first_user = ; default
first_user_password_file = ; default
first_database = ; default
first_sql_file = ; default
[postgresql.parameters]
work_mem = 4MB ; FILE:6
; primary_conninfo is set and not shown ; FILE:7
; my.auth_token is set and not shown ; FILE:8
password_encryption = scram-sha-256 ; FILE:9
[postgresql.hba]
; x is set and not shown ; FILE:11
[router]
read_write = 0.0.0.0:7432 ; default
read_only = 0.0.0.0:7433 ; default
threads = 0 ; default
max_connections = 10000 ; default
max_waiting = 1000 ; default
wait_timeout = 10s ; default
startup_timeout = 10s ; default
connect_timeout = 2s ; default
idle_timeout = 0ms ; default
stall_timeout = 15min ; default
max_lag = 16MB ; default
read_only_fallback = true ; default
proxy_protocol = false ; default
[bridge]
create_extension = true ; default
listen = ; default
[log]
level = info ; default
format = text ; default
audit = control ; default
; warning: FILE:13: odd.cluster_size has no meaning here: the members are those of cluster.members, later those of the Raft log
`;

Deno.test("checkReport() shows every value with its source and no secret", async () => {
  const report = checkReport(await loadFrom(SOURCES));
  assertEquals(
    report.replaceAll(/ +;/g, " ;"),
    REPORT.replaceAll("FILE", TEST_FILE),
  );
});

Deno.test("checkReport() writes a file that comes to the same configuration", async () => {
  const sources = {
    ...SOURCES,
    files: { [TEST_FILE]: "[postgresql]\nsuperuser = 'a ; b'\n" },
  };
  const report = checkReport(await loadFrom(sources));
  assertEquals(
    await configFrom({ files: { [TEST_FILE]: report } }),
    await configFrom(sources),
  );
});

Deno.test("checkReport() lists errors and warnings and counts the errors", async () => {
  const one = await loadFrom({
    args: [...MINIMAL_ARGS, "--log-level=loud", "--daemonize"],
  });
  assertEquals(
    checkReport(one),
    'error: --log-level: log.level is "loud"; allowed: debug, info, warning, error, fatal\n' +
      "; warning: --daemonize: daemonize has no meaning here: pgraft runs in the foreground, and what starts it sets user, directory and limits\n" +
      "; 1 error in the configuration\n",
  );
  const two = await loadFrom({
    args: [...MINIMAL_ARGS, "--log-level=loud", "--log-format=x"],
  });
  assert(checkReport(two).endsWith("\n; 2 errors in the configuration\n"));
});

Deno.test("settingsHelp() describes every setting with flag, variable and what is allowed", () => {
  const help = settingsHelp();
  for (const { flag, variable, row } of SETTINGS) {
    for (const part of [`  ${flag} `, variable, row.help, row.type.allowed]) {
      assert(help.includes(part), `${part} must stand in the help`);
    }
  }
  assert(help.includes(`[log]
  --log-level debug|info|warning|error|fatal
        The least severe messages that are logged
        default: info; allowed: debug, info, warning, error, fatal
        level in [log], PGRAFT_LOG_LEVEL
`));
});
