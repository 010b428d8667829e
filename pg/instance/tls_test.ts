import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import postgres from "postgres";
import {
  ALONE,
  following,
  hasCaughtUp,
  type Kit,
  LIMIT_MS,
  type Made,
  PASSWORD,
  until,
  withKit,
  writeRow,
} from "./instance_test_kit.ts";
import { InstanceError } from "./mod.ts";

interface Certificates {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

async function openssl(words: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [...words],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** An authority of that name, and a certificate that it has signed. */
async function certificates(kit: Kit, name: string): Promise<Certificates> {
  const at = (file: string): string => join(kit.root, `${name}.${file}`);
  const plain = ["-newkey", "rsa:2048", "-nodes", "-days", "2"];
  await openssl([
    ...["req", "-x509", ...plain, "-subj", `/CN=${name}`],
    ...["-keyout", at("ca.key"), "-out", at("ca.crt")],
  ]);
  await openssl([
    ...["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server"],
    ...["-keyout", at("key"), "-out", at("csr")],
  ]);
  await openssl([
    ...["x509", "-req", "-in", at("csr"), "-days", "2", "-CAcreateserial"],
    ...["-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-out", at("crt")],
  ]);
  return { cert: at("crt"), key: at("key"), ca: at("ca.crt") };
}

/** The connections of the replication role, and whether each is encrypted. */
async function replicationOf(made: Made): Promise<string[]> {
  const rows = await made.instance.query<{ seen: string }>(
    `select application_name || ' ' || ssl as seen from pg_stat_replication
       join pg_stat_ssl using (pid) order by 1`,
  );
  return rows.map(({ seen }) => seen);
}

Deno.test("with certificates replication, clone and rewind go over TLS, to servers of the authority only", () =>
  withKit(async (kit) => {
    const tls = await certificates(kit, "ours");
    const other = await certificates(kit, "theirs");
    const a = await kit.primary("a", {
      tls,
      hbaRules: [{ name: "all", rule: "host all all all trust" }],
    });
    await writeRow(a, 1);
    const b = await kit.standby("b", a, { tls });
    await until("b has the row", () => hasCaughtUp(b, a));
    assertEquals(await replicationOf(a), ["b true"]);
    const mode = (await Deno.stat(join(a.options.runDir, "tls", "server.key")))
      .mode ?? 0;
    assertEquals(mode & 0o777, 0o600);

    const source = { host: "127.0.0.1", port: a.port };
    const clone = {
      source,
      replicationPassword: PASSWORD,
      systemId: null,
      keepOld: false,
    };
    const stranger = await kit.make("c", { tls: other });
    const refused = await assertRejects(
      () => stranger.instance.clone(clone),
      InstanceError,
    );
    assertMatch(refused.message, /certificate verify failed/);

    // Who does not ask for TLS is not let in, whatever the users' rules say.
    await a.instance.render({ ...ALONE, hba: "open" });
    await a.instance.reload();
    for (const database of ["postgres", "template1"]) {
      const sql = postgres({
        ...source,
        database,
        user: a.options.replicationUser,
        pass: PASSWORD,
        ssl: false,
        onnotice: () => {},
      });
      const said = await sql.unsafe("select 1").then(() => "let in", String);
      await sql.end({ timeout: 0 });
      assertMatch(said, /pg_hba.conf rejects connection/);
    }

    await b.instance.stop("fast");
    await b.instance.render(ALONE);
    await b.instance.start();
    await b.instance.promote({ timeoutMs: LIMIT_MS });
    await writeRow(b, 2);
    await b.instance.stop("fast");
    await a.instance.checkpoint({ timeoutMs: LIMIT_MS });
    const rewound = await b.instance.rewind({ source, timeoutMs: LIMIT_MS });
    assertEquals(rewound, { kind: "done" });
    await b.instance.render(following(a, "b"));
    await b.instance.start();
    await until(
      "b streams over TLS again",
      async () => (await replicationOf(a)).includes("b true"),
    );
  }));

Deno.test("a renewed certificate is taken without a restart", () =>
  withKit(async (kit) => {
    const tls = await certificates(kit, "ours");
    const a = await kit.primary("a", { tls });
    const start = await a.instance.postmaster();
    const b = await kit.standby("b", a, { tls });
    const renewed = await certificates(kit, "renewed");
    for (const file of ["cert", "key", "ca"] as const) {
      await Deno.copyFile(renewed[file], tls[file]);
    }
    await a.instance.keepClosed();
    await b.instance.keepClosed();
    await a.instance.endWalSenders(["b"]);
    await until(
      "b streams from the renewed server",
      async () => (await replicationOf(a)).includes("b true"),
    );
    assertEquals(await a.instance.postmaster(), start);
  }));

Deno.test("a certificate that cannot be used is refused with its setting", () =>
  withKit(async (kit) => {
    const tls = await certificates(kit, "ours");
    await Deno.writeTextFile(tls.ca, "nothing");
    const made = await kit.make("a", { tls });
    const error = await assertRejects(
      () => made.instance.inspect(),
      InstanceError,
    );
    assertMatch(
      error.message,
      /^tls_ca in \[postgresql\].*no PEM file; correct/,
    );
    await Deno.remove(tls.ca);
    const missing = await assertRejects(
      () => made.instance.inspect(),
      InstanceError,
    );
    assertMatch(missing.message, /^tls_ca in .*No such file.*correct/);
    await Deno.writeTextFile(tls.ca, "-----BEGIN CERTIFICATE-----\n");
  }));
