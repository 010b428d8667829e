import { messageOf } from "../../base/mod.ts";
import { logger } from "../logging/mod.ts";
import { answer, type Asker, changesSomething } from "./answering.ts";
import type { BridgeContext } from "./context.ts";
import { type Guard, letIn } from "./entrance.ts";
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

const LOG = logger("bridge");

/** What a session needs. */
export interface SessionOptions {
  readonly context: BridgeContext;
  readonly guard: Guard;
  /** Whether each call is logged. */
  readonly traces: () => boolean;
}

/** Serves one client until it goes, or does not keep to the protocol. */
export async function serveSession(
  line: Line,
  { context, guard, traces }: SessionOptions,
): Promise<void> {
  const { node } = context;
  const asker = await letIn(line, guard, node.version);
  if (asker === null) return;
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
    const { bytes, encoding } = await reply(
      { context, asker, isUtf8, traces: traces() },
      message.body,
    );
    if (encoding !== null) isUtf8 = encoding === "UTF8";
    await line.write(bytes, WRITE_TIMEOUT_MS);
  }
}

interface Asking {
  readonly context: BridgeContext;
  readonly asker: Asker;
  readonly isUtf8: boolean;
  readonly traces: boolean;
}

interface Reply {
  readonly bytes: Uint8Array;
  /** The session's encoding from now on; null for the same. */
  readonly encoding: string | null;
}

async function reply(asking: Asking, body: Uint8Array): Promise<Reply> {
  const { activity } = asking.context;
  let statement: Statement | null = null;
  try {
    statement = parseStatement(textOfQuery(body));
    const messages = await messagesFor(asking, statement);
    activity.ended(true);
    const encoding = statement.kind === "set_encoding"
      ? statement.encoding.toUpperCase()
      : null;
    return { bytes: joined([...messages, readyForQuery()]), encoding };
  } catch (error) {
    activity.ended(false);
    const changes = statement !== null && changesSomething(statement);
    const fields = failureOf(error, changes);
    if (fields.sqlState === "XX000") {
      LOG.error("A call failed", { reason: messageOf(error) });
    }
    const told = asking.isUtf8 ? fields : inAscii(fields);
    return {
      bytes: joined([errorResponse(told), readyForQuery()]),
      encoding: null,
    };
  }
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

async function messagesFor(
  { context, asker, traces }: Asking,
  statement: Statement,
): Promise<Uint8Array[]> {
  switch (statement.kind) {
    case "empty":
      return [emptyQuery()];
    case "set_encoding": {
      const { encoding } = statement;
      if (asker !== "extension" && encoding.toUpperCase() !== "UTF8") {
        throw new SqlProblem("22023", "The bridge speaks UTF8 only");
      }
      return [
        parameterStatus("client_encoding", encoding.toUpperCase()),
        commandComplete("SET"),
      ];
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
      return [
        rowDescription(columns),
        ...rows.map(dataRow),
        commandComplete(`SELECT ${rows.length}`),
      ];
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
