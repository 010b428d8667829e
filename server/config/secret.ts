import { messageOf } from "../../base/mod.ts";

/** The fewest characters of a secret or token. */
export const MIN_SECRET_LENGTH = 16;

/** A secret is a line; a larger file is another one by mistake. */
const MAX_SECRET_BYTES = 4096;

const OTHERS_MODE = 0o077;

/**
 * Reads a text file.
 *
 * @param path Its path.
 * @returns Its text, or null when there is no such file.
 * @throws {Error} When it cannot be read.
 */
export async function readFileIfThere(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function readBounded(file: Deno.FsFile): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_SECRET_BYTES + 1);
  let length = 0;
  while (length < buffer.length) {
    const count = await file.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  return buffer.subarray(0, length);
}

function checkFile(path: string, info: Deno.FileInfo): void {
  if (!info.isFile) throw new Error(`The secret ${path} is no regular file`);
  if (info.mode !== null && (info.mode & OTHERS_MODE) !== 0) {
    const mode = (info.mode & 0o777).toString(8).padStart(3, "0");
    throw new Error(
      `The secret ${path} has mode ${mode}, so others than its owner can use it; run chmod 600 ${path}`,
    );
  }
}

function textOf(path: string, bytes: Uint8Array): string {
  if (bytes.length > MAX_SECRET_BYTES) {
    throw new Error(
      `The secret ${path} is larger than ${MAX_SECRET_BYTES} bytes`,
    );
  }
  const text = new TextDecoder().decode(bytes);
  if (text.trim() === "") throw new Error(`The secret ${path} is empty`);
  return text;
}

/** A password may begin or end with white space, which PostgreSQL's own tools keep too. */
function checkPassword(path: string, bytes: Uint8Array): string {
  const password = textOf(path, bytes).replace(/\r?\n$/, "");
  if (/[\r\n\0]/.test(password)) {
    throw new Error(`The secret ${path} has more than one line`);
  }
  return password;
}

function checkSecret(path: string, bytes: Uint8Array): string {
  const secret = textOf(path, bytes).trim();
  if (secret.length < MIN_SECRET_LENGTH) {
    throw new Error(
      `The secret ${path} is shorter than ${MIN_SECRET_LENGTH} characters; ` +
        `make one with openssl rand -hex 32`,
    );
  }
  return secret;
}

/**
 * Reads a secret or token from its file.
 *
 * @param path The file.
 * @returns The secret, without white space around it.
 * @throws {Error} When the file cannot be read, is empty or too short, or others than its owner can
 * use it. The message holds the path and what to do, nothing of the secret.
 */
export async function readSecretFile(path: string): Promise<string> {
  return await readPrivate(path, checkSecret);
}

/**
 * Reads the password of a role of PostgreSQL from its file; it may be shorter than a secret.
 *
 * @param path The file.
 * @returns The password: the file's one line.
 * @throws {Error} As {@linkcode readSecretFile} does, and when there is more than one line.
 */
export async function readPasswordFile(path: string): Promise<string> {
  return await readPrivate(path, checkPassword);
}

async function readPrivate(
  path: string,
  check: (path: string, bytes: Uint8Array) => string,
): Promise<string> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { read: true });
  } catch (error) {
    throw new Error(`The secret ${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  try {
    checkFile(path, await file.stat());
    return check(path, await readBounded(file));
  } finally {
    file.close();
  }
}
