import { assertEquals } from "@std/assert";
import { isSecretName, redactText } from "./redact.ts";

Deno.test("isSecretName() knows names of secrets in every spelling", () => {
  for (
    const name of [
      "secret",
      "token",
      "password",
      "PASSWORD",
      "api_token",
      "apiToken",
      "read-token",
      "userPassword",
      "cluster.secret",
      "Authorization",
      "set-cookie",
      "private_key",
      "API-Key",
      "passphrase",
      "pwd",
    ]
  ) {
    assertEquals(isSecretName(name), true, name);
  }
  for (
    const name of ["term", "peer", "node", "key", "path", "bypass", "author"]
  ) {
    assertEquals(isSecretName(name), false, name);
  }
});

Deno.test("redactText() takes secrets out of texts where their places are well known", () => {
  const table: readonly (readonly [string, string])[] = [
    ["postgres://joe:hunter2@db:5432/x", "postgres://joe:[redacted]@db:5432/x"],
    ["host=a password=hunter2 user=joe", "host=a password=[redacted] user=joe"],
    ["password = 'a \\' b' user=joe", "password = [redacted] user=joe"],
    ['{"token":"hunter2","a":1}', '{"token":[redacted],"a":1}'],
    ['{\\"token\\":\\"hunter2\\"}', '{\\"token\\":\\[redacted]'],
    ["password='hunt", "password=[redacted]"],
    ["?api_token=hunter2&x=1", "?api_token=[redacted]&x=1"],
    [
      "Authorization: Bearer abcdefghijklmnop.q",
      "Authorization: Bearer [redacted]",
    ],
    ["Basic authentication failed", "Basic authentication failed"],
    ["The secret is too short", "The secret is too short"],
    ["http://[::1]:8008/a@b", "http://[::1]:8008/a@b"],
  ];
  for (const [text, expected] of table) {
    assertEquals(redactText(text), expected);
  }
});
