import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { systemClock } from "../base/mod.ts";
import {
  openTlsStore,
  readTlsFiles,
  TlsError,
  type TlsFiles,
  type TlsStore,
  verifyTls,
} from "../server/tls/mod.ts";
import {
  type Authority,
  type CertificateFiles,
  makeAuthority,
  replaceFiles,
  withCertificates,
} from "./certificates/mod.ts";
import { until } from "./nodes/mod.ts";

const USE = {
  name: { host: "127.0.0.1", setting: "raft.advertise" },
  isCaller: true,
};
const HOUR_MS = 3_600_000;

interface Ground {
  readonly directory: string;
  readonly ours: Authority;
  readonly theirs: Authority;
  readonly good: CertificateFiles;
}

/** Whose files to check, and what is said of them. */
interface Case {
  readonly what: string;
  readonly files: (
    ground: Ground,
  ) => Promise<CertificateFiles & { readonly ca?: string }>;
  readonly says: RegExp;
}

const CASES: readonly Case[] = [
  {
    what: "a file that is not there",
    files: ({ good }) => Promise.resolve({ ...good, cert: "/nowhere/a.pem" }),
    says:
      /^raft\.tls_cert: the file \/nowhere\/a\.pem can't be read \(.*\); correct the path/,
  },
  {
    what: "a key in place of a certificate",
    files: ({ good }) => Promise.resolve({ ...good, cert: good.key }),
    says: /^raft\.tls_cert: the file .* holds no PEM certificate; name one/,
  },
  {
    what: "a certificate in place of a key",
    files: ({ good }) => Promise.resolve({ ...good, key: `${good.cert}.640` }),
    says: /^raft\.tls_key: the file .* holds no PEM private key; name the one/,
  },
  {
    what: "a torn certificate",
    files: async ({ directory, good }) => {
      const cert = `${directory}/torn.pem`;
      const text = await Deno.readTextFile(good.cert);
      await Deno.writeTextFile(cert, text.replace(/\n.{20}/, "\n"));
      return { ...good, cert };
    },
    says:
      /^raft\.tls_cert: the certificate in .* can't be read .*; put a whole/,
  },
  {
    what: "a key that everybody can read",
    files: async ({ directory, good }) => {
      const key = `${directory}/open.key`;
      await Deno.copyFile(good.key, key);
      await Deno.chmod(key, 0o644);
      return { ...good, key };
    },
    says: /^raft\.tls_key: the key .* has mode 644, .*; run chmod 640/,
  },
  {
    what: "a key under a passphrase",
    files: async ({ directory, good }) => {
      const key = `${directory}/locked.key`;
      const { success } = await new Deno.Command("openssl", {
        args: [
          ...["pkey", "-in", good.key, "-aes256", "-passout", "pass:secret"],
          ...["-out", key],
        ],
      }).output();
      assert(success);
      return { ...good, key };
    },
    says: /^raft\.tls_key: the key in .* is under a passphrase.*openssl pkey/,
  },
  {
    what: "the key of another certificate",
    files: async ({ ours, good }) => ({
      ...good,
      key: (await ours.issue("other")).key,
    }),
    says:
      /^raft\.tls_key: the key in .* is not that of the first certificate in/,
  },
  {
    what: "an expired certificate",
    files: ({ ours }) => ours.issue("old", { lifeMs: -HOUR_MS }),
    says:
      /^raft\.tls_cert: the certificate of CN=old in .* expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC; put a renewed one/,
  },
  {
    what: "a certificate of tomorrow",
    files: ({ ours }) =>
      ours.issue("early", { fromMs: HOUR_MS, lifeMs: 2 * HOUR_MS }),
    says: /CN=early in .* is not valid before .*; correct the clock/,
  },
  {
    what: "a foreign certificate",
    files: ({ theirs }) => theirs.issue("foreign"),
    says:
      /CN=foreign in .* is foreign: CN=theirs, who signed it, is not in .*, which holds CN=ours; use one/,
  },
  {
    what: "a certificate for another address",
    files: ({ ours }) =>
      ours.issue("elsewhere", { names: "IP:10.0.0.1,DNS:node1" }),
    says:
      /is for IP:10\.0\.0\.1, DNS:node1, and others reach this node as 127\.0\.0\.1 \(raft\.advertise\); issue one for IP:127\.0\.0\.1, or correct/,
  },
  {
    what: "a certificate that names nobody",
    files: ({ ours }) => ours.issue("127.0.0.1", { names: "" }),
    says: /names nobody among its subject alternative names, and others/,
  },
  {
    what: "a certificate for servers only",
    files: ({ ours }) => ours.issue("server", { purposes: "serverAuth" }),
    says: /may not be used for clientAuth; issue one/,
  },
];

function filesOf(
  { ours }: Ground,
  { cert, key, ca }: CertificateFiles & { readonly ca?: string },
): TlsFiles {
  return { section: "raft", cert, key, ca: ca ?? ours.ca };
}

