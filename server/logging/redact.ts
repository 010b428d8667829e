/** What stands in the place of a secret. */
export const REDACTED = "[redacted]";

/** Parts of names whose values nobody may read, without what separates words. */
const SECRET_NAMES: readonly string[] = [
  "secret",
  "token",
  "password",
  "passwd",
  "passphrase",
  "pwd",
  "credential",
  "authorization",
  "cookie",
  "privatekey",
  "apikey",
  "hmac",
  "verifier",
];

/** `postgres://user:SECRET@host`. */
const IN_ADDRESS = /([a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/@]{0,200}:)[^\s@/]+@/gi;

/** `password=SECRET`, `"token":"SECRET"`, as in connection strings and bodies. */
const IN_PAIR =
  /((?:secret|token|password|passwd|passphrase|apikey)(?:\s*=\s*|\\*["']\s*:\s*\\*))('(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|[^\s,;&"'}]+)/gi;

/** `Bearer SECRET`, `Basic SECRET`; a shorter word is a word. */
const IN_HEADER = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{16,}/gi;

/**
 * Tells names of secrets from others.
 *
 * @param name A field's name, such as `token`, `api_token` or `userPassword`.
 * @returns Whether its value must not be shown.
 */
export function isSecretName(name: string): boolean {
  const letters = name.toLowerCase().replace(/[^a-z0-9]/g, "");
  return SECRET_NAMES.some((part) => letters.includes(part));
}

/**
 * Takes secrets out of a text, where their places are well known: the last guard, not the first.
 *
 * @param text Any text.
 * @returns The text without them.
 */
export function redactText(text: string): string {
  return text.replace(IN_ADDRESS, `$1${REDACTED}@`)
    .replace(IN_PAIR, `$1${REDACTED}`)
    .replace(IN_HEADER, `$1 ${REDACTED}`);
}
