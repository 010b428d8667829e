import { Buffer } from "node:buffer";
import { CommandFailure, EXIT } from "../exit_codes.ts";
import { flag, type OptionSpec, value } from "../options.ts";
import { manyLines } from "../style.ts";
import { FILE_TYPE } from "../text_types.ts";
import { note, readNamedFile, type Session } from "./session.ts";
import { type Shape, textAt } from "./shape.ts";

/** The word that stands for standard input. */
const STANDARD_INPUT = "-";

/** `--file`. */
export const FILE_OPTION: OptionSpec<string | null> = value(FILE_TYPE, {
  short: "f",
  help: "Take it from this file instead, byte for byte",
});

/** `--base64` of what is sent. */
export const FROM_BASE64: OptionSpec<boolean> = flag({
  help: "What is given is base64 of what is meant",
});

/** `--base64` of what is shown. */
export const TO_BASE64: OptionSpec<boolean> = flag({
  help: "Print base64 of it",
});

/** `--stale`. */
export const STALE: OptionSpec<boolean> = flag({
  help: "Read the copy of the node that is asked, which may be behind",
});

/** Where a payload comes from. */
interface PayloadSource {
  /** What was given as an argument, or null. */
  readonly text: string | null;
  readonly file: string | null;
  readonly base64: boolean;
  /** What the argument is called. */
  readonly name: string;
}

/** Data as the API takes it: as text, or as base64 where it is no UTF-8. */
export type Payload =
  | { readonly text: string }
  | { readonly base64: string };

async function payloadBytes(
  session: Session,
  { text, file, name }: PayloadSource,
): Promise<Uint8Array> {
  if (text !== null && file !== null) {
    throw new CommandFailure(
      `Both ${name} and --file are given`,
      EXIT.usage,
    );
  }
  if (file !== null) return await readNamedFile(session.io, file);
  if (text === STANDARD_INPUT) return await session.io.readInput();
  if (text !== null) return new TextEncoder().encode(text);
  throw new CommandFailure(
    `${name} is missing; write it, or - for standard input, or --file FILE`,
    EXIT.usage,
  );
}

function decodeBase64(text: string, name: string): Uint8Array {
  const bare = text.replaceAll(/\s/g, "");
  const bytes = Buffer.from(bare, "base64");
  // It skips what is no base64 instead of refusing it.
  const isWhole = bytes.toString("base64").replace(/=+$/, "") ===
    bare.replace(/=+$/, "");
  if (isWhole) return bytes;
  throw new CommandFailure(`${name} is no base64`, EXIT.usage);
}

function utf8OrNull(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch {
    return null;
  }
}

/**
 * Reads what is to be sent.
 *
 * @param session The session.
 * @param source Where it comes from.
 * @returns The data.
 * @throws {CommandFailure} When there is none, or it cannot be read.
 */
export async function readPayload(
  session: Session,
  source: PayloadSource,
): Promise<Payload> {
  const given = await payloadBytes(session, source);
  const bytes = source.base64
    ? decodeBase64(new TextDecoder().decode(given), source.name)
    : given;
  const text = utf8OrNull(bytes);
  return text === null
    ? { base64: Buffer.from(bytes).toString("base64") }
    : { text };
}

/**
 * Names a payload as the API does.
 *
 * @param payload The payload.
 * @param name `value` or `data`.
 * @returns A field, with `_base64` behind its name where it is no UTF-8.
 */
export function payloadField(
  payload: Payload,
  name: string,
): Readonly<Record<string, string>> {
  return "text" in payload
    ? { [name]: payload.text }
    : { [`${name}_base64`]: payload.base64 };
}

/**
 * Takes a payload out of an answer.
 *
 * @param from The answer.
 * @param name `value` or `data`.
 * @returns The bytes.
 */
export function bytesAt(from: Shape, name: string): Uint8Array {
  const base64 = textAt(from, `${name}_base64`);
  return base64 === null
    ? new TextEncoder().encode(textAt(from, name) ?? "")
    : Buffer.from(base64, "base64");
}

/**
 * Shows a payload within a line.
 *
 * @param from The answer.
 * @param name `value` or `data`.
 * @param base64 Whether to show it in base64.
 * @returns The text; of what is no UTF-8, base64.
 */
export function shownPayload(
  from: Shape,
  name: string,
  base64: boolean,
): string {
  const text = textAt(from, name);
  return base64 || text === null
    ? Buffer.from(bytesAt(from, name)).toString("base64")
    : text;
}

/**
 * Prints a payload: to a program byte for byte, to a person so that it does no harm.
 *
 * @param session The session.
 * @param from The answer.
 * @param name `value` or `data`.
 * @param base64 Whether to print it in base64.
 */
export async function printPayload(
  session: Session,
  from: Shape,
  name: string,
  base64: boolean,
): Promise<void> {
  const { io } = session;
  const bytes = bytesAt(from, name);
  if (base64) {
    return await io.out(`${Buffer.from(bytes).toString("base64")}\n`);
  }
  if (!io.outIsTerminal) return await io.out(bytes);
  const text = textAt(from, name);
  if (text === null) {
    await note(session, "It is no UTF-8, so here is base64 of it");
  }
  await io.out(`${manyLines(shownPayload(from, name, false))}\n`);
}
