import { BRIDGE_PORTS, REFUSED_HINT } from "./bridge_place.ts";

/** What stands before the functions of the table: roles, and how the node's agent is called. */

/** Makes the roles where they are missing; they belong to the server, not to the extension. */
export const ROLES_SQL = `DO $pgraft$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pgraft_monitor') THEN
    CREATE ROLE pgraft_monitor NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pgraft_admin') THEN
    CREATE ROLE pgraft_admin NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pgraft_executor') THEN
    CREATE ROLE pgraft_executor LOGIN NOINHERIT;
  END IF;
  GRANT pgraft_monitor TO pgraft_admin;
END
$pgraft$;`;

/** What is used of dblink's library, by its names there. */
const DBLINK = [
  ["dblink_connect", "text, text", "text"],
  ["dblink_disconnect", "text", "text"],
  ["dblink_send_query", "text, text", "integer"],
  ["dblink_is_busy", "text", "integer"],
  ["dblink_error_message", "text", "text"],
  ["dblink_get_connections", "", "text[]"],
  [
    "dblink_get_notify",
    "text, OUT channel text, OUT pid integer, OUT payload text",
    "SETOF record",
  ],
  ["dblink_get_result", "text", "SETOF record"],
] as const;

/** Declares that as private functions, and names the package where the library is missing. */
export function dblinkSql(create: string): string {
  const statements = DBLINK.map(([name, takes, returns]) =>
    `  ${create} FUNCTION pgraft._${name}(${takes}) RETURNS ${returns}
    AS '$libdir/dblink', '${name}' LANGUAGE c VOLATILE;`
  );
  return `DO $pgraft$
BEGIN
${statements.join("\n")}
EXCEPTION WHEN undefined_file THEN
  RAISE EXCEPTION 'pgraft needs the library dblink, which this server does not have: install PostgreSQL''s contrib modules'
    USING ERRCODE = 'undefined_file',
      HINT = 'The package is called postgresql-contrib, or postgresql<version>-contrib.';
END
$pgraft$;`;
}

/** Which script made the functions that are there, also where there is no extension. */
export function versionSql(version: string): string {
  return `CREATE OR REPLACE FUNCTION pgraft._schema_version() RETURNS text
LANGUAGE sql IMMUTABLE AS $$SELECT '${version}'::text$$;`;
}

/** What libpq says where nobody listens, and hands on from a bridge that lets nobody in. */
const NOTHING_HAPPENED = `Is the server running locally|HINT:  ${REFUSED_HINT}`;

/** The longest call, in hexadecimal, that goes along with a connection. */
const MAX_CALL_AT_DOOR = 60_000;

/**
 * Calls the bridge of this node's agent. Only the owner may use it. Nothing of a session goes into where it
 * connects: the settings that it reads are fixed on the server's command line.
 *
 * A call goes along with the connection, in libpq's `options`; the agent opens once it has the answer, and
 * hands it over as a notification. So a short call is one way there and back, and the session sleeps until
 * the answer is there: `pg_sleep` takes 2 ms at least, and to look again and again takes a processor from
 * the agents. Where that takes longer, the agent opens without, and is asked for the answer: dblink waits
 * without listening to anybody up to PostgreSQL 16, so that it is asked and looked for.
 *
 * A change that went along with a connection which failed may have happened, unless nobody listened there or
 * the bridge let nobody in: both are known by words that libpq and the bridge have for nothing else.
 */
export function callSql(create: string): string {
  const [port, other] = BRIDGE_PORTS;
  return `${create} FUNCTION pgraft._call(operation text, arguments json, wait_ms integer, changes boolean)
RETURNS json LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $pgraft$
DECLARE
  line CONSTANT text := 'pgraft bridge';
  deadline CONSTANT timestamptz := clock_timestamp() + wait_ms * interval '1 ms';
  call CONSTANT text := encode(convert_to(json_build_object('operation', operation, 'arguments', arguments)::text, 'UTF8'), 'hex');
  is_short CONSTANT boolean := length(call) <= ${MAX_CALL_AT_DOOR};
  place text;
  is_in boolean := false;
  may_have_begun boolean := false;
  looks integer := 0;
  answer text;
  why text;
BEGIN
  IF current_setting('hba_file') <> current_setting('data_directory') || '/pgraft_hba.conf' THEN
    RAISE EXCEPTION 'This server was not started by pgraft: there is no agent that answers for it'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Let pgraft serve start it.';
  END IF;
  place := format('host=%s port=%s user=pgraft dbname=pgraft connect_timeout=2',
    '''' || regexp_replace(btrim(split_part(current_setting('unix_socket_directories'), ',', 1), ' "'),
      '([\\\\''])', '\\\\\\1', 'g') || '''',
    CASE current_setting('port') WHEN '${port}' THEN '${other}' ELSE '${port}' END);
  IF is_short THEN
    may_have_begun := changes;
    PERFORM pgraft._dblink_connect(line, place || ' options=' || call);
    SELECT n.payload INTO answer FROM pgraft._dblink_get_notify(line) AS n;
  ELSE
    PERFORM pgraft._dblink_connect(line, place);
  END IF;
  is_in := true;
  IF answer IS NULL THEN
    PERFORM pgraft._dblink_send_query(line, CASE WHEN is_short THEN 'ANSWER' ELSE 'CALL ' || call END);
    WHILE pgraft._dblink_is_busy(line) = 1 LOOP
      looks := looks + 1;
      CONTINUE WHEN looks < 100;
      IF pgraft._dblink_error_message(line) <> 'OK' OR clock_timestamp() > deadline THEN
        RAISE EXCEPTION 'The pgraft agent of this node has not answered %', operation
          USING ERRCODE = CASE WHEN changes THEN '40003' ELSE '08006' END,
            HINT = CASE WHEN changes THEN 'It may have happened, or may happen yet: look before you repeat it.'
              ELSE 'Look at the agent''s log.' END;
      END IF;
      PERFORM pg_sleep(CASE WHEN looks < 200 THEN 0.001 ELSE 0.01 END);
    END LOOP;
    SELECT t.answer INTO answer FROM pgraft._dblink_get_result(line) AS t(answer text);
  END IF;
  PERFORM pgraft._dblink_disconnect(line);
  RETURN answer::json;
EXCEPTION WHEN query_canceled OR OTHERS THEN
  GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;
  IF line = ANY (pgraft._dblink_get_connections()) THEN
    PERFORM pgraft._dblink_disconnect(line);
  END IF;
  IF is_in OR sqlstate <> '08001' THEN
    RAISE;
  ELSIF may_have_begun AND why !~ '${NOTHING_HAPPENED}' THEN
    RAISE EXCEPTION 'The pgraft agent of this node has not answered %', operation
      USING ERRCODE = '40003', DETAIL = why,
        HINT = 'It may have happened, or may happen yet: look before you repeat it.';
  END IF;
  RAISE EXCEPTION 'The pgraft agent of this node does not answer'
    USING ERRCODE = '08001', DETAIL = why,
      HINT = 'Is pgraft serve running on this machine? Look at its log.';
END
$pgraft$;`;
}
