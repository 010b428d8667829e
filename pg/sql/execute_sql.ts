/** Who the caller is, as only a view can show it: a role that was not the caller's has no proof of its own. */
const PROOF =
  "encode(sha256(convert_to(concat_ws(':', s.secret, %, pg_backend_pid(), extract(epoch FROM transaction_timestamp())), 'UTF8')), 'hex')";

function proofOf(role: string): string {
  return PROOF.replace("%", role);
}

/**
 * What replicated SQL keeps in the database: which operations were run, in the transaction of their own
 * statements; and what it takes to know whose rights an operation has.
 *
 * A function with its owner's rights cannot see who called it, and who is told could be lied to. So the
 * caller reads a view, which knows the present user, and hands its proof on; the secret behind it never
 * leaves the database.
 */
export function executeSql(create: string): string {
  return `CREATE TABLE IF NOT EXISTS pgraft.applied_entries (
  raft_index bigint NOT NULL,
  raft_term bigint NOT NULL,
  entry_type integer NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  system_id text NOT NULL,
  PRIMARY KEY (raft_index, system_id)
);
COMMENT ON TABLE pgraft.applied_entries IS 'Operations of replicated SQL that were run here, each in its own transaction';
GRANT SELECT ON pgraft.applied_entries TO pgraft_monitor;

CREATE TABLE IF NOT EXISTS pgraft._secret (secret text NOT NULL);
INSERT INTO pgraft._secret SELECT concat(gen_random_uuid(), gen_random_uuid())
  WHERE NOT EXISTS (SELECT FROM pgraft._secret);

${create} VIEW pgraft._caller WITH (security_barrier) AS
  SELECT current_user::text AS role, ${
    proofOf("current_user")
  } AS proof FROM pgraft._secret s;
GRANT SELECT ON pgraft._caller TO pgraft_admin;

${create} FUNCTION pgraft._execute(sql text, kind text, role text, proof text, waits boolean)
RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $pgraft$
DECLARE
  number bigint;
  outcome json;
BEGIN
  IF NOT EXISTS (SELECT FROM pgraft._secret s WHERE _execute.proof = ${
    proofOf("_execute.role")
  }) THEN
    RAISE EXCEPTION 'Only pgraft_execute may call this' USING ERRCODE = 'insufficient_privilege';
  END IF;
  number := (pgraft._call('pgraft_execute', json_build_array(sql, kind, current_database(), role), 15000, true) ->> 'value')::bigint;
  IF NOT waits THEN
    RETURN number;
  END IF;
  outcome := pgraft._call('pgraft_execute_wait', json_build_array(number), 60000, true) -> 'rows' -> 0;
  IF outcome ->> 'state' = 'failed' THEN
    RAISE EXCEPTION 'Operation % failed: %', number, outcome ->> 'error' USING ERRCODE = outcome ->> 'sqlstate';
  ELSIF outcome ->> 'state' = 'waiting' THEN
    RAISE EXCEPTION 'Operation % waits for the primary to run it', number
      USING ERRCODE = '40003', HINT = format('Look at pgraft_execute_result(%s); do not repeat it.', number);
  END IF;
  RETURN number;
END
$pgraft$;
GRANT EXECUTE ON FUNCTION pgraft._execute(text, text, text, text, boolean) TO pgraft_admin;

${create} FUNCTION pgraft._operation_token(raft_index bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS
$$SELECT encode(sha256(convert_to(concat_ws(':', 'operation', s.secret, $1), 'UTF8')), 'hex') FROM pgraft._secret s$$;

${create} FUNCTION pgraft._mark_applied(raft_index bigint, raft_term bigint, entry_type integer, token text)
RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $pgraft$
BEGIN
  IF token IS DISTINCT FROM pgraft._operation_token(raft_index) THEN
    RAISE EXCEPTION 'Only the agent marks operations' USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO pgraft.applied_entries VALUES (raft_index, raft_term, entry_type, clock_timestamp(),
    (SELECT system_identifier::text FROM pg_control_system()));
END
$pgraft$;
GRANT USAGE ON SCHEMA pgraft TO pgraft_executor;
GRANT EXECUTE ON FUNCTION pgraft._mark_applied(bigint, bigint, integer, text) TO pgraft_executor;`;
}
