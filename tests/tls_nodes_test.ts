import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { present } from "../base/mod.ts";
import {
  type Authority,
  type CertificateFiles,
  type CertificateOptions,
  makeAuthority,
  replaceFiles,
  withCertificates,
} from "./certificates/mod.ts";
import { type ClusterOptions, until, withCluster } from "./nodes/mod.ts";
import { valueOf } from "./node_test_kit.ts";

/** Flags by which every node has a certificate of its own, of one authority, in `directory`. */
function peersOverTls(directory: string): ClusterOptions {
  return {
    ownFlags: ({ id }) => ({
      "raft-tls-cert": join(directory, `node${id}.pem`),
      "raft-tls-key": join(directory, `node${id}.key`),
      "raft-tls-ca": join(directory, "authority.ca.pem"),
    }),
  };
}

async function issueAll(
  authority: Authority,
  suffix = "",
  options: CertificateOptions = {},
): Promise<CertificateFiles[]> {
  const ids = [1, 2, 3];
  const all: CertificateFiles[] = [];
  for (const id of ids) {
    all.push(await authority.issue(`node${id}${suffix}`, options));
  }
  return all;
}

async function pem(
  { cert, key }: CertificateFiles,
): Promise<{ cert: string; key: string }> {
  return {
    cert: await Deno.readTextFile(cert),
    key: await Deno.readTextFile(key),
  };
}

/** Asks a peer port for a challenge; returns the status, or why there is none. */
async function askPeer(
  address: string,
  scheme: "http" | "https",
  options: Deno.CreateHttpClientOptions,
): Promise<string> {
  using client = Deno.createHttpClient({ ...options, http2: true });
  try {
    const response = await fetch(`${scheme}://${address}/raft/v1/challenge`, {
      client,
    });
    await response.body?.cancel();
    return String(response.status);
  } catch (error) {
    return error instanceof Error ? String(error.cause ?? error) : "";
  }
}

Deno.test("peers speak TLS to members of their authority and to nobody else", () =>
  withCertificates(async (directory) => {
    const authority = await makeAuthority(directory);
    const [own] = await issueAll(authority);
    const stranger = await makeAuthority(directory, "stranger");
    const foreign = await stranger.issue("foreign");
    await withCluster(peersOverTls(directory), async (cluster) => {
      valueOf(await cluster.node(2).client.put("a", "1"));
      assertEquals(
        valueOf(await cluster.node(3).client.get("a"))?.value,
        "1",
      );
      const { raft } = cluster.node(1);
      const caCerts = [await Deno.readTextFile(authority.ca)];
      const member = await pem(present(own, "a certificate"));
      assertEquals(
        await askPeer(raft, "https", { caCerts, ...member }),
        "204",
      );
      // An alert, an end or a reset, whichever is there first; never an answer.
      for (
        const refused of [
          await askPeer(raft, "https", { caCerts }),
          await askPeer(raft, "https", { caCerts, ...await pem(foreign) }),
          await askPeer(raft, "http", { http1: false }),
        ]
      ) assert(!/^\d+$/.test(refused), refused);
    });
  }));

/** Long enough for a cluster to form, short enough to wait for its end. */
const SHORT_LIFE_MS = 15_000;

Deno.test("certificates may expire under streams, and renewed ones are taken while the nodes run", () =>
  withCertificates(async (directory) => {
    const authority = await makeAuthority(directory);
    const short = await issueAll(authority, "", { lifeMs: SHORT_LIFE_MS });
    const endsAtMs = Date.now() + SHORT_LIFE_MS;
    await withCluster(peersOverTls(directory), async (cluster) => {
      valueOf(await cluster.node(1).client.put("a", "before"));
      await until(() => Date.now() > endsAtMs || null, {
        what: "the certificates have expired",
      });
      valueOf(await cluster.node(2).client.put("a", "expired"));

      const renewed = await issueAll(authority, "new");
      for (const [at, files] of renewed.entries()) {
        await replaceFiles(files, present(short[at], "what it renews"));
      }
      for (const node of cluster.nodes) {
        await until(
          () =>
            /New certificates for peers are in use/.test(node.output()) || null,
          { what: `node ${node.id} uses its renewed certificate` },
        );
        assertMatch(
          node.output(),
          /certificate for peers has expired|expires soon/,
        );
      }
      valueOf(await cluster.node(2).client.put("a", "renewed"));
      // Its new streams are made with, and to, renewed certificates only.
      await cluster.node(3).kill();
      cluster.node(3).restart();
      await cluster.node(3).ready();
      valueOf(await cluster.node(3).client.put("a", "again"));
    });
  }));
