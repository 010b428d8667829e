import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import tls from "node:tls";
import { present } from "../base/mod.ts";
import {
  makeAuthority,
  replaceFiles,
  withCertificates,
} from "./certificates/mod.ts";
import {
  freePorts,
  type ManagedProcess,
  startProcess,
  until,
} from "./nodes/mod.ts";

const MAIN = join(import.meta.dirname ?? ".", "..", "main.ts");

interface ApiNode {
  readonly api: string;
  readonly process: ManagedProcess;
  readonly directory: string;
}

/** Runs a node alone whose API is configured by `flags`. */
async function withApiNode(
  directory: string,
  flags: readonly string[],
  run: (node: ApiNode) => Promise<void>,
): Promise<void> {
  const [raft = 0, port = 0] = freePorts(2);
  const api = `127.0.0.1:${port}`;
  const node = startProcess({
    name: "node",
    command: Deno.execPath(),
    args: [
      ...["run", "-A", MAIN, "serve", "--node-id=1"],
      `--node-data-dir=${join(directory, "data")}`,
      `--cluster-members=1@127.0.0.1:${raft}`,
      `--raft-listen=127.0.0.1:${raft}`,
      `--api-listen=${api}`,
      "--postgresql-managed=false",
      ...flags,
    ],
  });
  try {
    await run({ api, process: node, directory });
  } catch (error) {
    throw new Error(`It failed; the node wrote\n${node.output()}`, {
      cause: error,
    });
  } finally {
    await node.kill();
  }
}

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function ctl(words: readonly string[]): Promise<Said> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, "ctl", ...words],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

async function untilReady(
  { api }: ApiNode,
  client: Deno.HttpClient,
): Promise<void> {
  await until(async () => {
    try {
      const response = await fetch(`https://${api}/readyz`, { client });
      await response.body?.cancel();
      return response.ok || null;
    } catch {
      return null;
    }
  }, { what: "the node is ready" });
}

/** The name on the certificate that a new connection is shown. */
async function shownTo({ api }: ApiNode, ca: string): Promise<string> {
  const [host = "", port = ""] = api.split(":");
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = tls.connect({ host, port: Number(port), ca }, () => {
    resolve(String(socket.getPeerCertificate().subject.CN));
    socket.destroy();
  });
  socket.on("error", reject);
  const closed = new Promise<void>((done) => socket.once("close", done));
  const name = await promise;
  await closed;
  return name;
}

/** Follows the keys of a node over one connection, from now until it is cancelled. */
async function watchKeys(
  { api }: ApiNode,
  token: string,
  client: Deno.HttpClient,
): Promise<{ text(): string; stop(): Promise<void> }> {
  const response = await fetch(`https://${api}/v1/watch?from=1`, {
    client,
    headers: { authorization: `Bearer ${token}` },
  });
  assertEquals(response.status, 200);
  const reader = present(response.body, "a body").getReader();
  const decoder = new TextDecoder();
  let text = "";
  const reading = (async () => {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
    }
  })();
  return {
    text: () => text,
    stop: async () => {
      await reader.cancel();
      await reading;
    },
  };
}

async function putKey(
  { api }: ApiNode,
  key: string,
  token: string,
  client: Deno.HttpClient,
): Promise<number> {
  const response = await fetch(`https://${api}/v1/kv/${key}`, {
    client,
    method: "PUT",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ value: "1" }),
  });
  await response.body?.cancel();
  return response.status;
}

const OLD_TOKEN = "an-old-token-of-some-length";
const NEW_TOKEN = "a-new-token-of-some-length";

