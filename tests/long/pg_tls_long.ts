import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { leaveTail } from "../pg_fault_kit.ts";
import { overcome, runScenarios, type Scenario } from "../pg_test_kit.ts";
import { type PgCluster, withPgCluster } from "../postgres/mod.ts";

/** A certificate that is its own authority, for all members. */
async function makeCertificate(
  directory: string,
): Promise<Record<string, string>> {
  const [cert, key] = [join(directory, "crt"), join(directory, "key")];
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
      ...["-subj", "/CN=members", "-keyout", key, "-out", cert],
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  await Deno.chmod(key, 0o600);
  return {
    "postgresql-tls-cert": cert,
    "postgresql-tls-key": key,
    "postgresql-tls-ca": cert,
  };
}

/** Everybody streams, and nobody in the clear. */
async function assertEncrypted(cluster: PgCluster): Promise<void> {
  const { primary } = await cluster.settled();
  const { rows } = await primary.queryLocally(
    "select ssl from pg_stat_replication join pg_stat_ssl using (pid)",
  );
  assertEquals(rows, [["t"], ["t"]]);
}

const SCENARIOS: readonly Scenario[] = [
  [
    "the primary's node is killed with a tail of its own, and comes back",
    async (blow) => {
      const { cluster, reign: { primary } } = blow;
      await assertEncrypted(cluster);
      await leaveTail(blow, 3);
      const next = await overcome(blow);
      assert(next.primary !== primary);
      primary.restart();
      await assertEncrypted(cluster);
    },
  ],
  ["the postmaster is killed", async (blow) => {
    blow.reign.primary.killPostmaster();
    await overcome(blow);
    await assertEncrypted(blow.cluster);
  }],
];

Deno.test("no acknowledged row is lost, and none is sent in the clear, with certificates when", async (t) => {
  const directory = await Deno.makeTempDir({ prefix: "pgraft-tls-" });
  try {
    const flags = await makeCertificate(directory);
    await withPgCluster(
      { flags },
      (cluster) => runScenarios(t, cluster, SCENARIOS),
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
