import type { Clock } from "../../base/mod.ts";
import type { NodeConfig } from "../config/mod.ts";
import { logger } from "../logging/mod.ts";
import {
  openTlsStore,
  readTlsFiles,
  TlsError,
  type TlsFiles,
  type TlsStore,
  type TlsUse,
  verifyTls,
} from "../tls/mod.ts";

/** A node's certificates; null where it has none. */
export interface Certificates {
  readonly peers: TlsStore | null;
  readonly api: TlsStore | null;
}

interface Wanted {
  readonly files: TlsFiles;
  readonly use: TlsUse;
  readonly asksCallers: boolean;
  /** Whose they are, for a log. */
  readonly whose: string;
}

const LOG = logger("tls");

function wantedByPeers({ raft }: NodeConfig): Wanted | null {
  const { tlsCert, tlsKey, tlsCa, advertise } = raft;
  if (tlsCert === null || tlsKey === null || tlsCa === null) return null;
  return {
    files: { section: "raft", cert: tlsCert, key: tlsKey, ca: tlsCa },
    use: {
      name: { host: advertise.host, setting: "raft.advertise" },
      isCaller: true,
    },
    asksCallers: true,
    whose: "peers",
  };
}

function wantedByApi({ api }: NodeConfig): Wanted | null {
  const { tlsCert, tlsKey, tlsCa, tlsVerifyClients, advertise } = api;
  if (tlsCert === null || tlsKey === null) return null;
  return {
    files: { section: "api", cert: tlsCert, key: tlsKey, ca: tlsCa },
    use: {
      name: { host: advertise.host, setting: "api.advertise" },
      isCaller: false,
    },
    asksCallers: tlsVerifyClients,
    whose: "the API",
  };
}

/**
 * Looks at the certificates that a configuration names.
 *
 * @param config The configuration.
 * @returns What is wrong with them, a sentence each, with the setting that it is about.
 */
export async function certificateProblems(
  config: NodeConfig,
): Promise<{ setting: string; message: string }[]> {
  const problems: { setting: string; message: string }[] = [];
  for (const wanted of [wantedByPeers(config), wantedByApi(config)]) {
    if (wanted === null) continue;
    try {
      const material = await readTlsFiles(wanted.files);
      await verifyTls(wanted.files, material, wanted.use, new Date());
    } catch (error) {
      if (!(error instanceof TlsError)) throw error;
      const { message } = error;
      const setting = message.slice(0, message.indexOf(":"));
      problems.push({ setting, message });
    }
  }
  return problems;
}

/**
 * Reads a node's certificates, and follows their files.
 *
 * @param config Its configuration.
 * @param clock Where time comes from.
 * @throws {TlsError} When others would not accept one.
 */
export async function openCertificates(
  config: NodeConfig,
  clock: Clock,
): Promise<Certificates> {
  const peers = await open(wantedByPeers(config), clock);
  try {
    return { peers, api: await open(wantedByApi(config), clock) };
  } catch (error) {
    await peers?.stop();
    throw error;
  }
}

/** Ends the following. */
export async function closeCertificates(
  { peers, api }: Certificates,
): Promise<void> {
  await peers?.stop();
  await api?.stop();
}

async function open(
  wanted: Wanted | null,
  clock: Clock,
): Promise<TlsStore | null> {
  if (wanted === null) return null;
  const { whose, files, use, asksCallers } = wanted;
  return await openTlsStore({
    files,
    use,
    asksCallers,
    clock,
    events: {
      renewed: (subject, expiresAt) =>
        LOG.info(`New certificates for ${whose} are in use`, {
          subject,
          until: expiresAt.toISOString(),
        }),
      failed: (why) =>
        LOG.error(
          `${why}; until then the certificates read before stay in use`,
        ),
      ending: (subject, expiresAt, isOver) => {
        const details = { subject, until: expiresAt.toISOString() };
        if (isOver) {
          LOG.error(
            `The certificate for ${whose} has expired: connections that stand go on, new ones fail; put a renewed one in its place`,
            details,
          );
        } else {
          LOG.warning(
            `The certificate for ${whose} expires soon; put a renewed one in its place`,
            details,
          );
        }
      },
    },
  });
}

/** How long the same trouble with callers is not told again. */
const TELL_INTERVAL_MS = 60_000;

/**
 * Makes what tells of handshakes that failed, without a line for every one of a flood.
 *
 * @param whose Whose callers fail.
 * @param clock Where time comes from.
 */
export function createTlsTeller(
  whose: string,
  clock: Clock,
): (why: string) => void {
  let toldAtMs = -Infinity;
  let untold = 0;
  return (why) => {
    // Peers look whether a port is there by connecting and hanging up.
    if (/hang up|ECONNRESET/.test(why)) return;
    const nowMs = clock.nowMs();
    if (nowMs - toldAtMs < TELL_INTERVAL_MS) {
      untold += 1;
      return;
    }
    LOG.info(`A caller of ${whose} failed to begin TLS`, {
      reason: why,
      ...untold === 0 ? {} : { more: untold },
    });
    toldAtMs = nowMs;
    untold = 0;
  };
}