Deno.test("the API speaks TLS, and takes new certificates and tokens while a stream runs", () =>
  withCertificates(async (directory) => {
    const authority = await makeAuthority(directory);
    const names = "IP:127.0.0.1";
    const own = await authority.issue("old", { names });
    const tokenFile = join(directory, "token");
    await Deno.writeTextFile(tokenFile, OLD_TOKEN, { mode: 0o600 });
    const ca = await Deno.readTextFile(authority.ca);
    await withApiNode(directory, [
      `--api-tls-cert=${own.cert}`,
      `--api-tls-key=${own.key}`,
      `--api-tls-ca=${authority.ca}`,
      `--api-token-file=${tokenFile}`,
    ], async (node) => {
      using client = Deno.createHttpClient({ caCerts: [ca] });
      await untilReady(node, client);
      const watch = await watchKeys(node, OLD_TOKEN, client);
      assertEquals(await putKey(node, "before", OLD_TOKEN, client), 200);
      assertEquals(await shownTo(node, ca), "old");
      await assertCtlSpeaksTls(node, authority.ca);

      await Deno.writeTextFile(tokenFile, NEW_TOKEN);
      await replaceFiles(await authority.issue("new", { names }), own);
      await until(async () => await shownTo(node, ca) === "new" || null, {
        what: "new connections are shown the new certificate",
      });
      await until(
        async () =>
          await putKey(node, "after", NEW_TOKEN, client) === 200 || null,
        { what: "the new token is taken" },
      );
      assertEquals(await putKey(node, "never", OLD_TOKEN, client), 401);
      await until(() => /"after"/.test(watch.text()) || null, {
        what: "the old connection's stream goes on",
      });
      await watch.stop();
    });
  }));

async function assertCtlSpeaksTls(
  { api }: ApiNode,
  ca: string,
): Promise<void> {
  const trusting = await ctl(["--ca-file", ca, "--api", api, "status"]);
  assertEquals(trusting.code, 0, trusting.err);
  const port = api.split(":")[1];
  const quick = ["--timeout", "1", "status"];
  const failures: [words: string[], says: RegExp][] = [
    [
      ["--api", `https://${api}`],
      /its certificate is not signed by an authority of --ca-file/,
    ],
    [
      ["--ca-file", ca, "--api", `localhost:${port}`],
      /its certificate is for another name than the address given/,
    ],
  ];
  for (const [words, says] of failures) {
    const { code, err } = await ctl([...words, ...quick]);
    assertEquals(code, 1);
    assertMatch(err, says);
  }
}

Deno.test("an API that verifies its callers serves members of its authority only", () =>
  withCertificates(async (directory) => {
    const authority = await makeAuthority(directory);
    const own = await authority.issue("server", { purposes: "serverAuth" });
    const caller = await authority.issue("caller", { purposes: "clientAuth" });
    await withApiNode(directory, [
      `--api-tls-cert=${own.cert}`,
      `--api-tls-key=${own.key}`,
      `--api-tls-ca=${authority.ca}`,
      "--api-tls-verify-clients=true",
    ], async (node) => {
      using client = Deno.createHttpClient({
        caCerts: [await Deno.readTextFile(authority.ca)],
        cert: await Deno.readTextFile(caller.cert),
        key: await Deno.readTextFile(caller.key),
      });
      await untilReady(node, client);
      const place = ["--ca-file", authority.ca, "--api", node.api];
      const shown = ["--cert-file", caller.cert, "--key-file", caller.key];
      const member = await ctl([...place, ...shown, "status"]);
      assertEquals(member.code, 0, member.err);
      const stranger = await ctl([...place, "--timeout", "1", "status"]);
      assertEquals(stranger.code, 1);
      // An alert, an end or a reset, whichever is there first.
      assertMatch(stranger.err, /No node could be reached/);
      const half = await ctl([...place, ...shown.slice(0, 2), "status"]);
      assertEquals(half.code, 2);
      assertMatch(half.err, /belong together/);
    });
  }));

Deno.test("serve and serve --check say what is wrong with certificates, and nothing starts", () =>
  withCertificates(async (directory) => {
    const authority = await makeAuthority(directory);
    const { cert, key } = await authority.issue("a", { names: "DNS:a" });
    const data = join(directory, "data");
    const words = [
      ...["serve", "--node-id=1", `--node-data-dir=${data}`],
      "--cluster-members=1@127.0.0.1:7400",
      ...["--raft-listen=127.0.0.1:7400", "--postgresql-managed=false"],
      ...[`--raft-tls-cert=${cert}`, `--raft-tls-key=${key}`],
      `--raft-tls-ca=${authority.ca}`,
    ];
    for (const [more, code] of [[["--check"], 2], [[], 1]] as const) {
      const said = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", MAIN, ...words, ...more],
        stdin: "null",
      }).output();
      const text = new TextDecoder().decode(said.stdout) +
        new TextDecoder().decode(said.stderr);
      assertEquals(said.code, code, text);
      assertMatch(text, /raft\.tls_cert: the certificate in .* is for DNS:a/);
    }
    assert(await Deno.stat(data).then(() => false, () => true));
  }));
