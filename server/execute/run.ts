import {
  EXECUTOR_ROLE,
  type Instance,
  InstanceError,
  type OwnConnection,
} from "../../pg/instance/mod.ts";
import { RAFT_OPERATION_KINDS } from "../../raft/mod.ts";
import type { SqlOperation, SqlOutcome } from "../machine/mod.ts";

/** How long the statements of one operation may take. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** How long they may wait for a lock. */
const LOCK_TIMEOUT_MS = 5000;
/** How much later the agent gives up on a server that does not keep to that. */
const GRACE_MS = 5000;
/** How long one of the agent's own statements may take. */
const OWN_TIMEOUT_MS = 10_000;
/** How long a former try's session has to end. */
const END_TIMEOUT_MS = 2000;
/** Deadlocks and the like in a row until an operation has failed. */
const MAX_CONFLICTS = 5;
const SESSION_NAME = "pgraft_executor";
/** The advisory lock that a run holds up to its end, so that it is found whatever its statements call it. */
const LOCK_CLASS = 0x70677261;
const LOCK_OBJECT = 0x6674;

/** What became of an operation, before anybody was told. */
export type Verdict = Omit<SqlOutcome, "epoch" | "atMs">;

const DONE: Verdict = { state: "done", sqlState: "", message: "" };

/** One run of an operation; its connections can be ended from outside. */
export interface Run {
  readonly instance: Instance;
  readonly operation: SqlOperation;
  /** How often it has met another transaction before. */
  readonly conflicts: number;
  /** Open connections. */
  readonly open: Set<OwnConnection>;
}

/** The server's or the network's fault, not the statements': it is tried again. */
const PASSING = /^(08|53|57P|25006|58)/;
/** Another transaction came in between. */
const CONFLICT = /^(40001|40P01)$/;

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function failed(sqlState: string, message: string): Verdict {
  return { state: "failed", sqlState, message };
}

/**
 * Runs an operation on the primary, once: the index is recorded in its own transaction.
 *
 * @param run The operation and where.
 * @returns What became of it; it is then held by standbys as any commit.
 * @throws {Error} When that is not known, or could not be found out: it is to be run again.
 */
export async function runOperation(run: Run): Promise<Verdict> {
  const { instance, operation } = run;
  try {
    const verdict = await runOver(run);
    // Also what an earlier try has committed may not be held by anybody yet.
    if (verdict.state === "done") {
      await instance.barrier({ timeoutMs: OWN_TIMEOUT_MS });
    }
    return verdict;
  } catch (error) {
    const sqlState = error instanceof InstanceError &&
        error.code === "query_failed"
      ? error.sqlState ?? ""
      : "";
    const isConflict = CONFLICT.test(sqlState);
    const passes = sqlState === "" || PASSING.test(sqlState) ||
      (isConflict && run.conflicts < MAX_CONFLICTS);
    if (passes || !(error instanceof Error)) throw error;
    const text = error.message.replace(/^PostgreSQL refused: /, "")
      .replace(` (SQLSTATE ${sqlState})`, "");
    return failed(sqlState, text || `Operation ${operation.index} failed`);
  }
}

async function withConnection<T>(
  { instance, open, operation }: Run,
  user: string | null,
  use: (connection: OwnConnection) => Promise<T>,
): Promise<T> {
  const connection = await instance.open({
    timeoutMs: OWN_TIMEOUT_MS,
    database: operation.database,
    ...user === null ? {} : { user },
    settings: {
      application_name: SESSION_NAME,
      synchronous_commit: "on",
      standard_conforming_strings: "on",
      statement_timeout: String(STATEMENT_TIMEOUT_MS),
      lock_timeout: String(LOCK_TIMEOUT_MS),
      idle_in_transaction_session_timeout: String(OWN_TIMEOUT_MS),
    },
  });
  open.add(connection);
  try {
    return await use(connection);
  } finally {
    open.delete(connection);
    await connection.end();
  }
}

interface Ready {
  readonly isThere: boolean;
  readonly isSuper: boolean | null;
  readonly isMember: boolean;
  readonly applied: boolean;
  readonly token: string;
}

async function runOver(run: Run): Promise<Verdict> {
  const { operation } = run;
  return await withConnection(run, null, async (own) => {
    const isThere = await hasExtension(own);
    if (!isThere) {
      return failed(
        "3F000",
        `The extension pgraft is not in the database "${operation.database}": create it there`,
      );
    }
    await endFormerRuns(own);
    const ready = await prepare(own, operation);
    if (ready.applied) return DONE;
    if (ready.isSuper === null) {
      return failed("42704", `There is no role "${operation.role}"`);
    }
    if (!ready.isSuper) await lendRole(own, operation.role, ready.isMember);
    const user = ready.isSuper ? null : EXECUTOR_ROLE;
    return await withConnection(
      run,
      user,
      (session) => runStatements(session, operation, ready.token),
    );
  });
}