async function withGround(
  run: (ground: Ground) => Promise<void>,
): Promise<void> {
  await withCertificates(async (directory) => {
    const ours = await makeAuthority(directory, "ours");
    const theirs = await makeAuthority(directory, "theirs");
    const good = await ours.issue("good");
    await Deno.copyFile(good.cert, `${good.cert}.640`);
    await Deno.chmod(`${good.cert}.640`, 0o640);
    await run({ directory, ours, theirs, good });
  });
}

async function check(files: TlsFiles): Promise<void> {
  await verifyTls(files, await readTlsFiles(files), USE, new Date());
}

Deno.test("certificates are refused before anything starts, in a sentence with the way out", (t) =>
  withGround(async (ground) => {
    await check(filesOf(ground, ground.good));
    for (const { what, files, says } of CASES) {
      await t.step(what, async () => {
        const given = filesOf(ground, await files(ground));
        const error = await assertRejects(() => check(given), TlsError);
        assertMatch(error.message, says);
        assertEquals(error.message.split("\n").length, 1);
      });
    }
  }));

Deno.test("a chain over an intermediate authority is followed, and its parts may stand in either file", () =>
  withGround(async (ground) => {
    const { directory, ours } = ground;
    const middle = await issueAuthority(directory, ours);
    const leaf = await middle.issue("leaf");
    await assertRejects(
      () => check(filesOf(ground, leaf)),
      TlsError,
      "foreign",
    );

    const [own, between, root] = await Promise.all(
      [leaf.cert, middle.ca, ours.ca].map((path) => Deno.readTextFile(path)),
    );
    await Deno.writeTextFile(leaf.cert, `${own}${between}`);
    await check(filesOf(ground, leaf));

    await Deno.writeTextFile(leaf.cert, `${own}`);
    const both = `${directory}/both.pem`;
    await Deno.writeTextFile(both, `${root}${between}`);
    await check(filesOf(ground, { ...leaf, ca: both }));
  }));

/** An authority whose certificate another one has signed. */
async function issueAuthority(
  directory: string,
  root: Authority,
): Promise<Authority> {
  const middle = await makeAuthority(directory, "middle");
  const at = (file: string): string => `${directory}/middle.${file}`;
  const steps = [
    [
      ...["req", "-new", "-key", at("ca.key"), "-subj", "/CN=middle"],
      ...["-addext", "basicConstraints=critical,CA:TRUE", "-out", at("csr")],
    ],
    [
      ...["x509", "-req", "-in", at("csr"), "-CA", root.ca, "-days", "2"],
      ...["-CAkey", root.ca.replace(/pem$/, "key"), "-CAcreateserial"],
      ...["-copy_extensions", "copy", "-out", middle.ca],
    ],
  ];
  for (const args of steps) {
    const { success, stderr } = await new Deno.Command("openssl", { args })
      .output();
    assert(success, new TextDecoder().decode(stderr));
  }
  return middle;
}

interface Told {
  readonly lines: string[];
  readonly store: TlsStore;
}

async function withStore(
  ground: Ground,
  files: CertificateFiles,
  now: () => Date,
  run: (told: Told) => Promise<void>,
): Promise<void> {
  const lines: string[] = [];
  const store = await openTlsStore({
    files: filesOf(ground, files),
    use: USE,
    asksCallers: true,
    clock: systemClock(),
    now,
    events: {
      renewed: (subject) => lines.push(`renewed ${subject}`),
      failed: (why) => lines.push(`failed ${why}`),
      ending: (subject, _at, isOver) =>
        lines.push(`${isOver ? "over" : "ending"} ${subject}`),
    },
  });
  try {
    await run({ lines, store });
  } finally {
    await store.stop();
  }
}

Deno.test("a store takes over what can be used, and keeps what it has otherwise", () =>
  withGround(async (ground) => {
    const { ours, theirs, good } = ground;
    await withStore(
      ground,
      good,
      () => new Date(),
      async ({ lines, store }) => {
        const first = store.current();
        let changes = 0;
        store.onChange(() => changes += 1);

        await replaceFiles(await theirs.issue("foreign"), good);
        await store.look();
        await store.look();
        assertEquals([store.current(), changes], [first, 0]);
        assertMatch(lines.join("\n"), /^failed raft.tls_cert: .*CN=foreign.*$/);

        await replaceFiles(await ours.issue("next"), good);
        await store.look();
        assertEquals(store.current(), first);
        await store.look();
        assertEquals(changes, 1);
        assertEquals(
          store.current().cert,
          await Deno.readTextFile(good.cert),
        );
        assertEquals(lines.at(-1), "renewed CN=next");
      },
    );
  }));

Deno.test("a store tells once a day that its certificate ends, and at once that it has ended", () =>
  withGround(async (ground) => {
    const files = await ground.ours.issue("day", { lifeMs: 24 * HOUR_MS });
    const startMs = Date.now();
    let hours = 0;
    const now = (): Date => new Date(startMs + hours * HOUR_MS);
    await withStore(ground, files, now, async ({ lines, store }) => {
      for (hours = 0; hours <= 49; hours++) await store.look();
      assertEquals(lines, [
        "ending CN=day",
        "over CN=day",
        "over CN=day",
      ]);
      await until(() => lines.length === 3 || null, { what: "all is told" });
    });
  }));
