import { messageOf } from "../../base/mod.ts";
import { logger } from "../logging/mod.ts";
import type { Audit } from "../audit/mod.ts";
import { answer, type Asker, changesSomething } from "./answering.ts";
import { auditedOf } from "./audited.ts";
import type { BridgeContext } from "./context.ts";
import { type Guard, letIn, welcome } from "./entrance.ts";
import { failureOf, SqlProblem } from "./failure.ts";
import { type Line, LineError } from "./line.ts";
import {
  commandComplete,
  dataRow,
  emptyQuery,
  type ErrorFields,
  errorResponse,
  joined,
  parameterStatus,
  readyForQuery,
  rowDescription,
} from "./messages.ts";
import { parseStatement, type Statement } from "./statement.ts";

/** How long a session may be idle. */
const IDLE_TIMEOUT_MS = 600_000;
/** How long a client may take to read an answer. */
const WRITE_TIMEOUT_MS = 10_000;
/** What a value grows to at most as a call: JSON escapes, then hexadecimal. */
const CALL_RATIO = 12;
const CALL_OVERHEAD_BYTES = 65_536;
/** How long a client is kept at the door while its call is carried out: who waits there is woken at once. */
const DOOR_WAIT_MS = 50;
/** The longest answer that is handed over at the door: PostgreSQL's own bound on a notification. */
const MAX_DOOR_ANSWER_CHARS = 8000;

const LOG = logger("bridge");

/** What a session needs. */
export interface SessionOptions {
  readonly context: BridgeContext;
  readonly guard: Guard;
  readonly audit: Audit;
  /** Where the client is. */
  readonly from: string;
  /** Whether each call is logged. */
  readonly traces: () => boolean;
}

/** Serves one client until it goes, or does not keep to the protocol. */
export async function serveSession(
  line: Line,
  { context, guard, traces, audit, from }: SessionOptions,
): Promise<void> {
  const entered = await letIn(line, guard);
  if (entered === null) return;
  const { node } = context;
  const { asker, call } = entered;
  const asking = { context, asker, traces: traces(), audit, from };
  const brought = call === null
    ? null
    : carryOut(asking, new TextEncoder().encode(`CALL ${call}`), null);
  const answer = brought && await soon(brought);
  await welcome(line, node.version, answer);
  const maxBytes = CALL_OVERHEAD_BYTES + CALL_RATIO * node.maxEntryBytes;
  // The extension's encodings are ASCII's supersets, and so are its calls and answers.
  let isUtf8 = true;
  while (true) {
    const message = await line.next({ maxBytes, timeoutMs: IDLE_TIMEOUT_MS });
    if (message === null || message.type === "X") return;
    if (message.type !== "Q") {
      const text = "The bridge speaks the simple query protocol only";
      throw new LineError(text);
    }
    const asking = { context, asker, traces: traces(), audit, from };
    const outcome = await carryOut(asking, message.body, brought);
    if (outcome.kind === "done" && outcome.encoding !== null) {
      isUtf8 = outcome.encoding === "UTF8";
    }
    await line.write(bytesOf(outcome, isUtf8), WRITE_TIMEOUT_MS);
  }
}

interface Asking {
  readonly context: BridgeContext;
  readonly asker: Asker;
  readonly traces: boolean;
  readonly audit: Audit;
  readonly from: string;
}

/** What a statement came to. */
type Outcome =
  | {
    readonly kind: "done";
    readonly messages: readonly Uint8Array[];
    /** The answer to a call; null for anything else. */
    readonly json: string | null;
    /** The session's encoding from now on; null for the same. */
    readonly encoding: string | null;
  }
  | { readonly kind: "failed"; readonly fields: ErrorFields };

/** The answer to a call, where it comes soon and is short. */
async function soon(outcome: Promise<Outcome>): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), DOOR_WAIT_MS);
  const first = await Promise.race([outcome, promise]);
  clearTimeout(timer);
  if (first?.kind !== "done" || first.json === null) return null;
  return first.json.length > MAX_DOOR_ANSWER_CHARS ? null : first.json;
}

function bytesOf(outcome: Outcome, isUtf8: boolean): Uint8Array {
  if (outcome.kind === "done") {
    return joined([...outcome.messages, readyForQuery()]);
  }
  const fields = isUtf8 ? outcome.fields : inAscii(outcome.fields);
  return joined([errorResponse(fields), readyForQuery()]);
}

async function carryOut(
  asking: Asking,
  body: Uint8Array,
  brought: Promise<Outcome> | null,
): Promise<Outcome> {
  const { activity } = asking.context;
  const startedAtMs = asking.context.node.nowMs();
  let statement: Statement | null = null;
  try {
    statement = parseStatement(textOfQuery(body));
    if (statement.kind === "answer" && brought) return await brought;
    const outcome = await outcomeOf(asking, statement);
    activity.ended(true);
    writeDown(asking, statement, "done", startedAtMs);
    return outcome;
  } catch (error) {
    activity.ended(false);
    const changes = statement !== null && changesSomething(statement);
    const fields = failureOf(error, changes);
    if (statement) writeDown(asking, statement, fields.sqlState, startedAtMs);
    if (fields.sqlState === "XX000") {
      LOG.error("A call failed", { reason: messageOf(error) });
    }
    return { kind: "failed", fields };
  }
}

function writeDown(
  { audit, asker, from, context: { node } }: Asking,
  statement: Statement,
  outcome: string,
  startedAtMs: number,
): void {
  const audited = auditedOf(statement, asker);
  if (!audited) return;
  const tookMs = node.nowMs() - startedAtMs;
  audit.tell({ ...audited, from, outcome, tookMs });
}

function textOfQuery(body: Uint8Array): string {
  const end = body.at(-1) === 0 ? body.length - 1 : body.length;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(
      body.subarray(0, end),
    );
  } catch {
    throw new SqlProblem("22021", "The statement is not UTF-8");
  }
}

async function outcomeOf(
  { context, asker, traces }: Asking,
  statement: Statement,
): Promise<Outcome> {
  const kind = "done";
  switch (statement.kind) {
    case "empty":
      return { kind, messages: [emptyQuery()], json: null, encoding: null };
    case "answer":
      throw new SqlProblem("55000", "No call was brought along");
    case "set_encoding": {
      const encoding = statement.encoding.toUpperCase();
      if (asker !== "extension" && encoding !== "UTF8") {
        throw new SqlProblem("22023", "The bridge speaks UTF8 only");
      }
      const messages = [
        parameterStatus("client_encoding", encoding),
        commandComplete("SET"),
      ];
      return { kind, messages, json: null, encoding };
    }
    default: {
      const startedAtMs = context.node.nowMs();
      const { columns, rows } = await answer(context, statement, asker);
      if (traces) {
        const name = statement.kind === "call"
          ? statement.operation
          : statement.name;
        const ms = Number((context.node.nowMs() - startedAtMs).toFixed(3));
        LOG.info("Answered a call", { operation: name, ms });
      }
      const messages = [
        rowDescription(columns),
        ...rows.map(dataRow),
        commandComplete(`SELECT ${rows.length}`),
      ];
      const json = statement.kind === "call" ? rows[0]?.[0] ?? null : null;
      return { kind, messages, json, encoding: null };
    }
  }
}

function inAscii(fields: ErrorFields): ErrorFields {
  const plain = (text: string): string =>
    text.replaceAll(/[\u0080-\uffff]/g, "?");
  return {
    ...fields,
    message: plain(fields.message),
    ...(fields.hint === undefined ? {} : { hint: plain(fields.hint) }),
    ...(fields.detail === undefined ? {} : { detail: plain(fields.detail) }),
  };
}
