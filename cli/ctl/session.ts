import { messageOf } from "../../base/mod.ts";
import { readSecretFile } from "../../server/config/mod.ts";
import {
  type Call,
  type Command,
  command,
  type CommandRow,
  type Context,
} from "../command.ts";
import { CommandFailure, EXIT } from "../exit_codes.ts";
import type { Io } from "../io.ts";
import {
  type ArgumentTable,
  flag,
  list,
  type OptionTable,
  type OptionValues,
  value,
  valueOr,
} from "../options.ts";
import { manyLines, oneLine, painter } from "../style.ts";
import { FILE_TYPE, secondsType } from "../text_types.ts";
import { API_TYPE, type ApiAddress, DEFAULT_API } from "./api_address.ts";
import { type Client, type ClientTls, createClient } from "./client.ts";

const DEFAULT_TIMEOUT_MS = 10_000;
const HOUR_MS = 3_600_000;

/** The options of every command of ctl. */
export const CTL_OPTIONS = {
  api: list(API_TYPE, {
    help:
      "A node's API; many, or with commas, are tried in order until one answers",
    env: "PGRAFT_API",
    fallback: `default ${DEFAULT_API.hostPort}`,
  }),
  tokenFile: value(FILE_TYPE, {
    help: "The file of the token to show to the API",
    env: "PGRAFT_TOKEN_FILE",
  }),
  caFile: value(FILE_TYPE, {
    help:
      "Certificate authorities to trust beside the system's, PEM; the API is then reached by HTTPS",
    env: "PGRAFT_CA_FILE",
  }),
  certFile: value(FILE_TYPE, {
    help:
      "The certificate to show to an API that asks for one, PEM; with --key-file",
    env: "PGRAFT_CERT_FILE",
  }),
  keyFile: value(FILE_TYPE, {
    help: "The private key of that certificate, PEM",
    env: "PGRAFT_KEY_FILE",
  }),
  timeout: valueOr(secondsType("TIME", 1, HOUR_MS), DEFAULT_TIMEOUT_MS, {
    short: "t",
    help: "How long a call may take, with all repetitions",
    fallback: "default 10s",
  }),
  json: flag({ short: "j", help: "Print JSON, as the API answers it" }),
  quiet: flag({ short: "q", help: "Print no confirmations and notes" }),
};

type CtlOptions = typeof CTL_OPTIONS;

/** What a command of ctl works with. */
export interface Session {
  readonly io: Io;
  readonly client: Client;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly timeoutMs: number;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly paint: ReturnType<typeof painter>;
}

/**
 * Prints what a command came to.
 *
 * @param session The session.
 * @param body The API's answer, for `--json`.
 * @param text The same for people.
 */
export async function printAnswer(
  { io, json }: Session,
  body: unknown,
  text: string,
): Promise<void> {
  await io.out(json ? `${JSON.stringify(body, null, 2)}\n` : `${text}\n`);
}

/**
 * Prints that something was done, unless `--quiet` is given.
 *
 * @param session The session.
 * @param body The API's answer, for `--json`.
 * @param text The same for people.
 */
export async function confirm(
  session: Session,
  body: unknown,
  text: string,
): Promise<void> {
  if (session.quiet && !session.json) return;
  await printAnswer(session, body, text);
}

/**
 * Prints a note beside the data, unless `--quiet` is given.
 *
 * @param session The session.
 * @param text A sentence.
 */
export async function note(
  { io, quiet }: Pick<Session, "io" | "quiet">,
  text: string,
): Promise<void> {
  if (!quiet) await io.err(`pgraft: ${manyLines(text)}\n`);
}

function originOf({ hostPort, scheme }: ApiAddress, isTls: boolean): string {
  return `${scheme ?? (isTls ? "https" : "http")}://${hostPort}`;
}

/**
 * Reads a file that an option names.
 *
 * @param io The world.
 * @param path The file.
 * @returns Its bytes.
 * @throws {CommandFailure} When it cannot be read.
 */
export async function readNamedFile(
  io: Io,
  path: string,
): Promise<Uint8Array> {
  try {
    return await io.readFile(path);
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure(
      `The file ${path} cannot be read: ${messageOf(error)}`,
      EXIT.failure,
    );
  }
}

async function readTls(
  { caFile, certFile, keyFile }: OptionValues<CtlOptions>,
  io: Io,
): Promise<ClientTls> {
  const read = async (path: string): Promise<string> =>
    new TextDecoder().decode(await readNamedFile(io, path));
  if ((certFile === null) !== (keyFile === null)) {
    throw new CommandFailure(
      "A certificate and its key belong together: give --cert-file and --key-file, or neither",
      EXIT.usage,
    );
  }
  return {
    caCerts: caFile === null ? [] : [await read(caFile)],
    identity: certFile === null || keyFile === null
      ? null
      : { cert: await read(certFile), key: await read(keyFile) },
  };
}

async function openSession(
  options: OptionValues<CtlOptions>,
  io: Io,
  signal: AbortSignal,
): Promise<Session> {
  const { tokenFile, timeout, json, quiet } = options;
  const token = tokenFile === null ? null : await readSecretFile(tokenFile);
  const api = options.api.length === 0 ? [DEFAULT_API] : options.api;
  const tls = await readTls(options, io);
  const isTls = tls.caCerts.length > 0 || tls.identity !== null;
  const client = createClient({
    origins: [...new Set(api.map((one) => originOf(one, isTls)))],
    token,
    tls,
    timeoutMs: timeout,
    signal,
    onRepeat: (why) =>
      note({ io, quiet }, `${oneLine(why)}; trying on until --timeout`),
  });
  const paint = painter(io.color);
  return { io, client, json, quiet, timeoutMs: timeout, signal, paint };
}

async function withSession(
  options: OptionValues<CtlOptions>,
  { io }: Context,
  run: (session: Session) => Promise<number>,
): Promise<number> {
  const interrupt = new AbortController();
  const release = io.onInterrupt(() => interrupt.abort());
  try {
    const session = await openSession(options, io, interrupt.signal);
    try {
      return await run(session);
    } finally {
      session.client.close();
    }
  } finally {
    release();
  }
}

/** A row of ctl as it is written. */
interface CtlRow<O extends OptionTable, A extends ArgumentTable>
  extends Omit<CommandRow<O, A>, "run" | "ownFlags"> {
  /** Returns the exit code. */
  readonly run: (
    call: Call<O & CtlOptions, A>,
    session: Session,
  ) => Promise<number>;
}

/**
 * Makes a command that reaches a node.
 *
 * @param row The row, without the options that all of them have.
 * @returns The command.
 */
export function ctlCommand<O extends OptionTable, A extends ArgumentTable>(
  row: CtlRow<O, A>,
): Command {
  const { run, ...words } = row;
  return command({
    ...words,
    options: { ...CTL_OPTIONS, ...row.options },
    run: (call: Call<O & CtlOptions, A>, context) =>
      withSession(
        call.options as OptionValues<CtlOptions>,
        context,
        (session) => run(call, session),
      ),
  });
}
