import { Buffer } from "node:buffer";
import {
  createHash,
  createHmac,
  pbkdf2Sync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";

/** As many as PostgreSQL takes for its own passwords. */
const ITERATIONS = 4096;
const SALT_BYTES = 16;
const NONCE_BYTES = 18;

/** What a server keeps of a password (RFC 5802 §3). */
export interface ScramKeys {
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return createHmac("sha256", key).update(text).digest();
}

/** Derives what is kept of a password. */
export function scramKeys(password: string): ScramKeys {
  const salt = new Uint8Array(randomBytes(SALT_BYTES));
  const salted = pbkdf2Sync(
    password.normalize("NFKC"),
    salt,
    ITERATIONS,
    32,
    "sha256",
  );
  const clientKey = hmac(salted, "Client Key");
  const storedKey = createHash("sha256").update(clientKey).digest();
  return { salt, storedKey, serverKey: hmac(salted, "Server Key") };
}

/** One exchange, which has two turns. */
export interface ScramExchange {
  /** What the server says first; null when the client's first message is none. */
  readonly serverFirst: string;
  /** Takes the client's last message: what the server says last, or null when the proof is wrong. */
  finish(clientFinal: string): string | null;
}

/**
 * Begins an exchange of SCRAM-SHA-256 without channel binding (RFC 7677).
 *
 * @param keys Of whom the client says it is; of nobody when there is no such user, so that both look alike.
 * @param clientFirst What the client said.
 * @returns The exchange; null when that is not its first message.
 */
export function beginScram(
  keys: ScramKeys | null,
  clientFirst: string,
): ScramExchange | null {
  const match = /^([ny]),(?:a=[^,]*)?,(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+))$/
    .exec(clientFirst);
  if (!match) return null;
  const [, flag = "n", bare = "", clientNonce = ""] = match;
  const gs2 = clientFirst.slice(0, clientFirst.length - bare.length);
  const known = keys ?? scramKeys(randomBytes(NONCE_BYTES).toString("base64"));
  const nonce = clientNonce + randomBytes(NONCE_BYTES).toString("base64");
  const serverFirst = `r=${nonce},s=${
    Buffer.from(known.salt).toString("base64")
  },i=${ITERATIONS}`;
  const binding = Buffer.from(gs2).toString("base64");
  return {
    serverFirst,
    finish(clientFinal): string | null {
      const parts = /^(c=([^,]*),r=([^,]*)),p=([A-Za-z0-9+/=]+)$/.exec(
        clientFinal,
      );
      const [, without = "", given, again, proof = ""] = parts ?? [];
      const fits = flag !== "" && given === binding && again === nonce;
      const message = `${bare},${serverFirst},${without}`;
      const isRight = proves(known, message, Buffer.from(proof, "base64"));
      if (!fits || !isRight || keys === null) return null;
      const signature = Buffer.from(hmac(known.serverKey, message));
      return `v=${signature.toString("base64")}`;
    },
  };
}

function proves(
  { storedKey }: ScramKeys,
  message: string,
  proof: Uint8Array,
): boolean {
  const signature = hmac(storedKey, message);
  if (proof.length !== signature.length) return false;
  const clientKey = proof.map((byte, i) => byte ^ (signature[i] ?? 0));
  const hashed = createHash("sha256").update(clientKey).digest();
  return timingSafeEqual(hashed, storedKey);
}
