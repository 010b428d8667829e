import { messageOf, parseLsn } from "../../base/mod.ts";
import { InstanceError } from "./errors.ts";
import type { Place } from "./place.ts";
import { findPostmaster } from "./postmaster.ts";
import type { ProbeResult } from "./types.ts";
import { within } from "./wait.ts";

/**
 * The probe's connection commits locally, whatever a role or database has as its default. A standby is asked no
 * more than it can do, since each refusal would stand in its log.
 */
const LOCAL_COMMIT = `
select case when not pg_is_in_recovery()
  then pg_logical_emit_message(true, 'pgraft', '')::text end as lsn`;

/** A request for encryption: every postmaster answers it with one byte, whatever state it is in. */
const SSL_REQUEST = new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47]);

type Knock = "answered" | "refused" | "silent";

async function exchange(connection: Deno.UnixConn): Promise<Knock> {
  try {
    await connection.write(SSL_REQUEST);
    const count = await connection.read(new Uint8Array(1));
    return count === 1 ? "answered" : "refused";
  } catch {
    return "refused";
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.NotFound;
}

/** R9: a session that is open says nothing of the postmaster, which may be frozen: knock. */
async function knock(place: Place, timeoutMs: number): Promise<Knock> {
  let connection: Deno.UnixConn | null = null;
  const attempt = async (): Promise<Knock> => {
    try {
      const path = place.connections.socketPath;
      connection = await Deno.connect({ transport: "unix", path });
    } catch (error) {
      // A frozen postmaster's queue fills up, and the kernel then says to try again.
      return isRefusal(error) ? "refused" : "silent";
    }
    return await exchange(connection);
  };
  try {
    return await within(
      place.clock,
      timeoutMs,
      attempt(),
      (): Knock => "silent",
    );
  } finally {
    (connection as Deno.UnixConn | null)?.close();
  }
}

function judge(error: unknown): ProbeResult {
  const why = messageOf(error);
  if (!(error instanceof InstanceError)) return { kind: "alive", why };
  if (error.code === "timeout") return { kind: "hung", why };
  // Whatever PostgreSQL answers with, it answers: too many clients, starting up, read-only.
  return {
    kind: error.code === "query_failed" || error.sqlState !== null
      ? "alive"
      : "refused",
    why,
  };
}

async function commit(place: Place, timeoutMs: number): Promise<ProbeResult> {
  try {
    const rows = await place.connections.run<{ lsn: string | null }>(
      "probe",
      LOCAL_COMMIT,
      [],
      timeoutMs,
    );
    const lsn = parseLsn(rows[0]?.lsn ?? "");
    return lsn === null
      ? { kind: "alive", why: "It is a standby" }
      : { kind: "ok", lsn };
  } catch (error) {
    return judge(error);
  }
}

/** R9: tells whether the server can still commit, and why not. */
export async function probe(
  place: Place,
  options: { readonly timeoutMs: number },
): Promise<ProbeResult> {
  const [knocked, first] = await Promise.all([
    knock(place, options.timeoutMs),
    commit(place, options.timeoutMs),
  ]);
  let committed = first;
  if (committed.kind === "refused" || knocked === "refused") {
    if (await findPostmaster(place) === null) {
      const why = `No postmaster runs in "${place.dataDir}"`;
      return { kind: "gone", why };
    }
    // A connection that was just being opened goes with those that endSessions() ends.
    if (committed.kind === "refused") {
      committed = await commit(place, options.timeoutMs);
    }
  }
  if (committed.kind === "hung" || knocked !== "silent") return committed;
  return {
    kind: "hung",
    why:
      `The postmaster did not answer a new connection within ${options.timeoutMs} ms`,
  };
}
