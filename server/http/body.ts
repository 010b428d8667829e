import type { Deadlines } from "../../base/mod.ts";
import { Problem } from "./problem.ts";

/** How long a body may take to come whole. */
export const BODY_TIMEOUT_MS = 30_000;

/**
 * Reads a body as text, up to a limit of size and of time.
 *
 * @param request The request.
 * @param maxBytes The largest.
 * @param deadlines How long it may take.
 * @returns The text.
 * @throws {Problem} When it is larger, or late.
 */
export function readText(
  request: Request,
  maxBytes: number,
  deadlines: Deadlines,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const deadline = deadlines.begin(() =>
      reject(tooSlow(deadlines.timeoutMs))
    );
    read(request, maxBytes).then((text) => {
      deadline.met();
      resolve(text);
    }, (error) => {
      deadline.met();
      reject(error);
    });
  });
}

function read(request: Request, maxBytes: number): Promise<string> {
  const length = request.headers.get("content-length");
  if (length === null) return readUnsized(request, maxBytes);
  if (Number(length) > maxBytes) return Promise.reject(tooLarge(maxBytes));
  return request.text();
}

/** A body that does not say how long it is. */
async function readUnsized(
  request: Request,
  maxBytes: number,
): Promise<string> {
  if (!request.body) return "";
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function tooSlow(timeoutMs: number): Problem {
  return new Problem(
    "request_timeout",
    `The body did not come within ${timeoutMs} ms; send it without pauses`,
  );
}

function tooLarge(maxBytes: number): Problem {
  return new Problem(
    "too_large",
    `The body exceeds ${maxBytes} bytes; send less, or raise max_entry_size`,
  );
}

/**
 * Parses a JSON object.
 *
 * @param text The body; an empty one counts as `{}`.
 * @throws {Problem} When it is none.
 */
export function parseObject(text: string): Record<string, unknown> {
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem("bad_request", "The body is not JSON");
  }
  if (!isObject(value)) {
    throw new Problem("bad_request", "The body is no JSON object");
  }
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
