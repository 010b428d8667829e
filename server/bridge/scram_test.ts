import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { beginScram, scramKeys } from "./scram.ts";

const BARE = "n=,r=rOprNGfwEbeRWgbNEkqO";

function hmac(key: Uint8Array, text: string): Uint8Array {
  return createHmac("sha256", key).update(text).digest();
}

/** What a client with a password says last. */
function clientFinal(
  password: string,
  serverFirst: string,
  nonce?: string,
): string {
  const [, r = "", s = "", i = ""] = /^r=(.*),s=(.*),i=(\d+)$/
    .exec(serverFirst) ?? [];
  const salted = pbkdf2Sync(
    password,
    Buffer.from(s, "base64"),
    Number(i),
    32,
    "sha256",
  );
  const clientKey = hmac(salted, "Client Key");
  const storedKey = createHash("sha256").update(clientKey).digest();
  const without = `c=biws,r=${nonce ?? r}`;
  const signature = hmac(storedKey, `${BARE},${serverFirst},${without}`);
  const proof = clientKey.map((byte, at) => byte ^ (signature[at] ?? 0));
  return `${without},p=${Buffer.from(proof).toString("base64")}`;
}

Deno.test("SCRAM lets in who knows the password, and shows that the server does", () => {
  const keys = scramKeys("correct horse");
  const exchange = beginScram(keys, `n,,${BARE}`);
  assert(exchange);
  const said = exchange.finish(
    clientFinal("correct horse", exchange.serverFirst),
  );
  assertMatch(said ?? "", /^v=[A-Za-z0-9+/]{43}=$/);
});

Deno.test("SCRAM refuses a wrong password, another nonce, no proof, and nobody's name", () => {
  const keys = scramKeys("correct horse");
  const tried = (
    known: typeof keys | null,
    last: (first: string) => string,
  ) => {
    const exchange = beginScram(known, `n,,${BARE}`);
    assert(exchange);
    return exchange.finish(last(exchange.serverFirst));
  };
  assertEquals(tried(keys, (first) => clientFinal("wrong", first)), null);
  assertEquals(
    tried(keys, (first) => clientFinal("correct horse", first, "other")),
    null,
  );
  assertEquals(tried(keys, () => "c=biws,r=x"), null);
  assertEquals(tried(keys, () => ""), null);
  assertEquals(
    tried(null, (first) => clientFinal("correct horse", first)),
    null,
  );
});

Deno.test("beginScram() refuses channel binding and nonsense", () => {
  for (const first of ["p=tls-server-end-point,,n=,r=abc", "", "n,,n=", "x"]) {
    assertEquals(beginScram(scramKeys("x"), first), null);
  }
});