async function hasExtension(own: OwnConnection): Promise<boolean> {
  const [row] = await own.run<{ isThere: boolean }>(
    `select to_regclass('pgraft.applied_entries') is not null as "isThere"`,
    [],
    OWN_TIMEOUT_MS,
  );
  return row?.isThere === true;
}

/** A session that outlived its agent, or its deadline, could still commit. */
async function endFormerRuns(own: OwnConnection): Promise<void> {
  const ended = await own.run<{ isGone: boolean }>(
    `select coalesce(bool_and(pg_terminate_backend(pid, ${END_TIMEOUT_MS})), true) as "isGone"
       from (select pid from pg_stat_activity
         where application_name = $1 and pid <> pg_backend_pid()
         union select pid from pg_locks
         where locktype = 'advisory' and classid = ${LOCK_CLASS} and objid = ${LOCK_OBJECT}
           and objsubid = 2 offset 0) as former`,
    [SESSION_NAME],
    OWN_TIMEOUT_MS,
  );
  if (ended[0]?.isGone === true) return;
  throw new Error("A session of a former try has not ended yet");
}

async function prepare(
  own: OwnConnection,
  { index, role }: SqlOperation,
): Promise<Ready> {
  const [ready] = await own.run<Ready>(
    `select true as "isThere",
       (select rolsuper from pg_roles where rolname = $2) as "isSuper",
       exists (select from pg_auth_members m
         where m.member = '${EXECUTOR_ROLE}'::regrole
           and m.roleid = (select oid from pg_roles where rolname = $2)) as "isMember",
       exists (select from pgraft.applied_entries where raft_index = $1::bigint
         and system_id = (select system_identifier::text from pg_control_system())) as applied,
       pgraft._operation_token($1::bigint) as token`,
    [index, role],
    OWN_TIMEOUT_MS,
  );
  if (ready) return ready;
  throw new Error("PostgreSQL gave no answer");
}

/**
 * The session that runs the statements belongs to a role that is nobody but the one whose rights they have:
 * whatever they do to get out of it leads no further.
 */
async function lendRole(
  own: OwnConnection,
  role: string,
  isMember: boolean,
): Promise<void> {
  const others = await own.run<{ name: string }>(
    `select r.rolname as name from pg_auth_members m join pg_roles r on r.oid = m.roleid
       where m.member = '${EXECUTOR_ROLE}'::regrole and r.rolname <> $1`,
    [role],
    OWN_TIMEOUT_MS,
  );
  for (const { name } of others) {
    await own.run(
      `REVOKE ${quoteName(name)} FROM ${EXECUTOR_ROLE}`,
      [],
      OWN_TIMEOUT_MS,
    );
  }
  if (isMember) return;
  await own.run(
    `GRANT ${quoteName(role)} TO ${EXECUTOR_ROLE}`,
    [],
    OWN_TIMEOUT_MS,
  );
}

/** No statement can let go of it: only the transaction's end does. */
async function lockRuns(session: OwnConnection): Promise<void> {
  const [row] = await session.run<{ isMine: boolean }>(
    `select pg_try_advisory_xact_lock(${LOCK_CLASS}, ${LOCK_OBJECT}) as "isMine"`,
    [],
    OWN_TIMEOUT_MS,
  );
  if (row?.isMine === true) return;
  throw new Error("A session of a former try has not ended yet");
}

async function runStatements(
  session: OwnConnection,
  { index, term, kind, role, sql }: SqlOperation,
  token: string,
): Promise<Verdict> {
  const own = (text: string, params: readonly unknown[] = []) =>
    session.run(text, params, OWN_TIMEOUT_MS);
  // In EXECUTE no statement can end the transaction.
  const block = `BEGIN EXECUTE ${quoteText(sql)}; END`;
  await own("BEGIN");
  await lockRuns(session);
  await own(`SET LOCAL ROLE ${quoteName(role)}`);
  await session.run(
    `DO ${quoteText(block)}`,
    [],
    STATEMENT_TIMEOUT_MS + GRACE_MS,
  );
  await own("RESET ROLE");
  await own("SET LOCAL synchronous_commit = on");
  await own(
    "SELECT pgraft._mark_applied($1::bigint, $2::bigint, $3::integer, $4::text)",
    [index, term, RAFT_OPERATION_KINDS.indexOf(kind), token],
  );
  await session.run("COMMIT", [], STATEMENT_TIMEOUT_MS + GRACE_MS);
  return DONE;
}
