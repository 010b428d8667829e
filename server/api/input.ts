import * as v from "valibot";
import {
  byteStringToBytes,
  textToByteString,
} from "../../raft/machines/mod.ts";
import { parseObject, Problem } from "../http/mod.ts";

/**
 * Checks a body against a schema; every error names its field.
 *
 * @param schema What it must be.
 * @param body The body as text.
 * @returns What it says.
 * @throws {Problem} When it does not fit.
 */
export function parseBody<S extends v.GenericSchema>(
  schema: S,
  body: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, parseObject(body));
  if (result.success) return result.output;
  const details = result.issues.map((issue) =>
    `${v.getDotPath(issue) ?? "body"}: ${issue.message}`
  );
  throw new Problem("bad_request", details.join("; "));
}

/** A whole number in a query or path. */
export function wholeNumber(
  name: string,
  text: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } =
    {},
): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new Problem(
    "bad_request",
    `${name}: "${text}" is no whole number from ${min} to ${max}`,
  );
}

/** A yes or no in a query; absent means no. */
export function yesOrNoIn(name: string, text: string | null): boolean {
  if (text === null || text === "false") return false;
  if (text === "true" || text === "") return true;
  throw new Problem("bad_request", `${name}: "${text}" is not true or false`);
}

/** Bytes that a body names as text or in base64, as a byte string; undefined when it names none. */
export function bytesOf(
  name: string,
  text: string | undefined,
  base64: string | undefined,
): string | undefined {
  if (text !== undefined && base64 !== undefined) {
    throw new Problem(
      "bad_request",
      `${name} and ${name}_base64 exclude each other; send one of them`,
    );
  }
  if (text !== undefined) return textToByteString(text);
  return base64 === undefined ? undefined : fromBase64(name, base64);
}

/** Decodes base64 into a byte string. */
export function fromBase64(name: string, base64: string): string {
  try {
    return atob(base64);
  } catch {
    throw new Problem("bad_request", `${name}: this is not base64`);
  }
}

/** Bytes for an answer: as text where they are UTF-8, else in base64. */
export function bytesToJson(
  name: string,
  bytes: string,
): Record<string, string> {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { [name]: decoder.decode(byteStringToBytes(bytes)) };
  } catch {
    return { [`${name}_base64`]: btoa(bytes) };
  }
}
